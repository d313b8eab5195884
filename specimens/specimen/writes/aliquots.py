"""One row, several aliquots of one parent (spec 03 §3.8, 04 §5.14)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from django.db.models import Q

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.errors import Problem
from specimens.protocol.reads import protocols_by_short_title
from specimens.specimen import rules
from specimens.specimen.detail import AliquotSpec, SpecimenDetail, SpecimenLocation
from specimens.specimen.models import Specimen
from specimens.specimen.reads.matching import names_per_protocol
from specimens.specimen.rules import ACTIVE, ALIQUOT, CLOSED, COLLECTED, DERIVED
from specimens.specimen.writes.drafts import Draft, Node
from specimens.specimen.writes.planner import Planner
from specimens.specimen.writes.store import store
from specimens.specimen.writes.wanted import Wanted

_requests = count(1)


@dataclass(slots=True)
class _Parent:
    """A stored specimen that aliquots are asked of; `left` goes down from row to row."""

    id: int
    protocol_id: int
    label: str | None
    status: str
    activity_status: str
    specimen_class: str
    type: str
    left: Decimal | None
    closes: bool  # the protocol closes parents that were split


@dataclass(slots=True)
class Split:
    """What becomes of one row: the intermediate derivative, if there is one, and the aliquots."""

    drafts: list[Draft]


def plan_aliquots(changes: Sequence[Change[AliquotSpec]], actor: Actor) -> list[Split | Refusal]:
    """Turn every row into nodes below its parent, then plan all of them as one batch of specimens."""
    parents = _Parents([change.detail for change in changes])
    made: list[_Row | Problem] = [_row(change.detail, parents) for change in changes]
    nodes = [node for row in made if not isinstance(row, Problem) for node in row.nodes]
    if not nodes:
        return [Refusal((row,)) for row in made if isinstance(row, Problem)]
    planner = Planner(Wanted(nodes), actor)
    planned = iter(planner.plan(nodes))
    outcomes: list[Split | Refusal] = []
    for row in made:
        if isinstance(row, Problem):
            outcomes.append(Refusal((row,)))
            continue
        results = [next(planned) for _ in row.nodes]
        problems = [p for result in results if isinstance(result, Refusal) for p in result.problems]
        drafts = [result for result in results if isinstance(result, Draft)]
        if problems:
            outcomes.append(Refusal(tuple(dict.fromkeys(problems))))
            continue
        if row.closes:
            planner.close(drafts[0])
        outcomes.append(Split(drafts))
    return outcomes


def cut_aliquots(changes: Sequence[Change[AliquotSpec]]) -> Iterator[Sequence[Change[AliquotSpec]]]:
    """Parts of a batch: a row that splits what one before it made, or closed, comes after that is stored."""
    part: list[Change[AliquotSpec]] = []
    made: set[str] = set()
    closed: set[int | str | None] = set()
    for change in changes:
        spec = change.detail
        parent = spec.parent_id if spec.parent_id is not None else spec.parent_label
        if parent in made or parent in closed:
            yield part
            part, made, closed = [], set(), set()
        part.append(change)
        made.update(rules.split_list(spec.labels))
        if spec.close_parent:
            closed.add(parent)
    if part:
        yield part


def apply_aliquots(splits: Sequence[Split], actor: Actor) -> list[int]:
    """Store all of them; answers the key of each row's first new specimen."""
    store([draft for split in splits for draft in split.drafts], actor)
    return [next(draft.row.pk for draft in split.drafts if draft.new) for split in splits]


ALIQUOTS: Door[AliquotSpec, Split] = Door("specimenAliquot", plan_aliquots, apply_aliquots, cut_aliquots)


@dataclass(slots=True)
class _Row:
    """The parent, what is made of it, and whether it is closed then."""

    nodes: list[Node]
    closes: bool


class _Parents:
    """The stored specimens that the rows name."""

    def __init__(self, specs: Sequence[AliquotSpec]) -> None:
        self._by_id = _load_parents(specs)
        self._owners: dict[str, list[tuple[int, int]]] = {}
        for parent in self._by_id.values():
            if parent.label:
                self._owners.setdefault(parent.label, []).append((parent.protocol_id, parent.id))
        self._protocols = protocols_by_short_title(spec.cp_short_title for spec in specs)
        self._per_cp = bool(self._owners) and names_per_protocol().labels

    def find(self, spec: AliquotSpec) -> _Parent | Problem:
        """The parent by id, else by label and, where labels are unique by protocol, the protocol."""
        if spec.parent_id is not None:
            return self._by_id.get(spec.parent_id) or rules.NOT_FOUND(key=spec.parent_id)
        if not spec.parent_label:
            return rules.PARENT_REQUIRED()
        named = self._protocols.get((spec.cp_short_title or "").lower())
        protocol_id = named.pk if named is not None else -1 if spec.cp_short_title else None
        owners = self._owners.get(spec.parent_label, ())
        found = rules.owner(owners, spec.parent_label, protocol_id, per_cp=self._per_cp)
        return found if isinstance(found, Problem) else self._by_id[found]


