"""Rows of the master table come out the same whether they are written one by one or together (spec 04 §5.16)."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from biobank.access import IMPORT, Actor
from biobank.batch.door import Change, Outcome
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.master.detail import MasterDetail
from specimens.master.writes import MASTER
from specimens.participant.detail import PmiDetail
from specimens.participant.models import MedicalRecord, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies

pytestmark = pytest.mark.django_db

Cells = dict[str, Any]
FILES = 12


@pytest.fixture
def actor() -> Actor:
    return actor_of(User.objects.get(login_name="admin"), via=IMPORT)


@pytest.fixture(autouse=True)
def world() -> None:
    """Two protocols, the second with PPIDs of its own, at two sites."""
    north, south = factories.site("North"), factories.site("South")
    for name, more in (("A", {}), ("B", {"ppid_fmt": "B%SYS_UID%", "manual_ppid_enabled": True})):
        found = studies.protocol(name, at=[north, south], manual_spec_label_enabled=True, **more)
        studies.event(found, "Second", 10)
        studies.event(found, "First", 0, default_site=south if name == "B" else None)
    person = studies.registration(CollectionProtocol.objects.get(short_title="A"), "P1")
    studies.visit(person, "V1")


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2024, 3, 12 + number, hour, tzinfo=UTC)


class Draw:
    """Random rows that name few records, so that they meet often; some of them are wrong."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same files in every run

    def rows(self) -> list[Cells]:
        return [self._row() for _ in range(self._random.randint(2, 12))]

    def _some(self, cells: Cells, chance: float, name: str, *values: Any) -> None:
        if self._random.random() < chance:
            cells[name] = self._random.choice(values)

    def _row(self) -> Cells:
        if self._random.random() < 0.2:
            return self._child()
        cells: Cells = {"cp_short_title": self._random.choice("AAAB")}
        self._some(cells, 0.8, "registration_date", date(2024, 3, 1), date(2024, 3, 1), date(2024, 3, 2))
        self._some(cells, 0.8, "ppid", "P1", "P2", "P3", "B4")
        self._some(cells, 0.2, "empi", "E1", "E2")
        self._some(cells, 0.2, "uid", "U1", "U2")
        self._some(cells, 0.2, "gender", "Male", "Female", "Odd", None)
        self._some(cells, 0.1, "last_name", "Byron", "King")
        self._some(
            cells,
            0.2,
            "pmis",
            [PmiDetail(site_name="North", mrn="1")],
            [PmiDetail(site_name="South", mrn="1")],
        )
        self._some(cells, 0.2, "reg_site", "North", "South", "Nowhere")
        self._some(cells, 0.3, "visit_name", "V1", "V2", "V3")
        self._some(cells, 0.4, "event_label", "First", "Second", "first", "Third")
        self._some(cells, 0.8, "visit_date", day(0), day(0, 9), day(1))
        self._some(cells, 0.2, "visit_comments", "one", "two", None)
        self._some(cells, 0.2, "collection_site", "North", "South")
        self._some(cells, 0.1, "status", "Complete", "Perhaps", "Missed Collection")
        if self._random.random() < 0.7:
            self._some(cells, 0.9, "label", *[f"S{n}" for n in range(1, 7)])
            self._some(cells, 0.2, "barcode", "1", "2")
            self._some(cells, 0.9, "type", "Plasma", "Plasma", "Serum", "Odd")
            self._some(cells, 0.8, "specimen_class", "Fluid")
            self._some(cells, 0.3, "collection_date", day(0, 10), day(1, 10))
            self._some(cells, 0.3, "comments", "one", "two", None)
            self._some(cells, 0.4, "initial_qty", Decimal(5), Decimal(7))
            self._some(cells, 0.1, "parent_label", "S1")
            self._some(cells, 0.1, "collector", "nobody@example.org", None)
        return cells

    def _child(self) -> Cells:
        cells: Cells = {"lineage": self._random.choice(["Derived", "Derived", "Aliquot"])}
        self._some(cells, 0.9, "parent_label", *[f"S{n}" for n in range(1, 7)])
        self._some(cells, 0.9, "label", *[f"S{n}" for n in range(3, 9)], "S1_1", "S2_1", "S3_1")
        self._some(cells, 0.5, "cp_short_title", "A", "B", "C")
        self._some(cells, 0.9, "type", "DNA", "RNA")
        self._some(cells, 0.9, "initial_qty", Decimal(1), Decimal(2))
        self._some(cells, 0.3, "comments", "one", "two")
        return cells


