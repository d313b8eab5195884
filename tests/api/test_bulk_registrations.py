"""Many registrations by one call (spec 03 §1.1, §1.10)."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocol-registrations"


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC", at=[factories.site("North Hospital")], ppid_fmt="LC%CP_UID(3)%")


def body(**more: Any) -> dict[str, Any]:
    return {"cpShortTitle": "LC", "regCount": 3, "collectionSite": "North Hospital", **more}


def test_empty_registrations_are_made_by_the_number(
    api: Api, cohort: CollectionProtocol, statuses: Statuses
) -> None:
    answer = api.post(f"{URL}/bulk", body(regCount="3", events=[{"eventLabel": "Baseline"}]))
    assert answer.status == statuses.created
    assert [row["ppid"] for row in answer.json] == ["LC001", "LC002", "LC003"]
    today = datetime.combine(datetime.now(UTC).date(), time.min, UTC).timestamp() * 1000
    assert {row["registrationDate"] for row in answer.json} == {today}
    assert [row["participant"]["pmis"] for row in answer.json] == [[{"siteName": "North Hospital"}]] * 3
    assert len({row["participant"]["id"] for row in answer.json}) == 3


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"collectionSite": " "}, "CPR_COLLECTION_SITE_REQUIRED"),
        ({"collectionSite": "Nowhere"}, "SITE_NOT_FOUND"),
        ({"regCount": 0}, "COMMON_INVALID_INPUT"),
        ({"regCount": None}, "COMMON_INVALID_INPUT"),
        ({"regCount": 10_001}, "COMMON_INVALID_INPUT"),
        ({"kitDetail": {"label": "K1"}}, "COMMON_INVALID_INPUT"),
        ({"cpShortTitle": None}, "CPR_CP_REQUIRED"),
        ({"cpShortTitle": "Nothing"}, "CP_NOT_FOUND"),
    ],
)
def test_what_the_call_refuses(api: Api, cohort: CollectionProtocol, more: dict[str, Any], code: str) -> None:
    answer = api.post(f"{URL}/bulk", body(**more))
    assert (answer.status, answer.codes) == (400, [code])
    assert not Participant.objects.exists()


def test_ppids_must_be_generated(api: Api, cohort: CollectionProtocol) -> None:
    CollectionProtocol.objects.filter(pk=cohort.pk).update(manual_ppid_enabled=True)
    assert api.post(f"{URL}/bulk", body()).codes == ["CPR_PPID_REQUIRED"]


def test_it_takes_the_right_to_register(
    cohort: CollectionProtocol, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    reader = factories.user()
    factories.grant(reader, {"ParticipantPhi": ["Read", "Update"]})
    answer = as_user(reader).post(f"{URL}/bulk", body())
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


def test_the_same_change_never_makes_two_participants_one(api: Api, cohort: CollectionProtocol) -> None:
    made = api.post(f"{URL}/bulk", body()).json
    change = {
        "ppid": "X", "barcode": "B", "externalSubjectId": "E", "site": "North Hospital",
        "participant": {"id": made[0]["participant"]["id"], "empi": "E-1", "uid": "U", "gender": "Female"},
    }  # fmt: skip
    rows = api.put(f"{URL}/bulk-update", {"ids": [row["id"] for row in made], "detail": change}).json
    assert [(row["id"], row["ppid"], row["barcode"]) for row in rows] == [
        (row["id"], row["ppid"], None) for row in made
    ]
    assert {(row["externalSubjectId"], row["participant"]["gender"]) for row in rows} == {("E", "Female")}
    assert len({row["participant"]["id"] for row in rows}) == 3


def test_only_collected_specimens_stand_in_the_way_of_a_bulk_delete(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api]
) -> None:
    rows = [studies.registration(cohort) for _ in range(2)]
    visit = studies.visit(rows[0])
    query = f"{URL}?id={rows[0].pk},{rows[1].pk}"
    tube = Specimen.objects.create(
        protocol=cohort, visit=visit, label="T", specimen_class="Fluid", type="Plasma"
    )
    assert as_user(factories.user()).delete(query).codes[0] == "RBAC_ACCESS_DENIED"
    assert api.delete(query).codes == ["PARTICIPANT_REF_ENTITY_FOUND"]
    assert Registration.objects.filter(activity_status="Active").count() == 2
    Specimen.objects.filter(pk=tube.pk).update(status="Pending")
    assert api.delete(query).json["completed"] is True
    assert Visit.objects.get(pk=visit.pk).activity_status == "Disabled"


def test_a_bulk_delete_names_what_it_deletes(api: Api) -> None:
    assert api.delete(URL).codes == api.get(URL).codes == ["INVALID_REQUEST"]


def test_a_bulk_delete_by_force_takes_everything_along(api: Api, cohort: CollectionProtocol) -> None:
    row = studies.registration(cohort)
    tube = Specimen.objects.create(
        protocol=cohort, visit=studies.visit(row), label="T", specimen_class="Fluid", type="Plasma"
    )
    answer = api.delete(f"{URL}?id={row.pk}&forceDelete=true&reason=withdrawn")
    assert answer.json["entities"][0]["cprId"] == row.pk
    tube.refresh_from_db()
    assert tube.activity_status == "Disabled" and str(tube.label).startswith("T_")


def test_a_registrar_without_rights_on_visits_registers_where_visits_are_planned_ahead(
    cohort: CollectionProtocol, as_user: Callable[[User], Api]
) -> None:
    CollectionProtocol.objects.filter(pk=cohort.pk).update(spmn_label_pre_print_mode="ON_REGISTRATION")
    studies.event(cohort, "Baseline")
    registrar = factories.user()
    factories.grant(registrar, {"ParticipantPhi": ["Create", "Read"]})
    answer = as_user(registrar).post(f"{URL}/bulk", body(regCount=2))
    assert answer.status == 201, answer.json
    rows: Any = Visit.objects.filter(status="Pending")
    assert rows.count() == 2
    assert rows[0].history.get().pgh_context.metadata["user"] == registrar.pk
