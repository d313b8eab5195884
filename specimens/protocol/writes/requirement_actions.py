"""What is done to one requirement besides replacing it: aliquots, derived, copy, delete (spec 02 §C3-§C5)."""

from collections.abc import Sequence

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change
from biobank.batch.insert import insert, take_keys
from biobank.records import stamp
from biobank.wire.errors import Refused, refuse_if
from specimens.protocol import below
from specimens.protocol.detail.requirements import AliquotSpec, DerivedSpec
from specimens.protocol.models import Requirement
from specimens.protocol.reads.lookups import requirements_of
from specimens.protocol.reads.requirements import requirement
from specimens.protocol.reads.scopes import UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules import requirements as rules
from specimens.protocol.writes.copies import clone
from specimens.protocol.writes.deletes import disable_requirements
from specimens.protocol.writes.requirements import REQUIREMENTS, lock_events, quantity_is_mandatory
from specimens.protocol.writes.trees import Trees
from specimens.protocol.writes.versions import mark_changed


def _parent(pk: int, actor: Actor) -> Requirement:
    """The requirement that gets children, its event locked. Raises SR_PARENT_NOT_FOUND, SR_CLOSED."""
    try:
        found = requirement(pk, actor, UPDATE)
    except Refused as refused:
        if refused.problems[0].code == codes.SR_NOT_FOUND.code:
            raise Refused(codes.SR_PARENT_NOT_FOUND.missing(key=pk)) from None
        raise
    lock_events([found.event_id])
    return found


def make_aliquots(pk: int, spec: AliquotSpec, actor: Actor) -> list[int]:
    """Add equal aliquots to a requirement. Raises `Refused` with the codes of spec 02 §C3."""
    with transaction.atomic():
        parent = _parent(pk, actor)
        refuse_if(rules.aliquot_spec_problems(spec, quantity_needed=quantity_is_mandatory()))
        taken = Trees(requirements_of([parent.event_id])[parent.event_id]).codes(parent.event_id)
        details = rules.aliquot_details(spec, pk, taken)
        try:
            return REQUIREMENTS.write([Change(detail) for detail in details], actor)
        except Refused as refused:
            raise Refused(*dict.fromkeys(refused.problems)) from None  # the same for every aliquot


def make_derived(pk: int, spec: DerivedSpec, actor: Actor) -> int:
    """Add what is derived from a requirement. Raises `Refused` with the codes of spec 02 §C4."""
    with transaction.atomic():
        _parent(pk, actor)
        return REQUIREMENTS.write_one(rules.derived_detail(spec, pk), actor)


def copy_requirement(pk: int, actor: Actor) -> int:
    """A deep copy beside the original, without codes, closed descendants left out.

    Raises `Refused`: SR_NOT_FOUND, SR_CLOSED, SR_INSUFFICIENT_QTY.
    """
    with transaction.atomic():
        stamp(actor)
        source = requirement(pk, actor, UPDATE)
        lock_events([source.event_id])
        if source.activity_status == "Closed":
            raise Refused(codes.SR_CLOSED())
        trees = Trees(requirements_of([source.event_id], closed=False)[source.event_id])
        parent = trees.rows.get(source.parent_id or 0)
        if source.lineage == rules.ALIQUOT and parent and not trees.has_room(parent, source.initial_qty):
            raise Refused(codes.SR_INSUFFICIENT_QTY())
        originals = [source, *trees.below(source)]
        keys = dict(zip((row.pk for row in originals), take_keys(Requirement, len(originals)), strict=True))
        insert(_placed(originals, source, keys))
        mark_changed([source.event.protocol_id])
    return keys[pk]


def _placed(rows: Sequence[Requirement], top: Requirement, keys: dict[int, int]) -> list[Requirement]:
    """Copies of a tree beside it; siblings below the top are numbered from 1."""
    places: dict[int | None, int] = {}
    copies = []
    for row in rows:
        copy = clone(row)
        copy.pk, copy.event_id, copy.code = keys[row.pk], row.event_id, None
        if row.pk == top.pk:
            copy.parent_id, copy.sort_order = row.parent_id, None
        else:
            copy.parent_id = keys[row.parent_id or 0]
            copy.sort_order = places[row.parent_id] = places.get(row.parent_id, 0) + 1
        copies.append(copy)
    return copies


def delete_requirement(pk: int, actor: Actor) -> int:
    """Disable a requirement with all its descendants. Raises `Refused`: SR_NOT_FOUND, SR_HAS_SPECIMENS."""
    with transaction.atomic():
        stamp(actor)
        row = requirement(pk, actor, UPDATE)
        lock_events([row.event_id])
        trees = Trees(requirements_of([row.event_id])[row.event_id])
        family = [row, *trees.below(row)]
        if below.specimens().filter(requirement__in=[one.pk for one in family]).exists():
            raise Refused(codes.SR_HAS_SPECIMENS())
        disable_requirements(family)
        mark_changed([row.event.protocol_id])
    return pk
