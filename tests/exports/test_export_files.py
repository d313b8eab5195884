"""What stands in the file of an export job: columns, values, attachments (spec 04 §6.3)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.batch.schema import Cell, Column, Export, ImportSchema, Sub, Wanted
from biobank.wire.detail import Payload
from exports.objects.cells import Formats, writer
from importjobs.cells import Formats as ReadingFormats
from importjobs.cells import converter
from tests.client import Api
from tests.exports.exporting import archive, exported, text

pytestmark = pytest.mark.django_db


class Thing(Payload):
    """Has no values of its own: tests export dicts."""


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> "Things":
    return Things(monkeypatch)


class Things:
    """A kind of records that consists of what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def are(self, columns: Sequence[Column | Sub], *details: Any, **more: Any) -> None:
        def batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[Any]]:
            for detail in details:
                yield [detail]

        schema = ImportSchema("thing", "Things", Thing, None, columns, export=Export(batches, **more))
        self._patch.setitem(schemas._schemas, "thing", schema)


def test_repeated_parts_get_as_many_columns_as_the_widest_record_needs(api: Api, things: Things) -> None:
    columns = (
        Column("Name", "name"),
        Column("Race", "races", multiple=True),
        Sub("pmis", (Column("Site", "siteName"), Column("MRN", "mrn")), caption="PMI", multiple=True),
        Sub("person", (Column("E-mail", "mail"), Column("Tag", "tags", multiple=True)), caption="By"),
        Sub("inner", (Column("Sex", "sex"),)),
        Column("Last", "last"),
    )
    things.are(
        columns,
        {"name": "a", "races": ["x", None, "", "y"], "pmis": [{"mrn": "1"}, {}, None, {"siteName": "S"}]},
        {"name": "b", "person": {"mail": "m", "tags": ["t"]}, "inner": {"sex": "F"}, "last": "z"},
    )
    assert text(api, "thing").splitlines() == [
        '"Name","Race#1","Race#2","PMI#1#Site","PMI#1#MRN","PMI#2#Site","PMI#2#MRN","By#E-mail","By#Tag#1","Sex","Last"',
        '"a","x","y","","1","S","","","","",""',
        '"b","","","","","","","m","t","F","z"',
    ]


def test_repeated_parts_within_repeated_parts(api: Api, things: Things) -> None:
    site = Sub(
        "sites", (Column("Name", "name"), Column("Code", "codes", multiple=True)), "Site", multiple=True
    )
    things.are(
        (site, Column("End", "end")),
        {"sites": [{"name": "A", "codes": ["1", "2"]}, {"name": "B"}], "end": "!"},
        {"sites": [{"name": "C", "codes": ["3"]}]},
        {},
    )
    assert text(api, "thing").splitlines() == [
        '"Site#1#Name","Site#1#Code#1","Site#1#Code#2","Site#2#Name","Site#2#Code#1","Site#2#Code#2","End"',
        '"A","1","2","B","","","!"',
        '"C","3","","","","",""',
        '"","","","","","",""',
    ]


def test_without_records_each_repeated_part_has_one_column(api: Api, things: Things) -> None:
    things.are((Column("Name", "name"), Column("Race", "races", multiple=True)))
    assert text(api, "thing") == '"Name","Race#1"\n'


def test_a_list_can_be_spread_over_rows(api: Api, things: Things) -> None:
    item = Sub("items", (Column("What", "what"),), multiple=True, one_a_row=True)
    things.are(
        (Column("Name", "name"), item), {"name": "a", "items": [{"what": "1"}, {"what": "2"}]}, {"name": "b"}
    )
    assert text(api, "thing").splitlines()[1:] == ['"a","1"', '"a","2"', '"b",""']
    assert exported(api, "thing", params={"x": "1"})["totalRecords"] == 2


def test_cells_are_quoted_guarded_and_kept_whole(api: Api, things: Things) -> None:
    values = ["=1+1", '"q", x', "two\nlines", "-5", "@a", "'tis", "Ünï"]
    things.are(
        [Column(f"C{n}", str(n)) for n in range(len(values))], {str(n): v for n, v in enumerate(values)}
    )
    line = text(api, "thing").split("\n", 1)[1]
    assert line == '"\'=1+1","""q"", x","two\nlines","-5","\'@a","\'tis","Ünï"\n'


