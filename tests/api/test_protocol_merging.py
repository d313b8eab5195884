"""Two protocols become one (spec 02 §A6)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.participant.models import ConsentResponse, Participant, Registration
from specimens.protocol.detail.protocols import MergeDetail
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ConsentTier
from specimens.protocol.writes.merging import merge_protocols
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, specimen_cast, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocols/merge"
BODY = {"srcCpShortTitle": "B", "tgtCpShortTitle": "A"}


def pair(**more: Any) -> tuple[CollectionProtocol, CollectionProtocol]:
    """The source B, with these values, and the target A."""
    return studies.protocol("B", **more), studies.protocol("A")


def sampled(of: Registration, event: Any = None, requirement: Any = None) -> Specimen:
    """A specimen of a visit of the registration."""
    at = studies.visit(of, event=event)
    return Specimen.objects.create(
        protocol=of.protocol, visit=at, requirement=requirement, label=f"S{factories.number()}",
        specimen_class="Fluid", type="Plasma",
    )  # fmt: skip


def test_registrations_visits_and_specimens_move(api: Api, statuses: Statuses) -> None:
    source, target = pair(ppid_fmt="%CP_CODE%%CP_UID%")
    studies.event(target, "Later", 30)
    first = studies.event(target, "First", 0)
    old = studies.event(source)
    one = studies.registration(source, "P1")
    specimen = sampled(one, old, specimen_cast.requirement(old))
    answer = api.post(URL, BODY)
    assert (answer.status, answer.json) == (200, BODY)
    one.refresh_from_db()
    specimen.refresh_from_db()
    visit = Visit.objects.get(pk=specimen.visit_id)
    assert (one.protocol_id, visit.protocol_id, specimen.protocol_id) == (target.pk,) * 3
    assert (visit.event_id, specimen.requirement_id) == (first.pk, None)
    source.refresh_from_db()
    assert source.activity_status == "Active"
    assert api.get(f"/collection-protocols/{source.pk}/dependent-entities").json == []


def test_visits_become_unplanned_where_the_target_has_no_open_event(api: Api) -> None:
    source, target = pair()
    studies.event(target, activity_status="Closed")
    specimen = sampled(studies.registration(source), studies.event(source))
    assert api.post(URL, BODY).status == 200
    assert Visit.objects.get(pk=specimen.visit_id).event_id is None


def test_a_registration_that_the_target_has_hands_its_visits_over(api: Api) -> None:
    source, target = pair()
    same_ppid, same_person = studies.registration(source, "P1"), studies.registration(source, "P2")
    alone = studies.registration(source, "P3")
    heir_by_ppid = studies.registration(target, "P1")
    heir_by_person = studies.registration(target, "Q2")
    Registration.objects.filter(pk=heir_by_person.pk).update(participant=same_person.participant)
    specimens = [sampled(row) for row in (same_ppid, same_person, alone)]
    assert api.post(URL, BODY).status == 200
    heirs = [Visit.objects.get(pk=row.visit_id).registration_id for row in specimens]
    assert heirs == [heir_by_ppid.pk, heir_by_person.pk, alone.pk]
    assert set(Visit.objects.values_list("protocol_id", flat=True)) == {target.pk}
    for row in (same_ppid, same_person):
        row.refresh_from_db()
        assert (row.activity_status, row.protocol_id) == ("Disabled", source.pk)
    active = Participant.objects.filter(activity_status="Active").values_list("pk", flat=True)
    assert same_person.participant_id in active and same_ppid.participant_id not in active


def test_responses_go_to_the_same_statements_of_the_target(api: Api) -> None:
    source, target = pair()
    shared, lost = (ConsentStatement.objects.create(code=code, statement=code) for code in ("X", "Y"))
    tiers = [ConsentTier.objects.create(protocol=source, statement=row) for row in (shared, lost)]
    heir = ConsentTier.objects.create(protocol=target, statement=shared)
    one = studies.registration(source)
    for tier in tiers:
        ConsentResponse.objects.create(registration=one, tier=tier, response="Yes")
    assert api.post(URL, BODY).status == 200
    found = set(ConsentResponse.objects.filter(registration=one).values_list("tier_id", flat=True))
    assert found == {heir.pk, tiers[1].pk}


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ({"ppid_fmt": "%CP_UID%"}, {"ppid_fmt": "%CP_UID%"}, True),
        ({"ppid_fmt": "%CP_UID%"}, {}, True),
        ({}, {"ppid_fmt": "%CP_UID%"}, False),
        ({"visit_name_fmt": "%PPI%"}, {"visit_name_fmt": "%SYS_UID%"}, False),
        ({"specimen_label_fmt": "%PPI%"}, {"specimen_label_fmt": "%SYS_UID%"}, False),
        ({}, {"derivative_label_fmt": "%SYS_UID%"}, False),
        ({}, {"aliquot_label_fmt": "%SYS_UID%"}, False),
        ({}, {"additional_label_fmt": "%SYS_UID%"}, True),
    ],
)
def test_formats_must_be_the_same_or_blank_in_the_target(
    api: Api, source: dict[str, Any], target: dict[str, Any], fits: bool
) -> None:
    studies.protocol("B", **source)
    studies.protocol("A", **target)
    answer = api.post(URL, BODY)
    assert answer.status == 200 if fits else answer.codes == ["CP_CANNOT_MERGE_FMT_DIFFERS"]


def test_what_cannot_be_merged(api: Api, as_user: Callable[[User], Api], statuses: Statuses) -> None:
    pair()
    studies.protocol("C", specimen_centric=True)
    assert api.post(URL, {**BODY, "srcCpShortTitle": "NOBODY"}).codes == ["CP_NOT_FOUND"]
    assert api.post(URL, {}).codes == ["CP_NOT_FOUND"]
    assert api.post(URL, {**BODY, "tgtCpShortTitle": "b"}).codes == ["COMMON_INVALID_INPUT"]
    for body in ({**BODY, "srcCpShortTitle": "C"}, {**BODY, "tgtCpShortTitle": "C"}):
        assert api.post(URL, body).codes == ["CP_OP_NOT_ALLOWED_SC"]
    refused = as_user(factories.user("INSTITUTE")).post(URL, BODY)
    assert (refused.status, refused.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])


def test_merging_many_costs_no_more_statements_than_merging_a_few(admin: User) -> None:
    def statements(rows: int) -> int:
        source, target = studies.protocol(f"B{rows}"), studies.protocol(f"A{rows}")
        for n in range(rows):
            sampled(studies.registration(source, f"P{n}"))
            sampled(studies.registration(source, f"Q{n}"))
            studies.registration(target, f"P{n}")
        detail = MergeDetail(src_cp_short_title=source.short_title, tgt_cp_short_title=target.short_title)
        with CaptureQueriesContext(connection) as found:
            merge_protocols(detail, actor_of(admin))
        return len(found)

    assert statements(2) == statements(6)
