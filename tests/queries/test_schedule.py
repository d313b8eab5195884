"""When schedules are due: over changes of clocks, month ends and leap days."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.schedule import Schedule, next_run

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        (Schedule("DAILY", hour=2, minute=30), "2024-01-10 02:29", "2024-01-10 02:30"),
        (Schedule("DAILY", hour=2, minute=30), "2024-01-10 02:30", "2024-01-11 02:30"),
        (Schedule("WEEKLY", weekday=6, hour=0), "2024-01-10 00:00", "2024-01-14 00:00"),
        (Schedule("WEEKLY", weekday=2, hour=9), "2024-01-10 09:00", "2024-01-17 09:00"),
        (Schedule("MONTHLY", day=31, hour=6), "2024-01-31 06:00", "2024-02-29 06:00"),
        (Schedule("MONTHLY", day=31, hour=6), "2023-02-01 00:00", "2023-02-28 06:00"),
        (Schedule("MONTHLY", day=30, hour=6), "2024-02-29 06:00", "2024-03-30 06:00"),
        (Schedule("MONTHLY", day=1, hour=0), "2023-12-31 23:59", "2024-01-01 00:00"),
        (Schedule("HOURLY", minute=15), "2024-01-10 10:14", "2024-01-10 10:15"),
        (Schedule("HOURLY", minute=15), "2024-01-10 10:15", "2024-01-10 11:15"),
        (Schedule("HOURLY", minute=15, every=6), "2024-01-10 20:16", "2024-01-11 02:15"),
        (Schedule("MINUTELY"), "2024-01-10 10:00", "2024-01-10 10:01"),
        (Schedule("MINUTELY", every=30), "2024-01-10 23:45", "2024-01-11 00:15"),
        (Schedule("MINUTELY", every=0), "2024-01-10 10:00", "2024-01-10 10:01"),
    ],
)
def test_the_next_time(schedule: Schedule, after: str, due: str) -> None:
    assert next_run(schedule, at(after), BERLIN) == at(due)


def test_a_skipped_hour_is_made_up_for_after_the_gap() -> None:
    # on 31 March 2024 the clocks went from 02:00 to 03:00
    daily = Schedule("DAILY", hour=2, minute=30)
    first = next_run(daily, at("2024-03-30 12:00"), BERLIN)
    assert first == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert first.astimezone(BERLIN).hour == 3
    assert next_run(daily, first, BERLIN) == at("2024-04-01 02:30")


def test_an_hour_that_comes_twice_counts_once() -> None:
    # on 27 October 2024 the clocks went from 03:00 back to 02:00
    daily = Schedule("DAILY", hour=2, minute=30)
    first = next_run(daily, at("2024-10-27 00:00"), BERLIN)
    assert first == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert next_run(daily, first, BERLIN) == at("2024-10-28 02:30")


def test_hours_are_not_lost_when_clocks_change() -> None:
    hourly, moment, found = Schedule("HOURLY", minute=5), datetime(2024, 10, 26, 22, 30, tzinfo=UTC), []
    for _ in range(6):
        moment = next_run(hourly, moment, BERLIN) or moment
        found.append(moment)
    assert [later - earlier for earlier, later in pairwise(found)] == [timedelta(hours=1)] * 5


def test_start_and_end_are_kept() -> None:
    start, end = at("2024-05-01 12:00"), at("2024-05-03 00:00")
    daily = Schedule("DAILY", hour=11, start=start, end=end)
    first = next_run(daily, at("2024-01-01 00:00"), BERLIN)
    assert first == at("2024-05-02 11:00")
    assert next_run(daily, first, BERLIN) is None
    assert next_run(Schedule("MINUTELY", start=start), at("2024-01-01 00:00"), BERLIN) == start


def test_on_demand_is_never_due() -> None:
    assert next_run(Schedule("ONDEMAND"), at("2024-01-01 00:00"), BERLIN) is None


@given(
    st.sampled_from(["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.integers(0, 59), st.integers(0, 23), st.integers(0, 6), st.integers(1, 31), st.integers(1, 48),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)  # fmt: skip
def test_it_is_always_later_and_always_there(
    repeat: str, after: datetime, minute: int, hour: int, weekday: int, day: int, every: int, zone: str
) -> None:
    schedule = Schedule(repeat, every, minute, hour, weekday, day)
    moment = after.replace(tzinfo=UTC)
    found = next_run(schedule, moment, ZoneInfo(zone))
    assert found is not None
    assert timedelta(0) < found - moment <= timedelta(days=32)
