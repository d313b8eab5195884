"""Calls that change several specimens at once: trees, lists, the same change for many, deletes (spec 03 §3.8, §3.9)."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q

from biobank.access import Actor
from biobank.batch.door import Change
from biobank.configuration.reads import number
from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Problem, Refused
from specimens.protocol.reads import protocols_by_short_title
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenBulkChange, SpecimenDetail, SpecimenStatusChange
from specimens.specimen.reads.matching import names_per_protocol
from specimens.specimen.reads.scopes import known_specimens
from specimens.specimen.writes.doors import SPECIMENS
from specimens.specimen.writes.drafts import Node
from specimens.visit.detail import VisitDetail
from specimens.visit.writes import VISITS

UPDATE_LIMIT = 100
_requests = count(1)


def nodes_of(trees: Sequence[SpecimenDetail], *, adopting: bool = False) -> list[Node]:
    """The nodes of collect trees, parents first."""
    request = next(_requests)

    def flatten(detail: SpecimenDetail, parent: Node | None) -> Iterator[Node]:
        node = Node(detail, detail.id, parent=parent, collecting=True, adopting=adopting, request=request)
        yield node
        for child in detail.children or ():
            yield from flatten(child, node)

    return [node for tree in trees for node in flatten(tree, None)]


def collect(trees: Sequence[SpecimenDetail], actor: Actor) -> list[tuple[Node, int]]:
    """Save trees of specimens; answers every node with its key, all or none."""
    nodes = nodes_of(trees)
    return list(zip(nodes, SPECIMENS.write(nodes, actor), strict=True))


def collect_visit(
    visit: VisitDetail, trees: Sequence[SpecimenDetail], actor: Actor
) -> tuple[int, list[tuple[Node, int]]]:
    """Save a visit and its specimens, all or nothing (spec 03 §2.8)."""
    with transaction.atomic():
        visit_id = VISITS.write_one(visit, actor, visit.id)
        nodes = nodes_of(trees, adopting=True)
        for node in nodes:
            node.detail.visit_id, node.detail.visit_name = visit_id, None
        return visit_id, list(zip(nodes, SPECIMENS.write(nodes, actor), strict=True))


class Name(NamedTuple):
    """What a request calls a specimen by: id, else label, else barcode; the protocol's short title narrows names."""

    id: int | None
    label: str | None
    barcode: str | None
    cp_short_title: str | None


def identify(names: Sequence[Name]) -> list[int]:
    """The ids of the specimens that are named; two queries at most.

    Raises SPECIMEN_LABEL_REQUIRED, SPECIMEN_NOT_FOUND, CP_SHORT_TITLE_REQUIRED, SPECIMEN_NOT_FOUND_IN_CP.
    """
    labels = {name.label for name in names if name.id is None and name.label}
    barcodes = {name.barcode for name in names if name.id is None and not name.label and name.barcode}
    by_label: dict[str | None, list[tuple[int, int]]] = {}
    by_barcode: dict[str | None, list[tuple[int, int]]] = {}
    if labels or barcodes:
        rows = known_specimens().filter(Q(label__in=labels) | Q(barcode__in=barcodes))
        for pk, cp, label, barcode in rows.values_list("pk", "protocol_id", "label", "barcode"):
            by_label.setdefault(label, []).append((cp, pk))
            by_barcode.setdefault(barcode, []).append((cp, pk))
    protocols = protocols_by_short_title(name.cp_short_title for name in names)
    per_cp = names_per_protocol() if labels or barcodes else None
    ids: list[int] = []
    problems: list[Problem] = []
    for name in names:
        if name.id is not None:
            ids.append(name.id)
            continue
        key = name.label or name.barcode
        if not key or per_cp is None:
            problems.append(rules.LABEL_REQUIRED())
            continue
        protocol = protocols.get((name.cp_short_title or "").lower())
        protocol_id = protocol.pk if protocol is not None else -1 if name.cp_short_title else None
        if name.label:
            found = rules.owner(by_label.get(key, ()), key, protocol_id, per_cp=per_cp.labels)
        else:
            found = rules.owner(by_barcode.get(key, ()), key, protocol_id, per_cp=per_cp.barcodes)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            ids.append(found)
    if problems:
        raise Refused(*problems)
    return ids


def change_each(details: Sequence[SpecimenDetail], actor: Actor) -> list[int]:
    """A list of different changes, all or none."""
    ids = identify([Name(d.id, d.label, d.barcode, d.cp_short_title) for d in details])
    return SPECIMENS.write([Change(detail, pk) for detail, pk in zip(details, ids, strict=True)], actor)


def change_all(body: SpecimenBulkChange, actor: Actor) -> list[int]:
    """The same change for many specimens. Raises SPECIMEN_UPDATE_LIMIT_MAXED."""
    ids = list(dict.fromkeys(body.ids or ()))
    limit = number("biospecimen", "max_spmns_update_limit") or UPDATE_LIMIT
    if len(ids) > limit:
        raise Refused(rules.UPDATE_LIMIT(limit=limit))
    return SPECIMENS.write([Change(body.detail, pk) for pk in ids], actor)


def change_status(changes: Sequence[SpecimenStatusChange], ids: Sequence[int], actor: Actor) -> list[int]:
    """Close, reopen or delete specimens, all or none (spec 03 §3.5)."""
    nodes: list[Node] = []
    for change, pk in zip(changes, ids, strict=True):
        if not change.status:
            raise Refused(ACTIVITY_STATUS_INVALID(value="(none)"))
        detail = SpecimenDetail(activity_status=change.status, op_comments=change.comments)
        nodes.append(Node(detail, pk, disposal=change, force=bool(change.force_update)))
    return SPECIMENS.write(nodes, actor)


def delete(ids: Sequence[int], actor: Actor, *, force: bool, reason: str | None) -> list[int]:
    """Delete specimens, all or none. Raises SPECIMEN_REF_ENTITY_FOUND unless forced."""
    detail = SpecimenDetail(activity_status=rules.DISABLED, op_comments=reason)
    return SPECIMENS.write([Node(detail, pk, force=force) for pk in ids], actor)
