"""Named ranges of days and date formats (spec 05 §1.6, §1.8)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from queries.errors import Malformed
from queries.moments import Formats, named_range, parse_moment, postgres_format, python_format

TODAY = date(2024, 2, 29)  # a Thursday


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("today", 1, "2024-02-29", "2024-02-29"),
        ("yesterday", 1, "2024-02-28", "2024-02-28"),
        ("tomorrow", 1, "2024-03-01", "2024-03-01"),
        ("current_week", 1, "2024-02-25", "2024-02-29"),
        ("last_days", 7, "2024-02-22", "2024-02-28"),
        ("last_week", 2, "2024-02-11", "2024-02-24"),
        ("last_month", 1, "2024-01-29", "2024-02-28"),
        ("last_month", 12, "2023-02-28", "2024-02-28"),
        ("last_cal_month", 2, "2023-12-01", "2024-01-31"),
        ("last_qtr", 1, "2023-11-01", "2024-01-31"),
        ("last_cal_qtr", 1, "2023-10-01", "2023-12-31"),
        ("next_days", 3, "2024-03-01", "2024-03-03"),
        ("next_week", 1, "2024-03-03", "2024-03-09"),
        ("next_month", 1, "2024-03-01", "2024-03-31"),
        ("next_cal_month", 2, "2024-03-01", "2024-04-30"),
        ("next_qtr", 1, "2024-03-01", "2024-05-31"),
        ("next_cal_qtr", 1, "2024-04-01", "2024-06-30"),
    ],
)
def test_named_ranges(name: str, count: int, first: str, last: str) -> None:
    assert named_range(name, count, TODAY) == (date.fromisoformat(first), date.fromisoformat(last))


def test_on_sunday_the_week_begins() -> None:
    assert named_range("current_week", 1, date(2024, 2, 25)) == (date(2024, 2, 25), date(2024, 2, 25))
    assert named_range("last_week", 1, date(2024, 2, 25)) == (date(2024, 2, 18), date(2024, 2, 24))


@pytest.mark.parametrize(
    ("text", "moment", "whole_day"),
    [
        ("03-05-2021", datetime(2021, 3, 5), True),
        ("03-05-2021 00:00", datetime(2021, 3, 5), True),
        ("03-05-2021 14:30", datetime(2021, 3, 5, 14, 30), False),
        ("2021-03-05", datetime(2021, 3, 5), True),
        ("2021-03-05 14:30", datetime(2021, 3, 5, 14, 30), False),
    ],
)
def test_date_literals(text: str, moment: datetime, whole_day: bool) -> None:
    found = parse_moment(text, Formats(), ZoneInfo("UTC"))
    assert (found.at, found.whole_day) == (moment.replace(tzinfo=UTC), whole_day)


@pytest.mark.parametrize(
    "text", ["", "13-40-2021", "02-30-2021", "03/05/2021", "20210305", "03-05-2021 25:00"]
)
def test_other_texts_are_no_dates(text: str) -> None:
    with pytest.raises(Malformed):
        parse_moment(text, Formats(), ZoneInfo("UTC"))


def test_patterns_of_the_locale() -> None:
    pattern = "dd MMM yyyy 'at' hh:mm a"
    assert python_format(pattern) == "%d %b %Y at %I:%M %p"
    assert postgres_format(pattern) == 'DD Mon YYYY "at" HH12:MI AM'
