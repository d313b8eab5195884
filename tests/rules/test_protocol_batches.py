"""Protocols, events and requirements in batches: rows see each other, and cost no query of their own."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from biobank.batch.door import Change, Outcome
from sessions_auth.actor import actor_of
from sessions_auth.detail import UserSummary
from sessions_auth.models import User
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.detail.protocols import ProtocolDetail, SiteLink
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.models import Event, Requirement
from specimens.protocol.writes.events import EVENTS
from specimens.protocol.writes.protocols import PROTOCOLS
from specimens.protocol.writes.requirements import REQUIREMENTS
from tests import factories, studies

pytestmark = pytest.mark.django_db


def codes(outcomes: list[Outcome]) -> list[list[str]]:
    return [[problem.code for problem in outcome.problems] for outcome in outcomes]


def protocol(**more: Any) -> Change[ProtocolDetail]:
    name = f"B{factories.number()}"
    sites = [SiteLink(site_name=factories.site().name)]
    values = {"title": f"Batch {name}", "short_title": name, "cp_sites": sites, **more}
    return Change(ProtocolDetail(principal_investigator=UserSummary(id=1), **values))


def requirement(**more: Any) -> Change[RequirementDetail]:
    values = {
        "cp_short_title": "CP", "event_label": "baseline", "specimen_class": "Fluid", "type": "Whole Blood",
        "anatomic_site": "Not Specified", "laterality": "Not Specified", "pathology": "Not Specified",
        "storage_type": "Virtual", "initial_qty": "10", "collection_procedure": "Not Specified",
        "collection_container": "CPT", **more,
    }  # fmt: skip
    return Change(RequirementDetail(**values))


@pytest.fixture
def baseline(admin: User) -> Event:
    return studies.event(studies.protocol("CP"), "Baseline")


def test_protocols_of_a_batch_do_not_share_names(admin: User) -> None:
    batch = [protocol(title="Same"), protocol(title="SAME"), protocol(code="C"), protocol(code="C")]
    with transaction.atomic():
        outcomes = PROTOCOLS.write_each(batch, actor_of(admin))
    assert codes(outcomes) == [[], ["CP_DUP_TITLE"], [], ["CP_DUP_CODE"]]


def test_events_of_a_batch_do_not_share_labels(admin: User, baseline: Event) -> None:
    batch = [
        Change(ProtocolEventDetail(cp_short_title="cp", event_label=label, code=code))
        for label, code in (
            ("Week 1", "W"),
            ("week 1", None),
            ("Week 2", "W"),
            ("BASELINE", None),
            ("Week 3", "X"),
        )
    ]
    with transaction.atomic():
        outcomes = EVENTS.write_each(batch, actor_of(admin))
    assert codes(outcomes) == [[], ["CPE_DUP_LABEL"], ["CPE_DUP_CODE"], ["CPE_DUP_LABEL"], []]
    assert Event.objects.count() == 3


def test_children_name_parents_above_them_and_share_their_quantity(admin: User, baseline: Event) -> None:
    batch = [
        requirement(code="WB"),
        requirement(code="PL", lineage="Derived", parent_sr_code="WB", type="Plasma", initial_qty="5"),
        requirement(code="A1", lineage="Aliquot", parent_sr_code="PL", initial_qty="4", type="ignored"),
        requirement(code="A2", lineage="Aliquot", parent_sr_code="PL", initial_qty="2"),
        requirement(code="A3", lineage="Aliquot", parent_sr_code="LATER", initial_qty="1"),
        requirement(code="A4", lineage="Aliquot", initial_qty="1"),
        requirement(code="WB"),
        requirement(code="LATER", lineage="Sideways"),
        requirement(code="LATER"),
    ]
    with transaction.atomic():
        outcomes = REQUIREMENTS.write_each(batch, actor_of(admin))
    assert codes(outcomes) == [
        [], [], [], ["SR_INSUFFICIENT_QTY"], ["SR_PARENT_NOT_FOUND"], ["SR_PARENT_REQ_REQUIRED"], ["SR_DUP_CODE"],
        ["SR_INVALID_LINEAGE"], [],
    ]  # fmt: skip
    aliquot = Requirement.objects.get(code="A1")
    assert (aliquot.type, aliquot.parent_id) == ("Plasma", outcomes[1].pk)
    assert aliquot.collection_container == "CPT"
    assert Requirement.objects.count() == 4


def test_a_batch_costs_as_many_statements_as_one_row(admin: User, baseline: Event) -> None:
    def statements(rows: int) -> int:
        batch = [requirement(code=f"{rows}-{n}") for n in range(rows)]
        with CaptureQueriesContext(connection) as found, transaction.atomic():
            outcomes = REQUIREMENTS.write_each(batch, actor_of(admin))
        assert all(outcome.ok for outcome in outcomes)
        return len(found)

    statements(1)
    assert statements(200) == statements(2)