def _load_parents(specs: Sequence[AliquotSpec]) -> dict[int, _Parent]:
    """Parents, named by id or label, by id; one query."""
    ids = {spec.parent_id for spec in specs if spec.parent_id is not None}
    labels = {spec.parent_label for spec in specs if spec.parent_id is None and spec.parent_label}
    rows = Specimen.objects.filter(Q(pk__in=ids) | Q(label__in=labels)).exclude(activity_status="Disabled")
    found: dict[int, _Parent] = {}
    for row in rows.values_list(
        "pk", "protocol_id", "label", "status", "activity_status", "specimen_class", "type", "available_qty",
        "protocol__close_parent_specimens",
    ):  # fmt: skip
        parent = _Parent(*row)
        found[parent.id] = parent
    return found


def _row(spec: AliquotSpec, parents: _Parents) -> _Row | Problem:
    """The parent, used as it is; a derivative where class or type differ; the aliquots."""
    parent = parents.find(spec)
    if isinstance(parent, Problem):
        return parent
    if parent.status != COLLECTED:
        return rules.PARENT_NOT_COLLECTED(label=parent.label)
    if parent.activity_status != ACTIVE:
        return rules.PARENT_NOT_ACTIVE(label=parent.label)
    labels, barcodes = rules.split_list(spec.labels), rules.split_list(spec.barcodes)
    counted = rules.aliquot_counts(spec.no_of_aliquots, spec.qty_per_aliquot, len(labels), parent.left)
    if isinstance(counted, Problem):
        return counted
    number, quantity = counted
    if number > rules.MAX_ALIQUOTS:
        return rules.CHILDREN_LIMIT(label=parent.label, count=number, limit=rules.MAX_ALIQUOTS)
    if parent.left is not None and quantity is not None:
        parent.left = max(parent.left - number * quantity, Decimal(0))
    request = next(_requests)
    closes = parent.closes if spec.close_parent is None else spec.close_parent
    if closes:
        parent.activity_status = CLOSED  # for the rows after this one
    top = Node(SpecimenDetail(), parent.id, collecting=True, request=request)
    nodes = [top]
    if _differs(spec, parent):
        nodes.append(Node(_derivative(spec, number, quantity), parent=top, collecting=True, request=request))
    above = nodes[-1]
    for place in range(number):
        detail = _aliquot(spec, quantity, labels[place : place + 1], barcodes[place : place + 1])
        nodes.append(Node(detail, parent=above, request=request))
    return _Row(nodes, closes)


def _differs(spec: AliquotSpec, parent: _Parent) -> bool:
    return bool(spec.create_derived) or any(
        given and given.lower() != own.lower()
        for given, own in ((spec.specimen_class, parent.specimen_class), (spec.type, parent.type))
    )


def _derivative(spec: AliquotSpec, number: int, quantity: Decimal | None) -> SpecimenDetail:
    """What stands between a parent and aliquots of another type; it is closed at once."""
    return SpecimenDetail(
        lineage=DERIVED,
        status=COLLECTED,
        specimen_class=spec.specimen_class,
        type=spec.type,
        initial_qty=None if quantity is None else quantity * number,
        created_on=spec.created_on,
        created_by=spec.created_by,
        incr_parent_freeze_thaw=spec.incr_parent_freeze_thaw,
        close_after_children_creation=not spec.keep_derived_open,
    )


def _aliquot(
    spec: AliquotSpec, quantity: Decimal | None, label: list[str], barcode: list[str]
) -> SpecimenDetail:
    place = SpecimenLocation(name=spec.container_name) if spec.container_name else None
    return SpecimenDetail(
        lineage=ALIQUOT,
        status=COLLECTED,
        label=label[0] if label else None,
        barcode=barcode[0] if barcode else None,
        initial_qty=quantity,
        concentration=spec.concentration,
        created_on=spec.created_on,
        created_by=spec.created_by,
        freeze_thaw_cycles=spec.freeze_thaw_cycles,
        incr_parent_freeze_thaw=spec.incr_parent_freeze_thaw,
        storage_location=place,
        comments=spec.comments,
        op_comments=spec.op_comments,
    )
