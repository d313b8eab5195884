"""Participants, visits and specimens in one file: `masterSpecimen` (spec 04 §5.16)."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from biobank.records import past
from sessions_auth.tokens import issue
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api
from tests.jobs.headers import template, version_7
from tests.jobs.importing import imported, report

pytestmark = pytest.mark.django_db

FORMATS = {"dateFormat": "yyyy-MM-dd", "timeFormat": "HH:mm", "timeZone": "UTC"}
Row = dict[str, str]


def row(ppid: str, **cells: str) -> Row:
    """A row about a participant; the other cells by short names."""
    return {
        "PPID": ppid,
        "Registration Date": "2024-03-11",
        **{NAMES[name]: text for name, text in cells.items()},
    }


NAMES = {
    "cp": "CP Short Title", "reg_date": "Registration Date", "reg_site": "Registration Site", "gender": "Gender",
    "empi": "eMPI", "uid": "National ID", "last": "Last Name", "event": "Event Label", "visit": "Visit Name",
    "day": "Visit Date", "site": "Collection Site", "status": "Visit Status", "notes": "Visit Comments",
    "label": "Specimen Label", "barcode": "Barcode", "kind": "Type", "cls": "Class", "lineage": "Lineage",
    "parent": "Parent Specimen Label", "qty": "Quantity", "collected": "Collection Date", "comments": "Comments",
    "collector": "Collector", "receiver": "Receiver", "mrn_site": "PMI#1#Site Name", "mrn": "PMI#1#MRN",
    "mrn_site2": "PMI#2#Site Name", "mrn2": "PMI#2#MRN", "created": "Created On", "race": "Race#1",
}  # fmt: skip


def sheet(rows: Sequence[Row], cp: str) -> str:
    """The rows as CSV, all in one protocol unless they name theirs."""
    header = list(dict.fromkeys(["CP Short Title", *(name for one in rows for name in one)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"CP Short Title": cp, **one} for one in rows)
    return out.getvalue()


def run(api: Api, rows: Sequence[Row], cp: str, **options: Any) -> list[str]:
    """Import the rows; what the report says of each."""
    job = imported(api, sheet(rows, cp), "masterSpecimen", **{**FORMATS, **options})
    return [one["OS_ERROR_MESSAGE"] or one["OS_IMPORT_STATUS"] for one in report(api, job["id"])]


def counts() -> tuple[int, int, int, int]:
    return (
        Participant.objects.count(),
        Registration.objects.count(),
        Visit.objects.count(),
        Specimen.objects.count(),
    )


def tube(**cells: str) -> dict[str, str]:
    """The cells of a plasma tube."""
    return {"cls": "Fluid", "kind": "Plasma", **cells}


@pytest.fixture
def cp() -> str:
    found = studies.protocol("Master", manual_spec_label_enabled=True)
    studies.event(found, "Later", 30)
    studies.event(found, "Baseline", 0)
    return "Master"


def test_the_template_has_the_documented_header(api: Api) -> None:
    added = {"Receive Emails", "Phone Number", "Receive SMSes", "Available Quantity"}
    header = template(api, "masterSpecimen")
    assert [name for name in header if name not in added] == version_7("masterSpecimen")
    assert added <= set(header)


def test_two_rows_of_one_visit_day_make_one_visit_and_two_specimens(api: Api, cp: str) -> None:
    rows = [
        row("P1", gender="Female", day="2024-03-12", notes="fasting", **tube(label="S1", qty="2.5")),
        row("P1", day="2024-03-12", **tube(label="S2", collected="2024-03-12 09:30")),
    ]
    assert run(api, rows, cp) == ["SUCCESS", "SUCCESS"]
    assert counts() == (1, 1, 1, 2)
    visit = Visit.objects.get()
    assert (visit.event.label if visit.event else None, visit.status, visit.comments) == (
        "Baseline",
        "Complete",
        "fasting",
    )
    first, second = Specimen.objects.order_by("label")
    assert first.visit_id == second.visit_id == visit.pk
    assert (first.status, first.initial_qty, first.collection_time) == (
        "Collected",
        Decimal("2.5"),
        visit.visit_date,
    )
    assert second.collection_time and second.collection_time.hour == 9
    history = [past(model).count() for model in (Participant, Registration, Visit, Specimen)]
    assert run(api, rows, cp) == ["SUCCESS", "SUCCESS"]
    assert counts() == (1, 1, 1, 2)
    assert [past(model).count() for model in (Participant, Registration, Visit, Specimen)] == history


def test_a_later_row_changes_what_an_earlier_one_made(api: Api, cp: str) -> None:
    rows = [
        row("P1", gender="Female", day="2024-03-12", notes="one", **tube(label="S1")),
        row("P1", gender="Male", last="Lovelace", day="2024-03-12", notes="two", label="S1", comments="late"),
        row("P1", day="2024-03-12", notes="##set_to_blank##", **tube(label="S2")),
    ]
    assert run(api, rows, cp) == ["SUCCESS"] * 3
    assert counts() == (1, 1, 1, 2)
    person = Participant.objects.get()
    assert (person.gender, person.last_name) == ("Male", "Lovelace")
    assert Visit.objects.get().comments is None
    assert Specimen.objects.get(label="S1").comments == "late"


def test_a_failing_row_leaves_nothing_of_itself(api: Api, cp: str) -> None:
    answers = run(
        api,
        [
            row("P1", day="2024-03-12", **tube(label="S1")),
            row("P1", day="2024-04-12", cls="Fluid", kind="Unobtainium", label="S2"),
            row("P2", day="2024-03-12", cls="Fluid", kind="Unobtainium", label="S3"),
            row("P3", day="2024-03-12", status="Perhaps", **tube(label="S4")),
            row("P4", gender="Unheard of", day="2024-03-12", **tube(label="S5")),
            row("P5", **tube(label="S6")),
        ],
        cp,
    )
    assert [text == "SUCCESS" for text in answers] == [True] + [False] * 5
    assert "date" in answers[5]
    assert counts() == (1, 1, 1, 1)
    assert not past(Participant).exclude(pgh_obj_id=Participant.objects.get().pk).exists()


def test_a_row_that_shares_with_a_failing_one_stands_by_itself(api: Api, cp: str) -> None:
    answers = run(
        api,
        [
            row("P1", gender="Female", day="2024-03-12", notes="bad", cls="Fluid", kind="Odd", label="S1"),
            row("P1", day="2024-03-12", **tube(label="S2")),
            {**row("P2", gender="Female", day="2024-03-12", cls="Fluid", kind="Odd", label="S3")},
            {**row("P2", day="2024-03-12", **tube(label="S4")), "Registration Date": ""},
        ],
        cp,
    )
    assert [text == "SUCCESS" for text in answers] == [False, True, False, False]
    assert "needs its date" in answers[3]
    assert counts() == (1, 1, 1, 1)
    assert (Participant.objects.get().gender, Visit.objects.get().comments) == (None, None)


def test_children_follow_their_parents_and_have_no_visit_of_their_own(api: Api, cp: str) -> None:
    child = {"lineage": "Aliquot", "qty": "1", "created": "2024-03-13 10:00"}
    rows = [
        row("P1", day="2024-03-12", **tube(label="S1", qty="10")),
        row("", label="S1_1", parent="S1", **child),
        row("P9", day="2024-07-07", label="S1_2", parent="S1", **child),
        row("", label="S9_1", parent="S9", **child),
        row("", label="D1", parent="S1", lineage="Derived", cls="Molecular", kind="DNA", qty="3"),
        row("", label="D1_1", parent="D1", lineage="Aliquot", qty="1"),
    ]
    answers = run(api, rows, cp)
    assert [text == "SUCCESS" for text in answers] == [True, True, True, False, True, True], answers
    assert counts() == (1, 1, 1, 5)
    assert Specimen.objects.get(label="S1").available_qty == 8
    deepest = Specimen.objects.get(label="D1_1")
    assert deepest.parent and deepest.primary
    assert (deepest.type, deepest.parent.label, deepest.primary.label) == ("DNA", "D1", "S1")
    assert run(api, [one for one in rows if one["Specimen Label"] != "S9_1"], cp) == ["SUCCESS"] * 5
    assert counts() == (1, 1, 1, 5)


def test_participants_are_found_by_their_other_identifiers(api: Api, cp: str) -> None:
    north, south = factories.site("North"), factories.site("South")
    other = studies.protocol("Other", at=[north], ppid_fmt="OT%SYS_UID%")
    first = [
        row("P1", empi="E1", mrn_site="North", mrn="11"),
        row("P2", uid="U2", mrn_site="South", mrn="22"),
        row("P3", mrn_site="North", mrn="33"),
    ]
    assert run(api, first, cp) == ["SUCCESS"] * 3
    assert counts() == (3, 3, 0, 0)
    found = [
        row("", empi="E1", last="Byron"),
        row("", uid="U2", last="Babbage"),
        row("", mrn_site="North", mrn="33", last="Menabrea"),
        row("", cp="Other", empi="E1", gender="Female"),  # the same person in another protocol
        row("", mrn_site="North", mrn="11", mrn_site2="South", mrn2="22"),
        row("", cp="Other", mrn_site="North", mrn="33", mrn_site2="South", mrn2="22"),
    ]
    answers = run(api, found, cp)
    assert answers[:4] == ["SUCCESS"] * 4
    assert all("medical record numbers belong" in text for text in answers[4:])
    assert counts() == (3, 4, 0, 0)
    named = dict(Registration.objects.values_list("ppid", "participant__last_name"))
    assert named["P1"] == named[next(iter(set(named) - {"P1", "P2", "P3"}))] == "Byron"
    assert (named["P2"], named["P3"]) == ("Babbage", "Menabrea")
    assert Registration.objects.get(protocol=other).participant.gender == "Female"
    assert MedicalRecord.objects.filter(site=south).count() == 1


def test_what_a_row_must_name_is_said(api: Api, cp: str) -> None:
    answers = run(
        api,
        [
            row("P1", cp="", day="2024-03-12"),
            row("P1", cp="Nowhere"),
            row("P1", lineage="New", day="2024-03-12"),
        ],
        cp,
    )
    assert "names no collection protocol" in answers[0]
    assert "Nowhere" in answers[1]
    assert "type" in answers[2].lower()
    assert counts() == (0, 0, 0, 0)


def test_visits_are_found_by_name_else_by_event_and_day(api: Api, cp: str) -> None:
    rows = [
        row("P1", event="Later", day="2024-03-12", notes="a"),
        row("P1", day="2024-03-12 16:00", notes="b"),  # any event of the day
        row("P1", event="Baseline", day="2024-03-12", notes="c"),
        row("P1", visit="V9", day="2024-03-12", notes="d"),
        row("P1", visit="V9", day="2024-05-12"),
        row("P1", event="Nothing", day="2024-03-12"),
        row("P1", collected="2024-05-12 11:00", **tube(label="S1")),
    ]
    answers = run(api, rows, cp)
    assert answers[:5] + answers[6:] == ["SUCCESS"] * 6
    assert "Nothing" in answers[5]
    assert sorted(Visit.objects.values_list("event__label", "comments")) == [
        ("Baseline", "c"),
        ("Baseline", "d"),
        ("Later", "b"),
    ]
    assert Specimen.objects.get().visit.name == "V9"


def test_days_are_those_of_the_jobs_time_zone(api: Api, cp: str) -> None:
    rows = [
        row("P1", day="2024-03-12", notes="a"),
        row("P1", day="2024-03-12 10:00"),
        row("P1", day="2024-03-13"),
    ]
    assert run(api, rows, cp, timeZone="Asia/Kolkata") == ["SUCCESS"] * 3
    assert Visit.objects.count() == 2


def test_blanked_collectors_are_whoever_imports(api: Api, cp: str) -> None:
    nurse = factories.user()
    cells = {"day": "2024-03-12", **tube(label="S1")}
    assert run(api, [row("P1", collector=nurse.email_address, **cells)], cp) == ["SUCCESS"]
    assert Specimen.objects.get().collector_id == nurse.pk
    assert run(api, [row("P1", collector="##set_to_blank##", **cells)], cp) == ["SUCCESS"]
    found = Specimen.objects.get()
    assert found.collector is not None and found.collector.login_name == "admin"


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE", "UPSERT"])
def test_the_operation_does_not_matter(api: Api, cp: str, kind: str) -> None:
    assert run(api, [row("P1", day="2024-03-12", **tube(label="S1"))], cp, importType=kind) == ["SUCCESS"]
    assert run(api, [row("P1", label="S1", comments="x", day="2024-03-12")], cp, importType=kind) == [
        "SUCCESS"
    ]
    assert Specimen.objects.get().comments == "x"


@pytest.mark.parametrize("lacking", ["ParticipantPhi", "Visit", "PrimarySpecimen", None])
def test_each_of_the_three_rights_is_needed_with_export_import(
    api: Api, cp: str, lacking: str | None
) -> None:
    user = factories.user()
    for resource in ("ParticipantPhi", "Visit", "PrimarySpecimen"):
        bulk = [] if resource == lacking else ["Export Import"]
        factories.grant(user, {resource: ["Read", "Create", "Update", *bulk]})
    rows = [row("P1", day="2024-03-12", **tube(label=label)) for label in ("S1", "S2")]
    answers = run(Api(issue(user)), rows, cp)
    assert (set(answers) == {"SUCCESS"}) == (lacking is None)
    assert counts() == ((1, 1, 1, 2) if lacking is None else (0, 0, 0, 0))


def test_who_may_only_register_cannot_change_with_a_second_row(api: Api, cp: str) -> None:
    user = factories.user()
    factories.grant(user, {"ParticipantPhi": ["Create", "Export Import"]})
    answers = run(Api(issue(user)), [row("P1", gender="Female"), row("P1"), row("P2")], cp)
    assert [text == "SUCCESS" for text in answers] == [True, False, True]
