"""Writing the units of specimen types (spec 02 §D3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, ADMIN_RIGHTS_REQUIRED, Problem, Refused
from specimens.protocol.detail.units import UnitBody, UnitDetail
from specimens.protocol.models import CollectionProtocol, SpecimenTypeUnit
from specimens.protocol.reads.lookups import allowed_among, protocols_by_id, protocols_by_short_title
from specimens.protocol.reads.scopes import PROTOCOL, UPDATE
from specimens.protocol.reads.units import known_units, unit, unit_details
from specimens.protocol.rules import codes
from specimens.protocol.rules import units as rules
from specimens.protocol.writes.versions import mark_changed
from terminology.reads import Terms, load_terms

_Key = tuple[int | None, str, str | None]


@dataclass(slots=True)
class UnitPlan:
    """Units as they will be, and the protocols whose definition that changes."""

    row: SpecimenTypeUnit
    protocols: set[int]


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch: one query each."""

    actor: Actor
    stored: dict[int, SpecimenTypeUnit]
    by_id: dict[int, CollectionProtocol]
    by_short_title: dict[str, CollectionProtocol]
    updatable: set[int]
    terms: Terms
    taken: dict[_Key, int]


def plan_units(changes: Sequence[Change[UnitBody]], actor: Actor) -> list[UnitPlan | Refusal]:
    """Decide what the units would become; rows of the batch see each other."""
    details = [change.detail for change in changes]
    stored = known_units().in_bulk([change.pk for change in changes if change.pk is not None])
    by_id = protocols_by_id(detail.cp_id for detail in details)
    by_name = protocols_by_short_title(detail.cp_short_title for detail in details)
    touched = {row.pk for row in (*by_id.values(), *by_name.values())}
    touched |= {row.protocol_id for row in stored.values() if row.protocol_id is not None}
    terms = load_terms(
        {
            "specimen_type": [text for detail in details for text in (detail.specimen_class, detail.type)],
            "specimen_unit": [
                text for detail in details for text in (detail.quantity_unit, detail.concentration_unit)
            ],
        }
    )
    classes = {rules.canonical_class(detail, terms) for detail in details}
    present = SpecimenTypeUnit.objects.filter(specimen_class__in=classes)
    known = _Known(
        actor,
        stored,
        by_id,
        by_name,
        allowed_among(actor, touched, PROTOCOL, UPDATE),
        terms,
        {(row.protocol_id, row.specimen_class, row.type): row.pk for row in present},
    )
    return [_plan(change, known) for change in changes]


def _plan(change: Change[UnitBody], known: _Known) -> UnitPlan | Refusal:
    detail = change.detail
    row = SpecimenTypeUnit() if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((codes.UNIT_NOT_FOUND.missing(key=change.pk),))
    protocol, wrong = _protocol(detail, known)
    before = [] if row._state.adding else [row.protocol_id]
    after = [] if wrong else [protocol.pk if protocol else None]
    denied = _denied({*before, *after}, known)
    if denied is not None:
        return Refusal((denied,))
    problems = [*wrong, *rules.unit_problems(detail, known.terms)]
    if problems:
        return Refusal(tuple(problems))
    row.protocol = protocol
    row.specimen_class = rules.canonical_class(detail, known.terms) or ""
    row.type = rules.canonical_type(detail, known.terms)
    row.quantity_unit = known.terms.canonical("specimen_unit", detail.quantity_unit)
    row.concentration_unit = known.terms.canonical("specimen_unit", detail.concentration_unit)
    key = (row.protocol_id, row.specimen_class, row.type)
    if known.taken.get(key, row.pk) != row.pk:
        return Refusal((codes.UNIT_DUP(value=row.type or row.specimen_class),))
    known.taken[key] = row.pk or -1
    return UnitPlan(row, {pk for pk in (*before, row.protocol_id) if pk is not None})


def _protocol(detail: UnitBody, known: _Known) -> tuple[CollectionProtocol | None, list[Problem]]:
    """The protocol named by short title, else by id; None for all protocols."""
    if detail.cp_short_title:
        found = known.by_short_title.get(detail.cp_short_title.lower())
    elif detail.cp_id is not None and detail.cp_id > 0:
        found = known.by_id.get(detail.cp_id)
    else:
        return None, []
    return found, [] if found else [codes.CP_NOT_FOUND(key=detail.cp_short_title or detail.cp_id)]


def _denied(protocols: set[int | None], known: _Known) -> Problem | None:
    """Units of all protocols are the super administrator's."""
    if known.actor.is_super:
        return None
    if None in protocols:
        return ADMIN_RIGHTS_REQUIRED()
    return None if protocols <= known.updatable else ACCESS_DENIED()


def apply_units(plans: Sequence[UnitPlan], actor: Actor) -> list[int]:
    """Write the planned units; a fixed number of statements."""
    stored = [plan.row for plan in plans if not plan.row._state.adding]
    insert([plan.row for plan in plans if plan.row._state.adding])
    update(stored, ["protocol_id", "specimen_class", "type", "quantity_unit", "concentration_unit"])
    mark_changed(pk for plan in plans for pk in plan.protocols)
    return [plan.row.pk for plan in plans]


UNITS: Door[UnitBody, UnitPlan] = Door("specimen_type_unit", plan_units, apply_units)


def delete_unit(pk: int, actor: Actor) -> UnitDetail:
    """Remove units for good; answers what was removed.

    Raises `Refused`: SPECIMEN_TYPE_UNIT_NOT_FOUND, RBAC_ACCESS_DENIED, RBAC_ADMIN_RIGHTS_REQUIRED.
    """
    with transaction.atomic():
        stamp(actor)
        row = unit(pk)
        if row.protocol_id is None:
            actor.require_super()
        elif not allowed_among(actor, [row.protocol_id], PROTOCOL, UPDATE):
            raise Refused(ACCESS_DENIED())
        detail = unit_details([row])[0]
        row.delete()
        if row.protocol_id is not None:
            mark_changed([row.protocol_id])
    return detail
