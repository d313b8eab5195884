"""The declared schemas and the details they fill belong together (spec 04 §5)."""

from collections.abc import Iterator, Sequence

import pytest

from biobank.batch import schema as schemas
from biobank.batch import shapes
from biobank.batch.schema import Column, ImportSchema, Sub
from biobank.tabular.captions import captions
from biobank.wire.detail import Payload

EVERY = [found for name in schemas.names() if (found := schemas.find(name)) is not None]


def paths(
    columns: Sequence[Column | Sub], shape: type[Payload], at: str = ""
) -> Iterator[tuple[str, bool, bool]]:
    """Each declared attribute: its path, whether the detail has it, and whether it is taken over unchecked."""
    known = shapes.fields(shape)
    for item in columns:
        path = f"{at}{item.attribute}"
        if item.attribute not in known:
            yield path, False, False
            continue
        field = known[item.attribute][1]
        if isinstance(item, Column):
            yield path, True, shapes.fits(item.cell, field, multiple=item.multiple)
        elif (inner := shapes.inner_shape(field)) is not None:
            yield from paths(item.columns, inner, f"{path}.")
        else:
            yield path, True, False


@pytest.mark.parametrize("schema", EVERY, ids=lambda schema: schema.name)
def test_every_column_has_its_attribute_in_the_detail(schema: ImportSchema) -> None:
    assert [path for path, exists, _ in paths(schema.columns, schema.detail) if not exists] == []


@pytest.mark.parametrize("schema", EVERY, ids=lambda schema: schema.name)
def test_details_are_made_without_validating_converted_cells_again(schema: ImportSchema) -> None:
    assert shapes.maker(schema.detail) is not None
    slow = [path for path, _, fits in paths(schema.columns, schema.detail) if not fits and path != "id"]
    assert slow == []


@pytest.mark.parametrize("schema", EVERY, ids=lambda schema: schema.name)
def test_no_two_columns_of_a_template_have_the_same_name(schema: ImportSchema) -> None:
    header = [caption.lower() for caption in captions(schema.columns)]
    assert len(header) == len(set(header))


def test_the_core_schemas_are_there() -> None:
    assert {
        "institute", "site", "user", "cp", "cpe", "sr", "cpr", "visit", "specimen", "specimenAliquot",
    } <= set(schemas.names())  # fmt: skip