def test_values_are_written_as_documented(api: Api, things: Things) -> None:
    noon = datetime(2024, 7, 1, 10, 30, tzinfo=UTC)
    kinds: list[tuple[Cell, object, str]] = [
        (Cell.WHOLE, 7, "7"), (Cell.NUMBER, Decimal("10.500"), "10.5"), (Cell.NUMBER, Decimal("1E+3"), "1000"),
        (Cell.NUMBER, 0.1, "0.1"), (Cell.NUMBER, Decimal("0.00"), "0"), (Cell.FLAG, True, "yes"),
        (Cell.FLAG, False, "no"), (Cell.DAY, date(1950, 2, 3), "02-03-1950"), (Cell.INSTANT, noon, "07-01-2024 12:30"),
        (Cell.DATE, noon, "07-01-2024 12:30"), (Cell.DATE, datetime(2024, 6, 30, 22, tzinfo=UTC), "07-01-2024"),
        (Cell.TEXT, 5, "5"), (Cell.TEXT, None, ""), (Cell.FLAG, None, ""),
    ]  # fmt: skip
    columns = [Column(f"C{n}", str(n), cell) for n, (cell, _, _) in enumerate(kinds)]
    things.are(columns, {str(n): value for n, (_, value, _) in enumerate(kinds)})
    vienna = {"X-OS-CLIENT-TZ": "Europe/Vienna"}
    job = api.post("/export-jobs", {"objectType": "thing"}, **vienna).json
    from exports.tasks import export_objects

    export_objects(job["id"])
    with archive(api, job["id"]) as found:
        line = found.read("output.csv").decode().splitlines()[1]
    assert line == ",".join(f'"{expected}"' for _, _, expected in kinds)


@pytest.mark.parametrize("time_format", ["HH:mm", "hh:mm a", "HH:mm:ss", "HH", "hh:mm"])
@pytest.mark.parametrize("cell", [Cell.DATE, Cell.INSTANT])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "Asia/Beirut"])
def test_a_moment_is_read_again_as_it_was(zone: str, cell: Cell, time_format: str) -> None:
    """With seconds, fractions, twice in the night the summer ends, at a midnight that summer time skips."""
    reading = ReadingFormats.parse("MM-dd-yyyy", time_format, zone)
    read = converter(cell, reading)
    write = writer(cell, Formats(reading.day, reading.moment, ZoneInfo(zone)))
    assert read is not None
    for moment in (
        datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 23, tzinfo=UTC),
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
        datetime(2024, 3, 30, 22, tzinfo=UTC),
        datetime(2024, 5, 5, 13, 1, 2, tzinfo=UTC), datetime(2024, 5, 5, 1, 1, 2, 345_000, tzinfo=UTC),
        datetime(2024, 5, 5, 1, 1, 2, 345_678, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC),
    ):  # fmt: skip
        assert read(write(moment)) == moment


def test_attachments_lie_beside_the_file_that_names_them(api: Api, things: Things, tmp_path: Path) -> None:
    report = tmp_path / "stored"
    report.write_bytes(b"%PDF-1.4 report")
    known = {
        "a": ("my report.pdf", report),
        "b": ("my report.pdf", report),
        "d": ("gone.pdf", tmp_path / "gone"),
    }
    things.are(
        (Column("Name", "name"), Column("Report", "report", Cell.FILE)),
        *({"name": name, "report": "shown elsewhere"} for name in "abcd"),
        files=lambda details: [known.get(detail["name"]) for detail in details],
    )
    with archive(api, exported(api, "thing")["id"]) as found:
        assert sorted(found.namelist()) == ["files/1_my report.pdf", "files/2_my report.pdf", "output.csv"]
        assert found.read("files/2_my report.pdf") == b"%PDF-1.4 report"
        lines = found.read("output.csv").decode().splitlines()
    assert lines[1:] == ['"a","1_my report.pdf"', '"b","2_my report.pdf"', '"c",""', '"d",""']


def test_many_records_go_over_the_disk(api: Api, things: Things, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exports.objects.writing._IN_MEMORY", 1000)
    things.are(
        (Column("Name", "name"), Column("Race", "races", multiple=True)),
        *({"name": "n" * n} for n in range(300)),
    )
    lines = text(api, "thing").splitlines()
    assert len(lines) == 301
    assert lines[-1] == f'"{"n" * 299}",""'
