"""Writing drafts: a fixed number of statements whatever their number."""

from collections.abc import Sequence
from decimal import Decimal

from django.db import IntegrityError, connection
from django.utils import timezone

from biobank.access import Actor
from biobank.batch.insert import insert, take_keys
from biobank.batch.update import update
from biobank.records import stamp
from biobank.wire.constraints import problem_of
from biobank.wire.errors import Refused
from specimens.specimen import below, rules
from specimens.specimen.models import PoolMember, Specimen
from specimens.specimen.rules import COLLECTED, DISABLED
from specimens.specimen.writes.drafts import Draft, all_of

# One statement on the stored row: two requests that draw from one parent at once never lose a deduction.
_DRAW = """
    UPDATE specimen_specimen AS parent SET
      available_qty = CASE WHEN parent.available_qty > 0
        THEN greatest(parent.available_qty - taken.drawn, 0) ELSE parent.available_qty END,
      freeze_thaw_cycles = CASE WHEN taken.cycles > 0
        THEN coalesce(parent.freeze_thaw_cycles, 0) + taken.cycles ELSE parent.freeze_thaw_cycles END
    FROM unnest(%s::bigint[], %s::numeric[], %s::int[]) AS taken (id, drawn, cycles)
    WHERE parent.id = taken.id AND (taken.drawn > 0 OR taken.cycles > 0)
"""


def store(plans: Sequence[Draft], actor: Actor) -> list[int]:
    """Write what one planner planned; answers the keys of `plans`, in order."""
    drafts = list(all_of(plans))
    new = [draft for draft in drafts if draft.new]
    for draft, key in zip(new, take_keys(Specimen, len(new)) if new else [], strict=True):
        draft.row.pk = key
    for draft in new:
        if draft.parent is not None:
            draft.row.parent_id = draft.parent.row.pk
            draft.row.primary_id = _primary_of(draft.parent)
    batch = next((plan.batch for plan in plans if plan.batch is not None), None)
    if batch is not None:
        if batch.reason:
            stamp(actor, reason=batch.reason)
        batch.generate(drafts)
    stored = _take_from_parents(drafts)
    try:
        insert([draft.row for draft in new])
        _save([draft for draft in drafts if not draft.new])
    except IntegrityError as error:
        raise_dup_in_cp(error, [draft.row for draft in drafts])
        raise
    refuse_equal_names([draft.row.pk for draft in drafts if _has_moved(draft)])
    _pool([draft for draft in drafts if draft.pool and draft.new], actor)
    if stored:
        with connection.cursor() as cursor:
            cursor.execute(_DRAW, [list(column) for column in zip(*stored, strict=True)])
    if below.collected:
        below.tell_collected([saved for draft in drafts if (saved := _saved(draft)) is not None], actor)
    if below.deleted:
        below.tell_deleted([draft.row.pk for draft in drafts if _is_deleted(draft)], actor)
    return [draft.row.pk for draft in plans]


def _pool(drafts: Sequence[Draft], actor: Actor) -> None:
    """Remember what went into pooled specimens."""
    now = timezone.now()
    insert(
        [
            PoolMember(
                pool_id=draft.row.pk, member_id=member.row.pk, pooled_on=now, pooled_by_id=actor.user_id
            )
            for draft in drafts
            for member in draft.pool
        ]
    )


_IN_CP = {
    rules.DUP_LABEL.code: (rules.DUP_LABEL_IN_CP, "label_per_cp"),
    rules.DUP_ADDITIONAL_LABEL.code: (rules.DUP_ADDITIONAL_LABEL_IN_CP, "additional_label_per_cp"),
    rules.DUP_BARCODE.code: (rules.DUP_BARCODE_IN_CP, "barcode_per_cp"),
}


def raise_dup_in_cp(error: IntegrityError, rows: Sequence[Specimen]) -> None:
    """Raise the refusal of a name that is taken in the protocol, if this is what the database says."""
    problem = problem_of(error)
    code, flag = _IN_CP.get(problem.code if problem is not None else "", (None, ""))
    if code is not None and any(getattr(row, flag) for row in rows):
        raise Refused(code(label="", barcode="")) from error


