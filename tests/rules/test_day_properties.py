"""Days keep their day: whatever the server's zone and however they are written (spec 03 §0.4, §2.6)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from biobank.wire.dates import day_millis, parse_day, parse_instant
from specimens.participant.detail import ParticipantDetail, RegistrationDetail, RegistrationSearch
from specimens.visit.rules import anticipated_day, moved, point_in_days

ZONES = (
    "UTC", "Etc/GMT+12", "Pacific/Kiritimati", "America/Denver", "America/St_Johns", "Asia/Kathmandu",
    "Europe/Oslo", "Africa/Cairo", "Australia/Lord_Howe",
)  # fmt: skip
days = st.dates(date(1900, 1, 1), date(2200, 12, 31))
instants = st.datetimes(
    datetime(1900, 1, 2),
    datetime(2199, 12, 30),
    timezones=st.sampled_from(ZONES).map(ZoneInfo),
)
units = st.sampled_from(["DAYS", "WEEKS", "MONTHS", "YEARS"])
points = st.integers(-600, 600)
zones = st.sampled_from(ZONES)
CASES = settings(max_examples=80, deadline=None)


# --- Days on the wire -------------------------------------------------------------------------------


@CASES
@given(zone=zones, day=days)
def test_a_day_that_goes_out_comes_back_as_the_same_day(zone: str, day: date) -> None:
    with override_settings(TIME_ZONE=zone):
        sent = day_millis(day)
        assert parse_day(sent) == parse_day(float(sent)) == day
        if len(str(sent)) != 8:  # eight digits may be meant as yyyymmdd and are refused
            assert parse_day(str(sent)) == day


@CASES
@given(zone=zones, day=days, clock=st.times())
def test_a_day_without_zone_keeps_its_day(zone: str, day: date, clock: time) -> None:
    with override_settings(TIME_ZONE=zone):
        assert parse_day(day.isoformat()) == day
        assert parse_day(f" {datetime.combine(day, clock.replace(tzinfo=None)).isoformat()} ") == day


@CASES
@given(zone=zones, moment=instants)
def test_an_instant_is_a_day_of_the_servers_zone(zone: str, moment: datetime) -> None:
    with override_settings(TIME_ZONE=zone):
        there = moment.astimezone(ZoneInfo(zone)).date()
        written = moment.astimezone(UTC).isoformat(timespec="milliseconds")
        assert parse_day(written) == parse_day(written.replace("+00:00", "Z")) == there
        assert parse_day(moment.astimezone(UTC).isoformat()) == there


@CASES
@given(zone=zones, moment=instants)
def test_an_instant_is_the_same_instant_however_it_is_written(zone: str, moment: datetime) -> None:
    with override_settings(TIME_ZONE=zone):
        moment = moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
        millis = round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
        for sent in (millis, moment.isoformat(), moment.replace(tzinfo=None).isoformat()):
            assert parse_instant(sent) == moment
        if len(str(millis)) != 8:  # see above
            assert parse_instant(str(millis)) == moment


@CASES
@given(zone=zones, day=days)
def test_details_carry_days_through_both_ways(zone: str, day: date) -> None:
    with override_settings(TIME_ZONE=zone):
        person = ParticipantDetail.parse({"birthDate": day.isoformat(), "deathDate": day_millis(day)})
        assert (person.birth_date, person.death_date) == (day, day)
        body = RegistrationDetail.parse({"registrationDate": day.isoformat(), "participant": {}})
        out = body.model_dump(mode="json", by_alias=True)
        assert out["registrationDate"] == day_millis(day)
        assert RegistrationDetail.parse(out).registration_date == day
        search = RegistrationSearch.parse({"dob": day_millis(day), "registrationDate": day.isoformat()})
        assert (search.dob, search.registration_date) == (day, day)


# --- When visits are due ----------------------------------------------------------------------------


@given(day=days, point=points, unit=units)
def test_an_event_is_due_its_point_after_the_registration(day: date, point: int, unit: str) -> None:
    due = moved(day, point, unit)
    if unit in ("DAYS", "WEEKS"):
        assert due - day == timedelta(days=point * (7 if unit == "WEEKS" else 1))
    else:
        months = (due.year - day.year) * 12 + due.month - day.month
        assert months == point * (12 if unit == "YEARS" else 1)
        assert due.day == day.day or (due.day < day.day and (due + timedelta(days=1)).day == 1)


@given(day=days, plan=st.lists(st.tuples(points, units), min_size=1, max_size=6))
def test_nothing_is_due_before_the_registration_and_later_points_are_not_due_earlier(
    day: date, plan: list[tuple[int, str]]
) -> None:
    base = min(point_in_days(point, unit) or 0 for point, unit in plan)
    if all(unit in ("DAYS", "WEEKS") for _, unit in plan):
        due = sorted(plan, key=lambda one: point_in_days(*one) or 0)
        found = [anticipated_day(day, point, unit, base) for point, unit in due]
        assert all(one is not None and one >= day for one in found)
        assert found == sorted(one for one in found if one is not None)
    assert anticipated_day(day, None, None, base) is None


@given(day=days, point=st.integers(), unit=units)
def test_absurd_points_end_at_the_edge_of_time(day: date, point: int, unit: str) -> None:
    assert date.min <= moved(day, point, unit) <= date.max
    assert date.min <= (anticipated_day(day, point, unit, point) or day) <= date.max
