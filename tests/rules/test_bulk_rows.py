"""Rows written in bulk arrive as they were given, and what cannot be written is an error of Django's."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, transaction

from biobank.batch.insert import insert
from biobank.batch.update import update
from specimens.specimen.models import Specimen
from tests import specimen_cast as cast


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit()


def row(visit: Any, label: str | None, **more: Any) -> Specimen:
    return Specimen(
        visit=visit, protocol=visit.protocol, specimen_class="Fluid", type="Plasma", label=label, **more
    )


ODD: list[dict[str, Any]] = [
    {"comments": ""},
    {"comments": "\\N"},
    {"comments": "\\."},
    {"comments": 'a "quoted", text;\twith\r\nlines \\ and more'},
    {"comments": None},
    {"comments": "nul\x00byte"},
    {"biohazards": ['a"b', "c\\d", "e,f", "", "{g}"]},
    {"external_ids": [{"name": "ü\n", "value": '"'}]},
    {"initial_qty": Decimal("0.00000001"), "freeze_thaw_cycles": 0},
    {"created_on": datetime(1900, 1, 1, 0, 0, 30, 5, tzinfo=UTC)},
]


def expected(values: dict[str, Any]) -> dict[str, Any]:
    """NUL has no place in the database."""
    return {k: v.replace("\x00", "") if isinstance(v, str) else v for k, v in values.items()}


def test_whatever_is_inserted_is_read_back(visit: Any) -> None:
    rows = [row(visit, f"L{place}", **values) for place, values in enumerate(ODD)]

    insert(rows)

    for given, values in zip(rows, ODD, strict=True):
        found = Specimen.objects.get(pk=given.pk)
        assert {name: getattr(found, name) for name in values} == expected(values)


def test_whatever_is_updated_is_read_back(visit: Any) -> None:
    rows = [row(visit, f"L{place}", comments="old", biohazards=["old"]) for place in range(len(ODD))]
    insert(rows)
    for given, values in zip(rows, ODD, strict=True):
        for name, value in values.items():
            setattr(given, name, value)

    update(rows, {name for values in ODD for name in values})

    for given, values in zip(rows, ODD, strict=True):
        found = Specimen.objects.get(pk=given.pk)
        assert {name: getattr(found, name) for name in values} == expected(values)


def test_a_text_that_is_too_long_is_refused_not_cut(visit: Any) -> None:
    stored = row(visit, "L1")
    insert([stored])

    with pytest.raises(DataError), transaction.atomic():
        insert([row(visit, "L" * 256)])
    stored.label = "L" * 256
    with pytest.raises(DataError), transaction.atomic():
        update([stored], ["label"])


def test_a_broken_constraint_is_an_integrity_error(visit: Any) -> None:
    insert([row(visit, "L1"), row(visit, None), row(visit, None)])

    with pytest.raises(IntegrityError), transaction.atomic():
        insert([row(visit, "L1")])
