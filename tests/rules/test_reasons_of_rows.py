"""Every row of a batch has a reason of its own: the history keeps each, at the price of one write."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from biobank.access import Actor
from biobank.batch.door import Change, Door, Outcome
from biobank.records import past
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.participant.detail import RegistrationDetail
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.writes import REGISTRATIONS
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.writes import SPECIMENS
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.writes import VISITS
from tests import factories, studies
from tests import specimen_cast as cast

pytestmark = pytest.mark.django_db
COUNT = 8


@pytest.fixture
def importer(admin: User) -> Actor:
    return actor_of(admin, via="import")


def write(door: Door[Any, Any], batch: Sequence[Change[Any]], actor: Actor) -> list[Outcome]:
    with transaction.atomic():
        return door.write_each(batch, actor)


def reasons(model: Any, pk: int | None) -> list[str | None]:
    """Those of all writes of a record, oldest first; all were done by the same person through the same door."""
    rows = list(past(model).filter(pgh_obj=pk).order_by("pgh_id").select_related("pgh_context"))
    assert {(row.pgh_context.metadata["login"], row.pgh_context.metadata["via"]) for row in rows} == {
        ("admin", "import")
    }
    return [row.pgh_context.metadata.get("reason") for row in rows]


def visits(count: int, **more: Any) -> list[Change[VisitDetail]]:
    body = {"cpShortTitle": "LC", "ppid": "P1", "visitDate": "2024-03-12", **more}
    return [Change(VisitDetail.parse({**body, "opComments": f"why {n}"})) for n in range(count)]


@pytest.fixture
def person(db: None) -> Any:
    return studies.registration(studies.protocol("LC"), "P1")


@pytest.mark.usefixtures("person")
def test_each_row_keeps_its_reason_whatever_becomes_of_the_others(importer: Actor) -> None:
    batch = visits(COUNT)
    batch[2].detail.ppid = "nobody"
    batch[5].detail.op_comments = None
    batch[6].detail.op_comments = "why 0"
    outcomes = write(VISITS, batch, importer)
    assert [outcome.ok for outcome in outcomes] == [n != 2 for n in range(COUNT)]
    found = [reasons(Visit, outcome.pk) for outcome in outcomes if outcome.ok]
    assert found == [["why 0"], ["why 1"], ["why 3"], ["why 4"], [None], ["why 0"], ["why 7"]]


@pytest.mark.usefixtures("person")
def test_many_reasons_cost_no_more_statements_than_a_few(importer: Actor) -> None:
    def taken(count: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert all(outcome.ok for outcome in write(VISITS, visits(count), importer))
        return len(seen)

    taken(COUNT)
    assert taken(COUNT) == taken(5 * COUNT)


def test_what_is_written_along_with_a_row_has_its_reason(importer: Actor) -> None:
    studies.protocol("LC", at=[factories.site("North")])
    batch = [
        Change(
            RegistrationDetail.parse(
                {
                    "cpShortTitle": "LC",
                    "ppid": f"R{n}",
                    "registrationDate": "2024-03-11",
                    "participant": {"lastName": f"N{n}", "pmis": [{"siteName": "North", "mrn": f"{n}"}]},
                    "opComments": f"why {n}",
                }
            )
        )
        for n in range(COUNT)
    ]
    with CaptureQueriesContext(connection) as seen:
        outcomes = write(REGISTRATIONS, batch, importer)
    assert len(seen) < 60  # written at once
    for n, outcome in enumerate(outcomes):
        person = Registration.objects.get(pk=outcome.pk or 0).participant
        records = MedicalRecord.objects.filter(participant=person)
        assert reasons(Registration, outcome.pk) == reasons(Participant, person.pk) == [f"why {n}"]
        assert [reasons(MedicalRecord, record.pk) for record in records] == [[f"why {n}"]]


def test_rows_that_change_what_others_made_keep_their_reasons_too(importer: Actor) -> None:
    """The parent of a child is written by the row of the child: such rows are written one after the other."""
    visit = cast.visit(studies.protocol(manual_spec_label_enabled=True))
    parent = Change(
        SpecimenDetail.parse({"visitName": visit.name, "type": "Plasma", "label": "P", "initialQty": 10})
    )
    (made,) = write(SPECIMENS, [parent], importer)
    children = [
        Change(
            SpecimenDetail.parse(
                {
                    "parentLabel": "P",
                    "lineage": "Aliquot",
                    "label": f"P_{n + 1}",
                    "initialQty": 1,
                    "opComments": f"why {n}",
                }
            )
        )
        for n in range(COUNT)
    ]
    outcomes = write(SPECIMENS, children, importer)
    assert [outcome.problems for outcome in outcomes] == [()] * COUNT
    assert [reasons(Specimen, outcome.pk) for outcome in outcomes] == [[f"why {n}"] for n in range(COUNT)]
    assert reasons(Specimen, made.pk) == [None, *(f"why {n}" for n in range(COUNT))]


def test_one_record_in_several_rows_has_the_reason_of_each(importer: Actor) -> None:
    visit = cast.visit(studies.protocol(manual_spec_label_enabled=True))
    row = Change(
        SpecimenDetail.parse({"visitName": visit.name, "type": "Plasma", "label": "P", "initialQty": 10})
    )
    (made,) = write(SPECIMENS, [row], importer)
    changes = [
        Change(SpecimenDetail.parse({"comments": f"c{n}", "opComments": f"why {n}"}), made.pk)
        for n in range(COUNT)
    ]
    assert all(outcome.ok for outcome in write(SPECIMENS, changes, importer))
    assert reasons(Specimen, made.pk) == [None, *(f"why {n}" for n in range(COUNT))]
