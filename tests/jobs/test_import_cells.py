"""From columns and cells to JSON (spec 04 §3, §3.1)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from biobank.batch.schema import Cell, Column, Sub
from biobank.tabular.captions import captions
from biobank.wire.errors import Refused
from importjobs.building import Builder
from importjobs.cells import CLEAR, Formats
from importjobs.errors import Malformed

COLUMNS = (
    Column("Identifier", "id"),
    Column("Name", "name"),
    Column("SSN", "uid", aliases=("National ID",)),
    Column("Born", "born", Cell.DAY),
    Column("Seen", "seen", Cell.INSTANT),
    Column("Count", "count", Cell.WHOLE),
    Column("Amount", "amount", Cell.NUMBER),
    Column("Active", "active", Cell.FLAG),
    Column("Race", "races", multiple=True),
    Sub("home", (Column("Street", "street"), Column("Town", "town")), caption="Home"),
    Sub("pmis", (Column("Site Name", "siteName"), Column("MRN", "mrn")), caption="PMI", multiple=True),
    Sub("participant", (Column("Gender", "gender"), Column("Ethnicity", "ethnicities", multiple=True))),
    Sub(
        "items",
        (Column("Copies", "copies"), Sub("specimen", (Column("Label", "label"),), caption="Specimen")),
        caption="Item",
        multiple=True,
    ),
)


def formats(day: str = "dd-MM-yyyy", clock: str = "HH:mm", zone: str = "UTC") -> Formats:
    return Formats.parse(day, clock, zone)


def parse(cells: dict[str, str], *, drop_id: bool = True, how: Formats | None = None) -> dict[str, Any]:
    builder = Builder(COLUMNS, list(cells), how or formats(), drop_id=drop_id)
    [(data, mistakes)] = builder.build([list(cells.values())])
    assert mistakes == []
    return dict(data)


def mistake(cells: dict[str, str], how: Formats | None = None) -> str:
    [(_, mistakes)] = Builder(COLUMNS, list(cells), how or formats()).build([list(cells.values())])
    assert len(mistakes) == 1
    return str(mistakes[0])


def test_captions_match_in_any_case_and_order_and_unknown_ones_are_ignored() -> None:
    assert parse({"colour": "red", "NAME": "Ada", "national id": "77"}) == {"name": "Ada", "uid": "77"}


def test_a_blank_cell_says_nothing_and_the_marker_clears() -> None:
    assert parse({"Name": "", "SSN": CLEAR, "Born": CLEAR}) == {"uid": None, "born": None}


def test_numbers_booleans_and_dates_become_values() -> None:
    assert parse({"Count": "12", "Amount": "0.50", "Active": "YES", "Born": "29-02-2024"}) == {
        "count": 12,
        "amount": Decimal("0.50"),
        "active": True,
        "born": date(2024, 2, 29),
    }


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Count", "1.5"), ("Count", "1,000"), ("Count", "9" * 30), ("Count", "١٢"),
        ("Amount", "12 mg"), ("Amount", "1,5"), ("Amount", "1e5"), ("Amount", "NaN"),
        ("Active", "1"), ("Active", "Y"),
        ("Born", "29-02-2023"), ("Born", "1-2-2024"), ("Born", "2024-02-01"), ("Born", "01-02-24"),
        ("Seen", "01-02-2024 25:00"), ("Seen", "yesterday"),
    ],
)  # fmt: skip
def test_cells_that_do_not_fit_are_told_by_column_and_text(column: str, text: str) -> None:
    assert mistake({column: text}).startswith(f'{column}: "{text}" ')


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("M/d/yyyy", "2/9/2024"), ("dd/MM/yy", "09/02/24"), ("yyyyMMdd", "20240209"), ("d MMM yyyy", "9 Feb 2024"),
        ("MMMM d, yyyy", "february 9, 2024"), ("EEE dd.MM.yyyy", "Fri 09.02.2024"),
        ("dd 'of' MM yyyy", "09 of 02 2024"),
    ],
)  # fmt: skip
def test_java_date_patterns(pattern: str, text: str) -> None:
    assert parse({"Born": text}, how=formats(pattern)) == {"born": date(2024, 2, 9)}


@pytest.mark.parametrize("pattern", ["", "hello", "MM-yyyy", "dd-MM-yyyy yyyy", "dd-MM-yyyy'", "qq-MM-yyyy"])
def test_patterns_that_are_no_date_patterns(pattern: str) -> None:
    with pytest.raises(Refused, match="IMPORT_JOB_INVALID_DATE_FORMAT"):
        formats(pattern)


def test_every_wrong_format_is_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        formats("hello", "moo", "Mars/Olympus")
    assert [problem.code for problem in refused.value.problems] == [
        "IMPORT_JOB_INVALID_DATE_FORMAT",
        "IMPORT_JOB_INVALID_TIME_FORMAT",
        "COMMON_INVALID_TZ",
    ]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("09-02-2024 14:30", datetime(2024, 2, 9, 13, 30, tzinfo=UTC)),
        ("09-02-2024", datetime(2024, 2, 8, 23, 0, tzinfo=UTC)),
        ("09-07-2024 14:30", datetime(2024, 7, 9, 12, 30, tzinfo=UTC)),
        ("2024-02-09T14:30:15Z", datetime(2024, 2, 9, 14, 30, 15, tzinfo=UTC)),
    ],
)
def test_instants_are_read_in_the_zone_of_the_job(text: str, instant: datetime) -> None:
    assert parse({"Seen": text}, how=formats(zone="Europe/Berlin")) == {"seen": instant}


def test_twelve_hour_clocks() -> None:
    how = formats("MM/dd/yyyy", "hh:mm a")
    assert parse({"Seen": "02/09/2024 12:05 am"}, how=how) == {"seen": datetime(2024, 2, 9, 0, 5, tzinfo=UTC)}
    assert parse({"Seen": "02/09/2024 12:05 PM"}, how=how) == {
        "seen": datetime(2024, 2, 9, 12, 5, tzinfo=UTC)
    }


def test_repeated_fields_are_read_up_to_the_first_gap() -> None:
    assert parse({"Race#1": "White", "Race#2": "Asian", "Race#3": "", "Race#4": "Other"}) == {
        "races": ["White", "Asian"]
    }
    assert parse({"Race#1": "", "Race#2": "Asian"}) == {}
    assert parse({"Race#2": "Asian"}) == {}
    assert parse({"Race": "Asian"}) == {"races": ["Asian"]}
    assert parse({"Race#1": "White", "Race#2": CLEAR}) == {"races": []}


def test_sub_records_with_and_without_prefix() -> None:
    assert parse({"Home#Street": "Elm 1", "home#TOWN": "", "Gender": "Female", "Ethnicity#1": "x"}) == {
        "home": {"street": "Elm 1"},
        "participant": {"gender": "Female", "ethnicities": ["x"]},
    }
    assert parse({"Home#Street": "", "Gender": ""}) == {}


def test_repeated_sub_records_stop_at_the_first_empty_one() -> None:
    header = ["PMI#1#Site Name", "PMI#1#MRN", "PMI#2#Site Name", "PMI#2#MRN", "PMI#3#MRN"]
    assert parse(dict(zip(header, ["A", "1", "", "2", ""], strict=True))) == {
        "pmis": [{"siteName": "A", "mrn": "1"}, {"mrn": "2"}]
    }
    assert parse(dict(zip(header, ["", "", "B", "2", ""], strict=True))) == {}
    assert parse(dict(zip(header, [CLEAR, CLEAR, "", "", ""], strict=True))) == {"pmis": []}


def test_prefixes_concatenate() -> None:
    assert parse({"Item#1#Specimen#Label": "S1", "Item#1#Copies": "2"}) == {
        "items": [{"copies": "2", "specimen": {"label": "S1"}}]
    }


def test_the_identifier_is_dropped_when_creating() -> None:
    assert parse({"Identifier": "7", "Name": "Ada"}) == {"name": "Ada"}
    assert parse({"Identifier": "7", "Name": "Ada"}, drop_id=False) == {"id": "7", "name": "Ada"}


def test_short_rows_are_blank_at_their_end_and_surplus_cells_are_ignored() -> None:
    builder = Builder(COLUMNS, ["Name", "SSN"], formats())
    assert list(builder.build([["Ada"], ["Bo", "1", "extra"]])) == [
        ({"name": "Ada"}, []),
        ({"name": "Bo", "uid": "1"}, []),
    ]


@pytest.mark.parametrize("header", [["SSN", "National ID"], ["Race", "Race#1"]])
def test_two_columns_that_mean_the_same_are_refused(header: list[str]) -> None:
    with pytest.raises(Malformed, match="mean the same"):
        Builder(COLUMNS, header, formats())


def test_the_template_shows_everything_repeated_twice() -> None:
    assert list(captions(COLUMNS)) == [
        "Identifier", "Name", "SSN", "Born", "Seen", "Count", "Amount", "Active", "Race#1", "Race#2",
        "Home#Street", "Home#Town", "PMI#1#Site Name", "PMI#1#MRN", "PMI#2#Site Name", "PMI#2#MRN",
        "Gender", "Ethnicity#1", "Ethnicity#2",
        "Item#1#Copies", "Item#1#Specimen#Label", "Item#2#Copies", "Item#2#Specimen#Label",
    ]  # fmt: skip
