"""What is written into a cell is read again as it was: dates in Java patterns, and the guard against formulas."""

from datetime import UTC, datetime

import pytest

from biobank.tabular.lines import guarded, unguarded
from biobank.tabular.patterns import compile_pattern, finer

MOMENT = datetime(2024, 2, 9, 13, 5, 7, 120_000, UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("MM-dd-yyyy HH:mm", "02-09-2024 13:05"),
        ("d/M/yy h:mm a", "9/2/24 1:05 PM"),
        ("EEE, d MMM yyyy kk:mm:ss", "Fri, 9 Feb 2024 13:05:07"),
        ("EEEE d MMMM y K:mm a", "Friday 9 February 2024 1:05 PM"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-02-09T13:05:07.120Z"),
        ("yyyy-MM-dd'T'HH:mm:ssZ", "2024-02-09T13:05:07+0000"),
        ("dd 'of {month}' MM yyyy", "09 of {month} 02 2024"),
    ],
)
def test_a_pattern_writes_what_it_reads(pattern: str, text: str) -> None:
    found = compile_pattern(pattern)
    assert found.written(MOMENT) == text
    assert found.written(found.moment(text, UTC)) == text


def test_midnight_and_noon_by_the_clock_of_twelve_hours() -> None:
    pattern = compile_pattern("yyyy-MM-dd hh:mm a")
    for hour, text in ((0, "12:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")):
        moment = MOMENT.replace(hour=hour, second=0, microsecond=0)
        assert pattern.written(moment) == f"2024-02-09 {text}"
        assert pattern.moment(pattern.written(moment), UTC) == moment


def test_a_year_of_two_digits_that_means_another_century_is_written_in_full() -> None:
    pattern = compile_pattern("dd.MM.yy")
    assert pattern.written(MOMENT.replace(year=1930)) == "09.02.1930"
    with pytest.raises(ValueError, match="does not match"):
        pattern.day("09.02.1930")


def test_finer_patterns_take_seconds_behind_the_minutes() -> None:
    texts = [pattern.text for pattern in finer("MM-dd-yyyy hh:mm a")]
    assert texts == ["MM-dd-yyyy hh:mm:ss a", "MM-dd-yyyy hh:mm:ss.SSS a"]
    assert [pattern.text for pattern in finer("yyyy-MM-dd HH:mm:ss")] == ["yyyy-MM-dd HH:mm:ss.SSS"]
    assert finer("yyyy-MM-dd") == ()


@pytest.mark.parametrize(
    "text", ["=1+1", "@x", ";x", "-x", "+x y", "'=1", "''-x", "'tis", "-5", "+1.5e3", "", "x"]
)
def test_the_guard_can_be_undone(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_only_what_could_be_a_formula_is_guarded() -> None:
    assert [guarded(text) for text in ("=1", "-5", "-x", "'tis", "'=1")] == [
        "'=1",
        "-5",
        "'-x",
        "'tis",
        "''=1",
    ]
