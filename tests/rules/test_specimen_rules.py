"""Decisions about specimens, without a database (spec 03 §3.4 - §3.8)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from biobank.wire.errors import Problem
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenDetail, SpecimenExternalId, SpecimenLocation


def code(found: Any) -> str | None:
    return found.code if isinstance(found, Problem) else None


@pytest.mark.parametrize(
    ("initial", "available", "wrong"),
    [
        (None, None, None),
        (10, 10, None),
        (10, 0, None),
        (None, 5, None),
        (10, 11, "SPECIMEN_AVBL_QTY_GT_INIT_QTY"),
        (-1, None, "SPECIMEN_INVALID_QTY"),
        (1, -1, "SPECIMEN_INVALID_QTY"),
    ],
)
def test_quantities(initial: int | None, available: int | None, wrong: str | None) -> None:
    numbers = [None if n is None else Decimal(n) for n in (initial, available)]

    assert code(rules.quantity_problem(*numbers)) == wrong


@pytest.mark.parametrize(
    ("status", "template", "manual", "lineage", "becomes"),
    [
        ("Collected", True, False, "New", rules.Naming.GENERATED),
        ("Collected", True, True, "New", "SPECIMEN_LABEL_REQUIRED"),
        ("Collected", False, False, "Aliquot", "SPECIMEN_LABEL_REQUIRED"),
        ("Pending", True, False, "New", rules.Naming.GENERATED),
        ("Pending", False, False, "New", "SPECIMEN_LABEL_REQUIRED"),
        ("Pending", False, False, "Derived", rules.Naming.COUNTED),
        ("Missed Collection", True, False, "New", rules.Naming.NONE),
        ("Not Collected", False, True, "Aliquot", rules.Naming.NONE),
    ],
)
def test_what_becomes_of_a_blank_label(
    status: str, template: bool, manual: bool, lineage: str, becomes: object
) -> None:
    found = rules.naming(lineage=lineage, status=status, template=template, manual=manual)

    assert (code(found) or found) == becomes


@pytest.mark.parametrize(
    ("to", "visit", "parent", "wrong"),
    [
        ("Collected", "Complete", "Pending", None),
        ("Collected", "Pending", None, "VISIT_COMPL_VISIT_REQ"),
        ("Missed Collection", "Missed Collection", "Collected", None),
        ("Missed Collection", "Complete", "Pending", "SPECIMEN_COLL_OR_MISSED_PARENT_REQ"),
        ("Not Collected", "Missed Collection", None, "VISIT_COMPL_OR_NC_VISIT_REQ"),
        ("Pending", "Pending", "Missed Collection", "SPECIMEN_COLL_OR_PENDING_PARENT_REQ"),
    ],
)
def test_what_a_status_needs(to: str, visit: str, parent: str | None, wrong: str | None) -> None:
    assert code(rules.status_change_problem(to, visit, parent)) == wrong


@pytest.mark.parametrize(
    ("activity", "status", "told"),
    [
        ("Active", "Collected", "Available"),
        ("Active", "Missed Collection", "Missed Collection"),
        ("Closed", "Collected", "Closed"),
        ("Disabled", "Collected", "Disabled"),
    ],
)
def test_availability(activity: str, status: str, told: str) -> None:
    assert rules.availability(activity, status) == told


@pytest.mark.parametrize(
    ("count", "quantity", "labels", "available", "found"),
    [
        (3, 2, 0, None, (3, 2)),
        (4, None, 0, 10, (4, Decimal("2.5"))),
        (3, None, 0, 10, (3, Decimal("3.33333333"))),
        (None, 3, 0, 10, (3, 3)),
        (9, 1, 2, None, (2, 1)),
        (None, 11, 0, 10, "SPECIMEN_INVALID_QTY_OR_CNT"),
        (0, 1, 0, 10, "SPECIMEN_INVALID_QTY_OR_CNT"),
        (2, -1, 0, 10, "SPECIMEN_INVALID_QTY_OR_CNT"),
        (2, None, 0, None, "SPECIMEN_ALIQUOT_CNT_N_QTY_REQ"),
        (None, 2, 0, 0, "SPECIMEN_ALIQUOT_CNT_N_QTY_REQ"),
        (None, None, 0, 10, "SPECIMEN_ALIQUOT_CNT_N_QTY_REQ"),
    ],
)
def test_how_many_aliquots_and_how_much_each(
    count: int | None, quantity: int | None, labels: int, available: int | None, found: object
) -> None:
    numbers = [None if n is None else Decimal(n) for n in (quantity, available)]
    counted = rules.aliquot_counts(count, numbers[0], labels, numbers[1])

    assert (code(counted) or counted) == found


def test_external_ids_are_pairs_with_different_names() -> None:
    given = [SpecimenExternalId(name=n, value=v) for n, v in (("A", "1"), ("", ""), ("B", None), ("A", "2"))]

    stored, problems = rules.external_ids(given)

    assert stored == [{"name": "A", "value": "1"}]
    assert [problem.code for problem in problems] == [
        "SPECIMEN_EXT_ID_NO_NAME_VALUE",
        "SPECIMEN_EXT_ID_DUP_NAME",
    ]


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (None, None),
        (SpecimenLocation(), None),
        (SpecimenLocation(id=-1), None),
        (SpecimenLocation(name=""), None),
        (SpecimenLocation(id=7), "STORAGE_CONTAINER_NOT_FOUND"),
        (SpecimenLocation(name="Box"), "STORAGE_CONTAINER_NOT_FOUND"),
    ],
)
def test_places(place: SpecimenLocation | None, wrong: str | None) -> None:
    assert code(rules.place_problem(place)) == wrong


def test_minutes_and_lists() -> None:
    assert rules.minute(datetime(2024, 3, 12, 9, 15, 59, 999, tzinfo=UTC)) == datetime(
        2024, 3, 12, 9, 15, tzinfo=UTC
    )
    assert rules.split_list(" a, ,b ,") == ["a", "b"]
    assert rules.split_list(None) == []


def test_what_only_comes_in_is_never_printed() -> None:
    printed = SpecimenDetail(label="L", close_parent=True, print_label=True).model_dump(by_alias=True)

    assert printed["label"] == "L" and printed["barcode"] is None
    assert not {"closeParent", "printLabel", "incrParentFreezeThaw", "checkout", "update"} & printed.keys()