_EQUAL = " UNION ALL ".join(
    f"SELECT '{column}', s.{column} FROM specimen_specimen s JOIN specimen_specimen o ON o.{column} = s.{column} "  # noqa: S608
    "AND o.protocol_id = s.protocol_id AND o.id <> s.id WHERE s.id = ANY(%(ids)s)"
    for column in ("label", "additional_label", "barcode")
)
_EQUAL_CODES = {
    "label": rules.DUP_LABEL_IN_CP,
    "additional_label": rules.DUP_ADDITIONAL_LABEL_IN_CP,
    "barcode": rules.DUP_BARCODE_IN_CP,
}


def refuse_equal_names(moved: Sequence[int]) -> None:
    """Refuse specimens that came to a protocol where their names are taken.

    The indexes say so where both names were given by the same rule; this looks at all.
    """
    if not moved:
        return
    with connection.cursor() as cursor:
        cursor.execute(_EQUAL, {"ids": list(moved)})
        found = cursor.fetchall()
    if found:
        raise Refused(*(_EQUAL_CODES[column](label=name, barcode=name) for column, name in found))


def _has_moved(draft: Draft) -> bool:
    return draft.original is not None and draft.original["protocol_id"] != draft.row.protocol_id


def _saved(draft: Draft) -> below.Saved | None:
    """What the packages below are told of a draft, if anything."""
    was = draft.original["status"] if draft.original is not None else None
    newly = draft.row.status == COLLECTED and was != COLLECTED and (draft.new or was is not None)
    before = draft.original["received_quality"] if draft.original is not None else None
    arrived = _has_arrived(draft.row.received_quality) and not _has_arrived(before)
    arrived = arrived and (draft.new or draft.original is not None)
    if not (draft.new or newly or arrived or draft.print_label):
        return None
    return below.Saved(draft.row, draft.new, newly, draft.print_label, arrived)


def _has_arrived(quality: str | None) -> bool:
    return quality is not None and quality != rules.TO_BE_RECEIVED


def _is_deleted(draft: Draft) -> bool:
    was = draft.original["activity_status"] if draft.original is not None else None
    return draft.row.activity_status == DISABLED and was is not None and was != DISABLED


def _primary_of(draft: Draft) -> int:
    """The key of the primary specimen of a draft's tree."""
    if not draft.new:
        return draft.row.primary_id or draft.row.pk
    return draft.row.pk if draft.parent is None else _primary_of(draft.parent)


def _save(drafts: Sequence[Draft]) -> None:
    """Write the stored specimens that changed, and of them the columns that did."""
    changed = [(draft.row, names) for draft in drafts if (names := draft.changed())]
    update([row for row, _ in changed], {name for _, names in changed for name in names})


def _take_from_parents(drafts: Sequence[Draft]) -> list[tuple[int, Decimal, int]]:
    """What children take: out of new parents at once, of stored ones as rows (key, quantity, cycles)."""
    drawn: dict[int, Decimal] = {}
    cycles: dict[int, int] = {}
    parents: dict[int, Draft] = {}
    thawed: set[tuple[int, int]] = set()
    for draft in drafts:
        parent = draft.parent
        if parent is None or (draft.draw is None and draft.thaw is None):
            continue
        key = id(parent)
        parents[key] = parent
        drawn[key] = drawn.get(key, Decimal(0)) + (draft.draw or 0)
        if draft.thaw is not None and draft.thaw[1] > 0 and (draft.thaw[0], key) not in thawed:
            thawed.add((draft.thaw[0], key))
            cycles[key] = cycles.get(key, 0) + draft.thaw[1]
    stored: list[tuple[int, Decimal, int]] = []
    for key, parent in parents.items():
        row = parent.row
        if not parent.new:
            stored.append((row.pk, drawn[key], cycles.get(key, 0)))
            continue
        if row.available_qty:
            row.available_qty = max(row.available_qty - drawn[key], Decimal(0))
        if cycles.get(key):
            row.freeze_thaw_cycles = (row.freeze_thaw_cycles or 0) + cycles[key]
    return sorted(stored)
