"""What the units of specimen types may look like (spec 02 §D3)."""

from collections.abc import Iterator

from biobank.wire.errors import Problem
from specimens.protocol.detail.units import UnitDetail
from specimens.protocol.rules import codes
from terminology.reads import Terms


def unit_problems(detail: UnitDetail, terms: Terms) -> Iterator[Problem]:
    """What is wrong with the class, the type and the units."""
    roots = [row for row in terms.find("specimen_type", detail.specimen_class) if row.parent_id is None]
    if not detail.specimen_class:
        yield codes.UNIT_CLASS_REQUIRED()
    elif not roots:
        yield codes.UNIT_INVALID_CLASS(value=detail.specimen_class)
    elif detail.type and canonical_type(detail, terms) is None:
        yield codes.UNIT_INVALID_TYPE(value=detail.type)
    if not detail.quantity_unit and not detail.concentration_unit:
        yield codes.UNIT_QTY_OR_CONC_UNIT_REQ()
    for unit in (detail.quantity_unit, detail.concentration_unit):
        if unit and terms.canonical("specimen_unit", unit) is None:
            yield codes.UNIT_INVALID_UNIT(value=unit)


def canonical_class(detail: UnitDetail, terms: Terms) -> str | None:
    """The class as the list spells it."""
    roots = [row for row in terms.find("specimen_type", detail.specimen_class) if row.parent_id is None]
    return roots[0].value if roots else None


def canonical_type(detail: UnitDetail, terms: Terms) -> str | None:
    """The type as the list spells it: a child of the class."""
    named = canonical_class(detail, terms)
    rows = terms.find("specimen_type", detail.type)
    found = [row for row in rows if row.parent is not None and row.parent.value == named]
    return found[0].value if found else None
