"""The units of specimen types: lists, and which one holds for a specimen (spec 02 §D3)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from biobank.wire.errors import Refused
from specimens.protocol.detail.units import TypeProps, TypePropsDetail, UnitDetail, UnitFilter
from specimens.protocol.models import SpecimenTypeUnit
from specimens.protocol.rules import codes
from terminology.models import PermissibleValue


class Units(NamedTuple):
    """What quantities and concentrations of a specimen are counted in; None: nobody has said."""

    quantity: str | None = None
    concentration: str | None = None


UnitKey = tuple[int, str, str | None]  # protocol id, class, type
NO_UNITS = Units()


def known_units() -> QuerySet[SpecimenTypeUnit]:
    """Units of all protocols, and of those that were not deleted; `protocol` is loaded."""
    rows = SpecimenTypeUnit.objects.exclude(protocol__activity_status="Disabled")
    return rows.select_related("protocol")


def unit(pk: int) -> SpecimenTypeUnit:
    """The units a request addresses. Raises SPECIMEN_TYPE_UNIT_NOT_FOUND."""
    found = known_units().filter(pk=pk).first()
    if found is None:
        raise Refused(codes.UNIT_NOT_FOUND.missing(key=pk))
    return found


def filtered(query: UnitFilter) -> QuerySet[SpecimenTypeUnit]:
    rows = known_units()
    if query.cp_short_title:
        rows = rows.filter(protocol__short_title__iexact=query.cp_short_title)
    if query.specimen_class:
        rows = rows.filter(specimen_class__iexact=query.specimen_class)
    if query.specimen_type:
        rows = rows.filter(type__iexact=query.specimen_type)
    return rows.order_by("pk")


def unit_details(rows: Iterable[SpecimenTypeUnit]) -> list[UnitDetail]:
    """`protocol` should be loaded."""
    return [
        UnitDetail.model_construct(
            id=row.pk,
            cp_short_title=row.protocol.short_title if row.protocol else None,
            specimen_class=row.specimen_class,
            type=row.type,
            quantity_unit=row.quantity_unit,
            concentration_unit=row.concentration_unit,
        )
        for row in rows
    ]


def units_of(protocol_id: int) -> Sequence[SpecimenTypeUnit]:
    """The units that a protocol has of its own, in the order they were made."""
    return list(known_units().filter(protocol=protocol_id).order_by("pk"))


# Every specimen that is told asks this: building the same statement anew would take longer than running it.
_OF_CLASSES = """
    SELECT protocol_id, specimen_class, type, quantity_unit, concentration_unit FROM protocol_specimentypeunit
    WHERE (protocol_id = ANY(%s) OR protocol_id IS NULL) AND specimen_class = ANY(%s)
"""


def units_for(
    wanted: Mapping[int, Iterable[tuple[str, str | None]]],
) -> dict[UnitKey, Units]:
    """The units that hold for (class, type) pairs of protocols, by (protocol id, class, type); one query.

    Each unit comes from the first that has one: the protocol's for the type, the protocol's for the class, all
    protocols' for the type, all protocols' for the class.
    """
    pairs = {pk: set(found) for pk, found in wanted.items()}
    classes = {specimen_class for found in pairs.values() for specimen_class, _ in found}
    if not classes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_OF_CLASSES, [list(pairs), list(classes)])
        stored = {tuple(row[:3]): Units(*row[3:]) for row in cursor.fetchall()}
    return {
        (pk, specimen_class, kind): _resolved(stored, pk, specimen_class, kind)
        for pk, found in pairs.items()
        for specimen_class, kind in found
    }


def unit_sql(column: str) -> str:
    """The same rule for `quantity_unit` or `concentration_unit` of a specimen `s` inside a statement.

    Answers of specimens are one statement; asking for their units by another would cost a tenth more.
    """
    return (
        f"(SELECT u.{column} FROM protocol_specimentypeunit u WHERE u.specimen_class = s.specimen_class "  # noqa: S608
        f"AND u.{column} <> '' AND (u.protocol_id = s.protocol_id OR u.protocol_id IS NULL) "
        "AND (u.type = s.type OR u.type IS NULL) ORDER BY u.protocol_id, u.type LIMIT 1)"
    )


def _resolved(
    stored: Mapping[tuple[Any, ...], Units],
    protocol_id: int,
    specimen_class: str,
    kind: str | None,
) -> Units:
    keys = [(scope, specimen_class, text) for scope in (protocol_id, None) for text in (kind, None)]
    found = [stored[key] for key in dict.fromkeys(keys) if key in stored]
    return Units(
        next((units.quantity for units in found if units.quantity), None),
        next((units.concentration for units in found if units.concentration), None),
    )


def type_props() -> list[TypePropsDetail]:
    """The classes and types on the pick list, each class before its types; one query."""
    rows = PermissibleValue.objects.filter(attribute="specimen_type", activity_status="Active")
    found = list(rows.select_related("parent").order_by("sort_order", "value", "id"))
    classes = [row for row in found if row.parent is None]
    return [
        _props(row, of)
        for of in classes
        for row in (of, *(child for child in found if child.parent_id == of.pk))
    ]


def _props(row: PermissibleValue, of: PermissibleValue) -> TypePropsDetail:
    """A type without a property has its class's; abbreviations are a type's own."""
    known = {**{name: value for name, value in of.props.items() if name != "abbreviation"}, **row.props}
    return TypePropsDetail(
        id=row.pk,
        specimen_class=of.value,
        specimen_type=None if row is of else row.value,
        props=TypeProps(
            abbreviation=known.get("abbreviation"),
            qty_unit=known.get("quantity_unit"),
            qty_html_display_code=known.get("quantity_display_unit"),
            conc_unit=known.get("concentration_unit"),
            conc_html_display_code=known.get("concentration_display_unit"),
        ),
    )
