"""What a visit's status, event and registration mean for its specimens (spec 03 §2.3, §2.4)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, specimen_cast, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol(
        "LC", specimen_label_fmt="%PPI%.%PPI_UID%", derivative_label_fmt="%PSPEC_LABEL%.D%PSPEC_UID%"
    )


@pytest.fixture
def event(cohort: CollectionProtocol) -> Event:
    return studies.event(cohort, "Baseline")


@pytest.fixture
def plan(event: Event) -> list[Requirement]:
    """Blood, plasma made of it, an aliquot of the plasma."""
    blood = specimen_cast.requirement(event, code="WB", initial_qty=Decimal(10))
    plasma = specimen_cast.requirement(event, code="PL", lineage="Derived", parent=blood, type="Plasma")
    part = specimen_cast.requirement(
        event, code="AL", lineage="Aliquot", parent=plasma, type="Plasma", initial_qty=Decimal(1)
    )
    return [blood, plasma, part]


@pytest.fixture
def ida(cohort: CollectionProtocol) -> Registration:
    return studies.registration(cohort, "LC-0042")


def visit(api: Api, of: Registration, event: Event, status: str = "Complete") -> dict[str, Any]:
    answer = api.post("/visits", {"cprId": of.pk, "eventId": event.pk, "status": status})
    assert answer.status == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def becomes(api: Api, row: dict[str, Any], **change: Any) -> dict[str, Any]:
    answer = api.put(f"/visits/{row['id']}", {**row, **change})
    assert answer.status == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def specimens(row: dict[str, Any]) -> list[Specimen]:
    return list(Specimen.objects.filter(visit=row["id"]).order_by("pk"))


@pytest.mark.parametrize("status", ["Complete", "Pending"])
def test_a_new_visit_makes_no_specimens(
    api: Api, ida: Registration, event: Event, plan: list[Requirement], status: str
) -> None:
    assert specimens(visit(api, ida, event, status)) == []


@pytest.mark.parametrize("status", ["Missed Collection", "Not Collected"])
def test_a_visit_without_collection_stores_its_whole_plan_in_its_status(
    api: Api, ida: Registration, event: Event, plan: list[Requirement], status: str
) -> None:
    rows = specimens(visit(api, ida, event, status))
    assert [(row.requirement_id, row.status) for row in rows] == [(one.pk, status) for one in plan]
    assert [row.parent_id for row in rows] == [None, rows[0].pk, rows[1].pk]
    assert {row.label for row in rows} == {None}


@pytest.mark.parametrize("status", ["Missed Collection", "Not Collected"])
def test_a_visit_that_is_missed_later_takes_collected_specimens_along(
    api: Api, ida: Registration, event: Event, plan: list[Requirement], status: str
) -> None:
    made = visit(api, ida, event)
    stored = Visit.objects.get(pk=made["id"])
    collected = specimen_cast.saved(api, stored, "", reqId=plan[0].pk, type="Whole Blood")
    unplanned = specimen_cast.saved(api, stored, "")
    assert collected["collectionEvent"]["id"] is not None
    after = becomes(api, made, status=status, missedReason="Visit cancelled")
    assert (after["status"], after["missedReason"]) == (status, "Visit cancelled")
    rows = specimens(made)
    assert {row.requirement_id for row in rows} == {None, *(one.pk for one in plan)} and len(rows) == 4
    assert {(row.status, row.available_qty or 0) for row in rows} == {(status, 0)}
    for pk in (collected["id"], unplanned["id"]):
        assert api.get(f"/specimens/{pk}").json["createdOn"] is None


def test_a_visit_that_becomes_pending_takes_its_specimens_along(
    api: Api, ida: Registration, event: Event, plan: list[Requirement]
) -> None:
    made = visit(api, ida, event)
    specimen_cast.saved(api, Visit.objects.get(pk=made["id"]), "")
    becomes(api, made, status="Pending")
    assert [(row.status, row.available_qty or 0) for row in specimens(made)] == [("Pending", 0)]


def test_a_visit_that_becomes_complete_leaves_its_specimens_alone(
    api: Api, ida: Registration, event: Event, plan: list[Requirement]
) -> None:
    made = visit(api, ida, event, "Missed Collection")
    becomes(api, made, status="Complete")
    assert {row.status for row in specimens(made)} == {"Missed Collection"}
    assert "missedReason" not in api.get(f"/visits/{made['id']}").json


def test_a_protocol_that_labels_with_the_visit_stores_its_plan_pending(
    api: Api, cohort: CollectionProtocol, ida: Registration, event: Event, plan: list[Requirement]
) -> None:
    CollectionProtocol.objects.filter(pk=cohort.pk).update(spmn_label_pre_print_mode="ON_VISIT")
    rows = specimens(visit(api, ida, event))
    assert [(row.status, row.requirement_id) for row in rows] == [("Pending", one.pk) for one in plan]
    assert [row.label for row in rows] == ["LC-0042.1", "LC-0042.1.D1", "LC-0042.1.D1_1"]


def test_another_event_drops_the_links_to_requirements(
    api: Api, cohort: CollectionProtocol, ida: Registration, event: Event, plan: list[Requirement]
) -> None:
    made = visit(api, ida, event)
    specimen_cast.saved(api, Visit.objects.get(pk=made["id"]), "", reqId=plan[0].pk, type="Whole Blood")
    becomes(api, made, eventId=studies.event(cohort, "Month 1", 30).pk)
    assert [row.requirement_id for row in specimens(made)] == [None]


def test_specimens_move_with_their_visit_to_another_protocol(
    api: Api, ida: Registration, event: Event, plan: list[Requirement]
) -> None:
    made = visit(api, ida, event)
    specimen_cast.saved(api, Visit.objects.get(pk=made["id"]), "", reqId=plan[0].pk, type="Whole Blood")
    other = studies.registration(studies.protocol("Other"))
    refused = api.put(f"/visits/{made['id']}", {**made, "cprId": other.pk})
    assert refused.codes == ["CPR_INVALID_CPE"]
    moved = becomes(api, made, cprId=other.pk, eventId=None, eventLabel=None)
    assert (moved["cpShortTitle"], moved["ppid"]) == ("Other", other.ppid)
    assert [(row.protocol_id, row.requirement_id) for row in specimens(made)] == [(other.protocol_id, None)]


def test_deleting_by_force_takes_rights_on_all_that_goes(
    api: Api,
    cohort: CollectionProtocol,
    ida: Registration,
    event: Event,
    as_user: Callable[[User], Api],
    statuses: Statuses,
) -> None:
    made = studies.visit(ida)
    specimen_cast.saved(api, made, "")
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantPhi": ["Delete"], "Visit": ["Delete"]}, protocol=cohort)
    theirs = as_user(somebody)
    paths = (f"/visits/{made.pk}", f"/collection-protocol-registrations/{ida.pk}")
    for path in paths:
        denied = theirs.delete(f"{path}?forceDelete=true")
        assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    factories.grant(somebody, {"Specimen": ["Delete"]}, protocol=cohort)
    for path in paths:
        assert theirs.delete(f"{path}?forceDelete=true").status == 200
