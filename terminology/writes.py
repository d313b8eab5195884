"""Writing pick lists: plan a batch, apply it (spec 01 part F); the admin and the demo come through here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.records import disable
from biobank.wire.errors import ADMIN_RIGHTS_REQUIRED
from terminology import rules, uses
from terminology.detail import PvWish
from terminology.models import PermissibleValue

_COLUMNS = ("attribute", "value", "parent_id", "concept_code", "sort_order", "props", "activity_status")
_Key = tuple[str, str, int | None]  # attribute, lower-case value, parent


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch of values."""

    actor: Actor
    stored: dict[int, PermissibleValue]
    used: set[int]
    parents_by_id: dict[int, PermissibleValue]
    parents_by_text: dict[tuple[str, str], PermissibleValue]
    taken: dict[_Key, int]
    above: dict[int, int | None]  # every value that has a parent, to it


def plan_values(changes: Sequence[Change[PvWish]], actor: Actor) -> list[PermissibleValue | Refusal]:
    """Decide what each value would become; rows of the batch see each other."""
    wishes = [change.detail for change in changes]
    rows = PermissibleValue.objects.exclude(activity_status="Disabled").annotate(lowered=Lower("value"))
    present = PermissibleValue.objects.exclude(activity_status="Disabled").select_related("parent")
    stored = present.in_bulk([change.pk for change in changes if change.pk is not None])
    touched = [
        row for change in changes if (row := stored.get(change.pk or 0)) and _renames(row, change.detail)
    ]
    texts = {(wish.parent_value or "").lower() for wish in wishes} - {""}
    ids = {wish.parent_id for wish in wishes if wish.parent_id}
    parents = list(rows.filter(Q(pk__in=ids) | Q(lowered__in=texts)).order_by("-parent", "-pk"))
    values = {(wish.value or "").lower() for wish in wishes}
    clashes = PermissibleValue.objects.annotate(lowered=Lower("value")).filter(lowered__in=values)
    chains = PermissibleValue.objects.exclude(parent=None) if stored and (ids or texts) else clashes.none()
    known = _Known(
        actor=actor,
        stored=stored,
        used=uses.used(touched),
        parents_by_id={row.pk: row for row in parents},
        parents_by_text={(row.attribute, row.value.lower()): row for row in parents},
        taken={
            (attribute, lowered, parent): pk
            for pk, attribute, lowered, parent in clashes.values_list("pk", "attribute", "lowered", "parent")
        },
        above=dict(chains.values_list("pk", "parent")),
    )
    return [_plan_value(change, known) for change in changes]


def _renames(row: PermissibleValue, wish: PvWish) -> bool:
    """Whether records that hold the value would no longer find it."""
    return wish.activity_status == "Disabled" or (wish.attribute, wish.value) != (row.attribute, row.value)


def _plan_value(change: Change[PvWish], known: _Known) -> PermissibleValue | Refusal:
    wish = change.detail
    row = PermissibleValue() if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((rules.NOT_FOUND.missing(value=change.pk),))
    if not known.actor.is_super:
        return Refusal((ADMIN_RIGHTS_REQUIRED(),))
    problems = list(rules.value_problems(wish))
    parent = _parent(wish, known)
    if parent is None and (wish.parent_id or wish.parent_value):
        problems.append(rules.PARENT_NOT_FOUND(value=wish.parent_value or wish.parent_id))
    if parent is not None and row.pk and _is_below(parent.pk, row.pk, known):
        problems.append(rules.PARENT_BELOW(value=wish.value))
    if row.pk in known.used:
        problems.append(rules.IN_USE(value=row.value))
    key = (wish.attribute or "", (wish.value or "").lower(), parent.pk if parent else None)
    if not problems and known.taken.get(key, row.pk) != row.pk:
        problems.append(rules.DUP_VALUE(value=wish.value))
    if problems:
        return Refusal(tuple(problems))
    known.taken[key] = row.pk or -1
    row.attribute, row.value, row.parent = wish.attribute or "", wish.value or "", parent
    row.concept_code, row.sort_order = wish.concept_code or None, wish.sort_order
    row.props, row.activity_status = wish.props or {}, wish.activity_status or "Active"
    return row


def _parent(wish: PvWish, known: _Known) -> PermissibleValue | None:
    if wish.parent_id:
        return known.parents_by_id.get(wish.parent_id)
    attribute = wish.parent_attribute or wish.attribute or ""
    return known.parents_by_text.get((attribute, (wish.parent_value or "").lower()))


def _is_below(pk: int, other: int, known: _Known) -> bool:
    """Whether the value `pk` is the other one, or stands below it."""
    seen: set[int] = set()
    at: int | None = pk
    while at is not None and at not in seen:
        if at == other:
            return True
        seen.add(at)
        at = known.above.get(at)
    return False


def apply_values(rows: Sequence[PermissibleValue], actor: Actor) -> list[int]:
    """Write the planned values; deleted ones free their text."""
    disable([row for row in rows if row.activity_status == "Disabled"], value=255)
    stored = [row for row in rows if row.pk is not None]
    insert([row for row in rows if row.pk is None])
    update(stored, _COLUMNS)
    return [row.pk for row in rows]


VALUES: Door[PvWish, PermissibleValue] = Door("pick-list value", plan_values, apply_values)


def add_terms(terms: Iterable[tuple[str, str, str]]) -> int:
    """Add (attribute, value, concept code) where the list does not have the value yet; returns how many."""
    wanted = {(attribute, value.lower()): (value, code) for attribute, value, code in sorted(terms)}
    with transaction.atomic():
        rows = PermissibleValue.objects.filter(
            attribute__in={attribute for attribute, _ in wanted}, parent=None
        )
        present = {(row.attribute, row.value.lower()) for row in rows}
        new = [
            PermissibleValue(attribute=attribute, value=value, concept_code=code[:64] or None)
            for (attribute, lowered), (value, code) in wanted.items()
            if (attribute, lowered) not in present
        ]
        insert(new)
    return len(new)
