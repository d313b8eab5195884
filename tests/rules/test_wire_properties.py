"""What holds for every value on the wire, however odd: it is understood, or refused by name."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biobank.wire.dates import day_millis, millis, parse_day, parse_instant
from biobank.wire.detail import Day, Flag, Instant, Number, Payload, Text, TextList, Whole, WholeList
from biobank.wire.errors import Refused
from biobank.wire.http import render
from biobank.wire.paging import Paged
from tests import contract_check
from tests.client import Api

always = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ZONES = ("UTC", "America/Denver", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata")
EDGES = st.sampled_from(
    [
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01", "9999-12-31", "2024-02-30"),
        *(
            "2024-13-01",
            "20240229",
            "1e3",
            "-1",
            "+5",
            "٢٠٢٤-٠١-٠١",
            "2024-01-01T24:00",
            "9" * 5000,
            "1" * 20,
            "T",
        ),
        *(
            float("inf"),
            float("nan"),
            1e308,
            -1e308,
            2**63,
            -(2**63) - 1,
            True,
            [],
            {},
            "\0",
            "Infinity",
            "-0",
        ),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | EDGES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DAYS = st.dates(date(1, 1, 2), date(9999, 12, 30))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS)


class Everything(Payload):
    text: Text = None
    whole: Whole = None
    number: Number = None
    flag: Flag = None
    texts: TextList = None
    wholes: WholeList = None
    instant: Instant = None
    day: Day = None


@always
@given(value=JSON, zone=st.sampled_from(ZONES))
def test_a_value_of_any_kind_is_understood_or_refused(value: Any, zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    for name in Everything.model_fields:
        try:
            found = Everything.parse({name: value})
        except Refused as refused:
            assert [problem.code for problem in refused.problems] == ["INVALID_REQUEST"]
        else:
            again = orjson.loads(render(found))
            assert Everything.parse(again) == found or isinstance(found.number, Decimal)


@always
@given(day=DAYS, zone=st.sampled_from(ZONES))
def test_a_day_comes_back_as_it_was_sent_in_every_zone(day: date, zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    assert parse_day(day.isoformat()) == day
    assert parse_day(day_millis(day)) == day
    assert parse_day(f"{day.isoformat()}T23:59:59") == day


@always
@given(instant=INSTANTS)
def test_every_spelling_of_an_instant_is_the_same_instant(instant: datetime) -> None:
    found = parse_instant(instant.isoformat())
    assert found == instant.astimezone(UTC)
    assert abs(parse_instant(millis(instant)) - found) < timedelta(milliseconds=1)  # type: ignore[operator]


@always
@given(start=JSON, size=JSON)
def test_a_page_is_never_negative_empty_or_refused_for_its_size(start: Any, size: Any) -> None:
    try:
        paged = Paged.parse({"startAt": start, "maxResults": size})
    except Refused:
        return
    first, last = paged.bounds()
    assert 0 <= first < last


# --- Over HTTP --------------------------------------------------------------------------------------

LISTS = (
    *("/sites", "/institutes", "/users", "/collection-protocols", "/visits", "/specimens", "/import-jobs"),
    *("/saved-queries", "/permissible-values", "/specimen-lists", "/consent-statements", "/audit/revisions"),
)
NUMBERS = (
    "0",
    "-1",
    "",
    " ",
    "1e2",
    "1.9",
    "abc",
    "9223372036854775807",
    "9223372036854775808",
    "-9" * 30,
    "\0",
    "٣",
)


TEXTS = ("%00", ",,,", "%ED%A0%80", "%FF", "%", "a" * 3000, "%27;--", "%25_%5C", "[]", "%F0%9F%A7%AA")


def _declared(path: str) -> dict[str, str]:
    """The parameters that a list reads, with their types."""
    operation = contract_check.document()["paths"][django_settings.REST_PREFIX + path]["get"]
    found = {one["name"]: str(one["schema"]) for one in operation["parameters"] if one["in"] == "query"}
    assert found
    return found


@pytest.mark.parametrize("path", LISTS)
def test_odd_numbers_in_the_query_are_read_or_refused(path: str, api: Api) -> None:
    for name in [name for name, kind in _declared(path).items() if "integer" in kind]:
        for value in NUMBERS:
            answer = api.get(f"{path}?{name}={value!s}".replace("\0", "%00").replace(" ", "%20"))
            assert answer.status < 500, (name, value)


@pytest.mark.parametrize("path", LISTS)
def test_odd_texts_in_the_query_are_read_or_refused(path: str, api: Api) -> None:
    declared = _declared(path)
    flags = [
        name for name, kind in declared.items() if "boolean" in kind
    ]  # all that are wrong are refused at once
    texts = [name for name, kind in declared.items() if "array" in kind or "string" in kind]
    for names in [*([name] for name in texts), [*flags, "nobodyReadsThis"]]:
        for value in TEXTS:
            answer = api.get(f"{path}?" + "&".join(f"{name}={value}&{name}={value}" for name in names))
            assert answer.status < 500, (names, value)


ODD_BODIES = {
    "deep lists": b"[" * 2000 + b"]" * 2000,
    "deep objects": b'{"a":' * 2000 + b"1" + b"}" * 2000,
    "deep inside a key": b'{"name":'
    + b"[" * 900
    + b"]" * 900
    + b',"participant":'
    + b"[" * 900
    + b"]" * 900
    + b"}",
    "huge number": b'{"id":' + b"9" * 5000 + b',"name":' + b"9" * 5000 + b"}",
    "huge exponent": b'{"id":1e999,"name":1e400,"initialQty":1e-999,"visitId":-1e999}',
    "lone surrogate": b'{"name":"\\ud800","label":"\\udfff","title":"\\ud83d"}',
    "raw surrogate": b'{"name":"\xed\xa0\x80"}',
    "not UTF-8": b'{"name":"\xff\xfe"}',
    "NUL": b'{"name":"a\\u0000b","label":"\\u0000","title":"\\u0000","shortTitle":"\\u0000","code":"\\u0000"}',
    "byte order mark": b'\xef\xbb\xbf{"name":"x"}',
    "doubled keys": b'{"name":"x","name":null,"name":[]}',
    "not a number": b'{"id":NaN}',
    "unfinished": b'{"name":"x"',
    "two values": b"{}{}",
    "a word": b"null",
    "a list": b"[null]",
    "white space": b" \n\t ",
    "wrong kinds": b'{"id":{},"name":[],"participant":"x","sites":{},"events":1,"extensionDetail":[],"cpSites":[1]}',
    "long text": b'{"name":"' + b"x" * 100_000 + b'","label":"' + b"x" * 100_000 + b'"}',
}
WRITES = (
    *(
        "/sites",
        "/institutes",
        "/users",
        "/rbac/roles",
        "/collection-protocols",
        "/collection-protocol-events",
    ),
    *(
        "/specimen-requirements",
        "/collection-protocol-registrations",
        "/participants/match",
        "/visits",
        "/specimens",
    ),
    *(
        "/specimens/collect",
        "/specimen-lists",
        "/consent-statements",
        "/saved-queries",
        "/import-jobs",
        "/sessions",
    ),
    *(
        "/query",
        "/visits/collect",
        "/specimens/bulk-update",
        "/user-groups",
        "/config-settings",
    ),
)


@pytest.mark.parametrize("path", WRITES)
def test_odd_bodies_are_refused_by_name(path: str, api: Api) -> None:
    methods = {"post", "put"} & contract_check.document()["paths"][django_settings.REST_PREFIX + path].keys()
    assert methods
    for what, body in ODD_BODIES.items():
        for method in sorted(methods):
            answer = api.call(method, path, body)
            assert answer.status < 500, (method, what)
            assert answer.status >= 400 or isinstance(answer.json, dict | list | bool | int | None), (
                method,
                what,
            )