def records() -> dict[str, list[Any]]:
    """Everything there is, without keys and generated names."""
    people = {
        row.pk: (row.first_name, row.last_name, row.gender, row.empi, row.uid, numbers(row.pk))
        for row in (one.participant for one in Registration.objects.select_related("participant"))
    }
    visits = Visit.objects.select_related("registration", "event", "site", "protocol")
    names = {row.pk: visit_name(row) for row in visits}
    return {
        "registrations": ordered(
            (row.protocol.short_title, ppid(row), row.registration_date, row.site_id, people[row.participant_id])
            for row in Registration.objects.select_related("protocol").exclude(activity_status="Disabled")
        ),
        "visits": ordered(
            (names[row.pk], row.status, row.site.name if row.site else None, row.comments, row.activity_status)
            for row in visits
        ),
        "specimens": ordered(
            (
                row.label, row.barcode, names[row.visit_id], row.lineage, row.type, row.status, row.initial_qty,
                row.available_qty, row.comments, row.collection_time and row.collection_time.replace(microsecond=0),
                row.collector_id, row.parent.label if row.parent else None, row.activity_status,
            )
            for row in Specimen.objects.select_related("parent")
        ),
    }  # fmt: skip


def numbers(person: int) -> list[Any]:
    return sorted(MedicalRecord.objects.filter(participant=person).values_list("site__name", "mrn"))


def ppid(row: Registration) -> str:
    return row.ppid if row.protocol.short_title == "A" or row.ppid == "B4" else "generated"


def visit_name(row: Visit) -> tuple[Any, ...]:
    given = row.name if len(row.name) == 2 else "generated"
    when = row.visit_date if row.visit_date and row.visit_date.year == 2024 else None
    return row.protocol.short_title, ppid(row.registration), given, row.event and row.event.label, when


def ordered(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=repr)


def said(outcomes: Sequence[Outcome]) -> list[list[str]]:
    return [[problem.message for problem in one.problems] for one in outcomes]


def written(
    rows: Sequence[Cells], actor: Actor, at_once: int
) -> tuple[list[list[str]], dict[str, list[Any]]]:
    """What is said of rows and what there is when they are written so many at once; then all is taken back."""
    outcomes: list[Outcome] = []
    with transaction.atomic():
        for start in range(0, len(rows), at_once):
            changes = [Change(MasterDetail(**cells)) for cells in rows[start : start + at_once]]
            outcomes += MASTER.write_each(changes, actor)
        found = records()
        transaction.set_rollback(True)
    return said(outcomes), found


@pytest.mark.parametrize("seed", range(FILES))
def test_rows_together_come_out_as_one_by_one(actor: Actor, seed: int) -> None:
    rows = Draw(seed).rows()
    assert written(rows, actor, len(rows)) == written(rows, actor, 1)


def test_the_number_of_statements_does_not_depend_on_rows_or_failures(actor: Actor) -> None:
    def statements(count: int, start: int) -> int:
        rows = [
            {
                "cp_short_title": "A",
                "ppid": f"Q{number // 2}",
                "registration_date": date(2024, 3, 1),
                "visit_date": day(0),
                "label": f"T{number}",
                "specimen_class": "Fluid",
                "type": "Odd" if number % 5 == 2 else "Plasma",
            }
            for number in range(start, start + count)
        ]
        changes = [Change(MasterDetail(**cells)) for cells in rows]
        with CaptureQueriesContext(connection) as captured:
            outcomes = MASTER.write_each(changes, actor)
        assert sum(not one.ok for one in outcomes) == count // 5
        return len(captured)

    assert statements(20, 0) == statements(100, 1000)
    assert Registration.objects.filter(ppid__startswith="Q").count() == 60
