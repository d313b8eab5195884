"""Dates on the wire: the worked examples of the documented UTC rule (spec 01 §A.7, 03 §0.4)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from biobank.wire.dates import day_millis, millis, parse_day, parse_instant

NOON = datetime(2017, 2, 20, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "sent",
    [
        1487574000000,
        "1487574000000",
        "2017-02-20T07:00:00.000Z",
        "2017-02-20T00:00:00.000-0700",
        "2017-02-20T00:00-07:00",
    ],
)
def test_these_spellings_are_the_same_instant(sent: object) -> None:
    assert parse_instant(sent) == NOON


def test_an_instant_without_offset_is_utc() -> None:
    assert parse_instant("2017-02-20T00:00:00") == datetime(2017, 2, 20, tzinfo=UTC)
    assert parse_instant("2017-02-20") == datetime(2017, 2, 20, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/Denver", "Pacific/Kiritimati", "Asia/Kolkata"])
def test_a_date_only_value_never_shifts(zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    assert parse_day("2017-02-20") == date(2017, 2, 20)
    assert parse_day("2017-02-20T00:00:00") == date(2017, 2, 20)
    assert parse_day(day_millis(date(2017, 2, 20))) == date(2017, 2, 20)


def test_a_day_sent_as_instant_is_the_date_in_the_servers_zone(settings: Any) -> None:
    settings.TIME_ZONE = "America/Denver"
    assert parse_day("2017-02-20T07:00:00.000Z") == date(2017, 2, 20)
    assert parse_day("2017-02-20T00:00:00.000-0700") == date(2017, 2, 20)
    assert parse_day(1487574000000) == date(2017, 2, 20)
    assert day_millis(date(2017, 2, 20)) == 1487574000000


def test_midnight_is_that_of_the_day_also_when_the_clock_changes(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Oslo"
    assert day_millis(date(2024, 3, 31)) == millis(datetime(2024, 3, 30, 23, tzinfo=UTC))
    assert day_millis(date(2024, 4, 1)) == millis(datetime(2024, 3, 31, 22, tzinfo=UTC))


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_blank_is_no_date(blank: object) -> None:
    assert parse_instant(blank) is None
    assert parse_day(blank) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "yesterday",
        "20-02-2017",
        "2017-13-01",
        "2017-02-30",
        "2017/02/20",
        True,
        [],
        {},
        10**18,
        "20170220T",
        "T",
    ],
)
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"date"):
        parse_instant(wrong)
    with pytest.raises(ValueError, match=r"date"):
        parse_day(wrong)


def test_days_before_1970_and_leap_days_survive() -> None:
    for day in (date(1961, 7, 30), date(1952, 2, 29), date(1900, 1, 1)):
        assert parse_day(day_millis(day)) == day
    assert day_millis(date(1961, 7, 30)) == -265852800000
