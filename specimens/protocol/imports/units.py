"""CSV of the units of specimen types (spec 04 §5.24, 02 §D3)."""

from collections.abc import Collection, Iterator, Sequence

from django.db.models import Q, Value
from django.db.models.functions import Coalesce, Lower

from biobank.access import EXPORT_IMPORT, Actor
from biobank.batch.batches import in_batches, wanted_rows
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Wanted, register
from biobank.wire.errors import Problem
from specimens.protocol.detail.units import UnitBody
from specimens.protocol.models import SpecimenTypeUnit
from specimens.protocol.reads.lookups import allowed_among
from specimens.protocol.reads.scopes import PROTOCOL as RESOURCE
from specimens.protocol.reads.scopes import UPDATE, exportable_protocols
from specimens.protocol.reads.units import known_units, unit_details
from specimens.protocol.rules import codes
from specimens.protocol.writes.units import UNITS

_Key = tuple[str, str, str]  # short title, class and type in lower case; blank where there is none


def _find(details: Sequence[UnitBody], actor: Actor) -> list[int | Refusal | None]:
    """Everybody may read units."""

    def find(keys: Collection[_Key]) -> dict[_Key, int]:
        rows = known_units().annotate(
            low_title=Coalesce(Lower("protocol__short_title"), Value("")),
            low_class=Lower("specimen_class"),
            low_type=Coalesce(Lower("type"), Value("")),
        )
        found = rows.filter(low_class__in={name for _, name, _ in keys})
        return {
            (title, name, kind): pk
            for pk, title, name, kind in found.values_list("pk", "low_title", "low_class", "low_type")
        }

    return by_id_or_key(
        details,
        known=lambda ids: known_units().filter(pk__in=ids).values_list("pk", flat=True),
        key=lambda detail: next(_keys(detail), None),
        find=find,
    )


def _keys(detail: UnitBody) -> Iterator[_Key]:
    if detail.specimen_class:
        yield (
            (detail.cp_short_title or "").lower(),
            detail.specimen_class.lower(),
            (detail.type or "").lower(),
        )


def _missing(detail: UnitBody) -> Problem:
    if detail.id is None and not detail.specimen_class:
        return codes.UNIT_ID_REQ()
    return codes.UNIT_NOT_FOUND.missing(key=detail.id or detail.type or detail.specimen_class)


def _details(pks: Sequence[int]) -> list[UnitBody]:
    rows = known_units().in_bulk(list(pks))
    return [UnitBody(**dict(unit)) for unit in unit_details(rows[pk] for pk in pks if pk in rows)]


def _changeable(pks: Sequence[int], actor: Actor) -> set[int]:
    if actor.is_super:
        return set(pks)
    protocols = dict(
        known_units().filter(pk__in=pks, protocol__isnull=False).values_list("pk", "protocol_id")
    )
    allowed = allowed_among(actor, [one for one in protocols.values() if one is not None], RESOURCE, UPDATE)
    return {pk for pk, protocol_id in protocols.items() if protocol_id in allowed}


def _export(wanted: Wanted, actor: Actor) -> Iterator[Sequence[UnitBody]]:
    """Those of all protocols, and those of the protocols that the caller may export; by id."""
    rows = known_units()
    if not actor.is_super:
        shared = Q(protocol=None) if actor.has_any(RESOURCE, EXPORT_IMPORT) else Q(pk__in=[])
        rows = rows.filter(shared | Q(protocol__in=exportable_protocols(actor)))
    if wanted.cp_id is not None:
        rows = rows.filter(protocol=wanted.cp_id)
    return in_batches(wanted_rows(rows, wanted).order_by("pk").values_list("pk", flat=True), _details)


_UNIT = "A value of the pick list specimen_unit; one of the two units is needed"
_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(codes.UNIT_NOT_FOUND.code, codes.UNIT_ID_REQ.code)),
    Column(
        "CP Short Title", "cpShortTitle", codes=(codes.CP_NOT_FOUND.code, codes.UNIT_DUP.code),
        hint="Blank: all protocols",
    ),
    Column(
        "Specimen Class", "specimenClass", codes=(codes.UNIT_CLASS_REQUIRED.code, codes.UNIT_INVALID_CLASS.code),
        hint="A root of the pick list specimen_type",
    ),
    Column(
        "Specimen Type", "type", codes=(codes.UNIT_INVALID_TYPE.code,), hint="Blank: all types of the class"
    ),
    Column(
        "Quantity Unit", "quantityUnit",
        codes=(codes.UNIT_QTY_OR_CONC_UNIT_REQ.code, codes.UNIT_INVALID_UNIT.code), hint=_UNIT,
    ),
    Column("Concentration Unit", "concentrationUnit", codes=(codes.UNIT_INVALID_UNIT.code,), hint=_UNIT),
)  # fmt: skip

UNIT = register(
    ImportSchema(
        name="specimenTypeUnit",
        label="Specimen Type Units",
        detail=UnitBody,
        door=UNITS,
        columns=_COLUMNS,
        operations=ALL,
        matching=Matching(find=_find, missing=_missing, keys=_keys),
        update_door=patching(
            UNITS,
            SpecimenTypeUnit,
            _COLUMNS,
            stored=lambda pks: {detail.id or 0: detail for detail in _details(pks)},
            may=_changeable,
        ),
        export=Export(_export),
        about=(
            "What quantities and concentrations are counted in. An update finds the units by Identifier, else by "
            "CP Short Title, Specimen Class and Specimen Type, blank ones included."
        ),
    )
)
