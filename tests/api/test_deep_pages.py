"""Long lists read to their end, page by page (spec 01 §A.6)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.wire import paging
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api

pytestmark = pytest.mark.django_db
SIZE = 4


@pytest.fixture(autouse=True)
def _deep_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "DEEP", SIZE)


def pages(api: Api, path: str, **body: Any) -> Iterator[list[int]]:
    """The ids of one page after the other, as clients read them."""
    start = 0
    while True:
        rows = api.post(path, {**body, "startAt": start, "maxResults": SIZE}).json
        yield [row["id"] for row in rows]
        if len(rows) < SIZE:
            return
        start += SIZE


@pytest.fixture
def protocol(api: Api) -> Any:
    protocol = studies.protocol()
    visit = studies.visit(studies.registration(protocol))
    for _ in range(10):
        cast.saved(api, visit)
    return protocol


def test_specimens_are_read_to_the_end_once_each(api: Api, protocol: Any) -> None:
    whole = [row["id"] for row in api.post("/specimens/search", {"cpId": protocol.pk}).json]
    assert len(whole) == 10

    found = list(pages(api, "/specimens/search", cpId=protocol.pk))

    assert [pk for page in found for pk in page] == whole


def test_registrations_are_read_newest_first_with_equal_days_once_each(api: Api) -> None:
    protocol = studies.protocol()
    for day in (1, 2, 2, 2, 2, 3, 3, 4, 5, 5):
        studies.registration(protocol, registration_date=date(2024, 1, day))
    path = "/collection-protocol-registrations/list"
    whole = [row["id"] for row in api.post(path, {"cpId": protocol.pk}).json]
    assert len(whole) == 10

    assert [pk for page in pages(api, path, cpId=protocol.pk) for pk in page] == whole


def test_what_is_deleted_in_between_hides_nothing_of_the_rest(api: Api, protocol: Any) -> None:
    reading = pages(api, "/specimens/search", cpId=protocol.pk)
    first = next(reading)
    second = next(reading)

    api.delete(f"/specimens?id={first[0]}")  # by offset, the next page would begin one row too late

    assert len(first + second + next(reading)) == 10


def test_a_page_asked_for_out_of_order_is_found_by_its_offset(api: Api, protocol: Any) -> None:
    whole = [row["id"] for row in api.post("/specimens/search", {"cpId": protocol.pk}).json]

    rows = api.post("/specimens/search", {"cpId": protocol.pk, "startAt": 7, "maxResults": SIZE}).json

    assert [row["id"] for row in rows] == whole[7:]


def test_a_deep_page_skips_no_rows_in_the_database(api: Api, protocol: Any) -> None:
    body = {"cpId": protocol.pk, "maxResults": SIZE}
    api.post("/specimens/search", {**body, "startAt": 0})
    with CaptureQueriesContext(connection) as captured:
        api.post("/specimens/search", {**body, "startAt": SIZE})

    assert not [query["sql"] for query in captured if "OFFSET" in query["sql"]]
