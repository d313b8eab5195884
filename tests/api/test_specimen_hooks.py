"""What packages below hear of specimens that are written."""

from collections.abc import Iterator
from typing import Any

import pytest

from biobank.access import Actor
from specimens.specimen import below
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api

Heard = list[Any]


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol())


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Every call as (what, [labels or ids])."""
    calls: Heard = []

    def collected(saved: Any, actor: Actor) -> None:
        calls.append(
            ("saved", [(one.specimen.pk, one.created, one.collected, one.print_label) for one in saved])
        )

    def deleted(ids: Any, actor: Actor) -> None:
        calls.append(("deleted", sorted(ids)))

    below.collected.append(collected)
    below.deleted.append(deleted)
    yield calls
    below.collected.remove(collected)
    below.deleted.remove(deleted)


def test_created_specimens_are_told_with_the_wish_for_a_label(api: Api, visit: Any, heard: Heard) -> None:
    found = cast.saved(api, visit, printLabel=True)

    assert heard == [("saved", [(found["id"], True, True, True)])]


def test_a_specimen_is_told_when_it_becomes_collected_and_not_when_it_is_edited(
    api: Api, visit: Any, heard: Heard
) -> None:
    found = cast.saved(api, visit, status="Pending")
    api.put(f"/specimens/{found['id']}", {"comments": "waits"})
    api.put(f"/specimens/{found['id']}", {"status": "Collected"})

    assert heard == [
        ("saved", [(found["id"], True, False, False)]),
        ("saved", [(found["id"], False, True, False)]),
    ]


def test_a_tree_is_told_at_once(api: Api, visit: Any, heard: Heard) -> None:
    tree = cast.body(visit, children=[{"lineage": "Aliquot", "initialQty": 1}])
    top = api.post("/specimens/collect", [tree]).json[0]

    ids = {top["id"], top["children"][0]["id"]}
    assert [(what, {row[0] for row in rows}) for what, rows in heard] == [("saved", ids)]


@pytest.mark.parametrize("whole_visit", [False, True])
def test_deleted_specimens_are_told_with_all_below_them(
    api: Api, visit: Any, heard: Heard, whole_visit: bool
) -> None:
    tree = cast.body(visit, children=[{"lineage": "Aliquot", "initialQty": 1}])
    top = api.post("/specimens/collect", [tree]).json[0]
    heard.clear()

    api.delete(f"/visits/{visit.pk}?forceDelete=true" if whole_visit else f"/specimens?id={top['id']}")

    assert heard == [("deleted", [top["id"], top["children"][0]["id"]])]
