"""Lists and searches of specimens (spec 03 §3.2)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Upper

from biobank.access import Actor
from biobank.wire.dates import millis
from biobank.wire.errors import Refused
from specimens.participant.reads import known_registrations
from specimens.protocol.models import Event
from specimens.protocol.reads import events_by_id
from specimens.specimen import below, rules
from specimens.specimen.detail import SpecimenQuery, SpecimenSearch
from specimens.specimen.models import Specimen
from specimens.specimen.reads.rows import Json, Row, info, minimal, rows_by_id, rows_of_visits
from specimens.specimen.reads.scopes import require, specimens_for
from specimens.specimen.reads.trees import Forest, context_of, visit_row
from specimens.specimen.rules import COLLECTED, NEW
from specimens.visit.models import Visit

LIST_SIZE = 100
SEARCH_CAP = 10_000
_ORDERS = frozenset(("label", "barcode", "type", "lineage", "status", "created_on", "anatomic_site", "id"))


def listed(query: SpecimenQuery, actor: Actor) -> list[Json]:
    """The list call: the first rule whose parameters are there wins."""
    if query.cpr_id is not None:
        return of_registration(query, actor)
    rows = specimens_for(actor)
    if query.id:
        found = _in_order(rows.filter(pk__in=query.id), "pk", query.id)
    elif query.label or query.barcode:
        found = _named(rows, query)
    elif query.cp_id is not None:
        found = _primaries(rows, query.cp_id)
    else:
        return []
    return shown(found, actor, full=bool(query.include_extensions), brief=bool(query.minimal_info))


def _primaries(rows: QuerySet[Specimen], protocol_id: int) -> list[int]:
    found = rows.filter(protocol=protocol_id, lineage=NEW, status=COLLECTED).order_by("pk")
    return list(found.values_list("pk", flat=True)[:LIST_SIZE])


def shown(ids: Sequence[int], actor: Actor, *, full: bool = False, brief: bool = False) -> list[Json]:
    """Specimens in the order of `ids`: as info, in full without children, or only their names."""
    rows = rows_by_id(ids)
    if full:
        forest = Forest.of(actor, rows, planned=False)
        return [forest.alone(row) for row in rows]
    context = context_of(actor, rows, formats=False)
    tell = minimal if brief else info
    return [tell(row, context) for row in rows]


def _in_order(rows: QuerySet[Specimen], attribute: str, keys: Iterable[Any]) -> list[int]:
    """Ids of the rows in the order of the keys they were asked by."""
    found: dict[Any, list[int]] = {}
    for pk, value in rows.order_by("pk").values_list("pk", attribute):
        found.setdefault(value, []).append(pk)
    return [pk for key in dict.fromkeys(keys) for pk in found.get(key, ())]


def _named(rows: QuerySet[Specimen], query: SpecimenQuery) -> list[int]:
    if query.cp_id is not None:
        rows = rows.filter(protocol=query.cp_id)
    if query.cp_short_title:
        rows = rows.filter(protocol__short_title__iexact=query.cp_short_title)
    labels, barcodes = query.label or [], query.barcode or []
    if query.exact_match is not True and len(labels) + len(barcodes) == 1:
        part = Q(label__icontains=labels[0]) if labels else Q(barcode__icontains=barcodes[0])
        return list(rows.filter(part).order_by("label", "pk").values_list("pk", flat=True)[:LIST_SIZE])
    if labels and barcodes:
        rows = rows.filter(label__in=labels, barcode__in=barcodes)
    elif labels:
        rows = rows.filter(label__in=labels)
    else:
        return _in_order(rows.filter(barcode__in=barcodes), "barcode", barcodes)
    return _in_order(rows, "label", labels)


# --- Of one participant -----------------------------------------------------------------------------


def of_registration(query: SpecimenQuery, actor: Actor) -> list[Json]:
    """Trees of a visit, of an event to come, or of all of both; a fixed number of queries.

    Raises CPR_M_NOT_FOUND, RBAC_ACCESS_DENIED, VISIT_NOT_FOUND, CPE_NOT_FOUND.
    """
    cpr = known_registrations().select_related("protocol").filter(pk=query.cpr_id or 0).first()
    if cpr is None:
        raise Refused(rules.REGISTRATION_NOT_FOUND.missing(key=query.cpr_id))
    require(actor, cpr.protocol_id, cpr.pk, NEW)

    def outline(event: Event | None, visit: Visit | None = None) -> Row:
        keys: dict[str, Any] = {}
        if visit is not None:
            keys = {"visit_id": visit.pk, "visit_name": visit.name, "visit_status": visit.status}
            keys |= {"visit_date": _millis(visit.visit_date), "spr_no": visit.surgical_pathology_number}
        return visit_row(cpr.protocol, event, cpr.pk, cpr.ppid, **keys)

    stored = (
        Visit.objects.filter(registration=cpr).exclude(activity_status="Disabled").select_related("event")
    )
    stored = stored.order_by("visit_date", "pk")
    if query.visit_id is not None:
        visits = list(stored.filter(pk=query.visit_id))
        if not visits:
            raise Refused(rules.VISIT_NOT_FOUND.missing(key=query.visit_id))
        outlines = [outline(visits[0].event, visits[0])]
    elif query.event_id is not None:
        event = events_by_id([query.event_id]).get(query.event_id)
        if event is None or event.protocol_id != cpr.protocol_id:
            raise Refused(rules.EVENT_NOT_FOUND.missing(key=query.event_id))
        outlines = [outline(event)]
    else:
        visits = list(stored)
        taken = {visit.event_id for visit in visits}
        open_events = Event.objects.filter(protocol=cpr.protocol_id, activity_status="Active")
        outlines = [outline(visit.event, visit) for visit in visits]
        outlines += [outline(event) for event in open_events.order_by("pk") if event.pk not in taken]
    rows = rows_of_visits([row.visit_id for row in outlines if row.visit_id is not None])
    forest = Forest.of(actor, rows, outlines)
    return [tree for row in outlines for tree in forest.of_visit(row)]


def _millis(value: datetime | None) -> int | None:
    return None if value is None else millis(value)


# --- Searches ---------------------------------------------------------------------------------------


def searched(body: SpecimenSearch, actor: Actor) -> list[Json]:
    """Specimens by criteria. Raises SPECIMEN_LABELS_SRCH_LIMIT_MAXED."""
    if len(body.labels or ()) + len(body.barcodes or ()) > SEARCH_CAP:
        raise Refused(rules.SEARCH_LIMIT(limit=SEARCH_CAP))
    rows = matching(body, actor)
    wanted = _snake(body.order_by or "")
    if wanted in _ORDERS:
        first, last = body.bounds(LIST_SIZE)
        rows = _ordered(rows, wanted, descending=body.asc is False)
        ids = list(rows.values_list("pk", flat=True)[first : min(last, first + SEARCH_CAP)])
    else:
        ids = body.keys(rows, actor.user_id, "pk", most=SEARCH_CAP)
    return shown(ids, actor, full=bool(body.include_extensions), brief=bool(body.minimal_info))


def matching(body: SpecimenSearch, actor: Actor) -> QuerySet[Specimen]:
    """The specimens that a search means, unordered."""
    rows = specimens_for(actor)
    if body.container or body.container_id is not None or body.ancestor_container_id is not None:
        return rows.none()  # nothing is stored in containers
    if body.reserved_for_dp:
        return rows.none()  # nothing is reserved
    for condition in _conditions(body):
        rows = rows.filter(condition)
    cart = body.specimen_list_id if body.specimen_list_id is not None else body.list_id
    if cart is not None:
        for held in below.in_cart:
            rows = rows.filter(pk__in=held(cart, actor))
    return rows


def _conditions(body: SpecimenSearch) -> Iterable[Q]:
    yield from _conditions_of_names(body)
    if body.cp_id is not None and body.cp_id != -1:
        yield Q(protocol=body.cp_id)
    if body.cp_short_title:
        yield Q(protocol__short_title__iexact=body.cp_short_title)
    yield from _conditions_above(body)
    for attribute, one, many in (
        ("lineage", body.lineage, body.lineages),
        ("status", body.collection_status, body.collection_statuses),
    ):
        if wanted := many or ([one] if one else []):
            yield Q(**{f"{attribute}__in": wanted})
    if body.type:
        yield Q(type__iexact=body.type)
    if body.anatomic_site:
        yield Q(anatomic_site__iexact=body.anatomic_site)
    yield from _conditions_of_state(body)


def _conditions_of_names(body: SpecimenSearch) -> Iterable[Q]:
    if body.ids:
        yield Q(pk__in=body.ids)
    for attribute, one, many in (
        ("label", body.label, body.labels),
        ("barcode", body.barcode, body.barcodes),
    ):
        if many:
            yield Q(**{f"{attribute}__in": many})
        elif one:
            yield Q(**{attribute if body.exact_match else f"{attribute}__icontains": one})
    if body.search_str:
        text = body.search_str
        yield Q(label__icontains=text) | Q(barcode__icontains=text) | Q(additional_label__icontains=text)


def _conditions_above(body: SpecimenSearch) -> Iterable[Q]:
    if body.cpr_id is not None:
        yield Q(visit__registration=body.cpr_id)
    if body.ppid:
        how = "iexact" if body.exact_match else "icontains"
        yield Q(**{f"visit__registration__ppid__{how}": body.ppid})
    if body.visit_id is not None:
        yield Q(visit=body.visit_id)
    if body.visit_names:
        yield Q(visit__name__in=body.visit_names)
    if body.ancestor_id is not None:
        yield Q(primary=body.ancestor_id) | Q(parent=body.ancestor_id)


def _conditions_of_state(body: SpecimenSearch) -> Iterable[Q]:
    if body.available:
        yield Q(activity_status="Active", status=COLLECTED) & (Q(available_qty__gt=0) | Q(available_qty=None))
    if body.no_qty:
        yield Q(available_qty=0)
    if body.include_only_tbr:
        yield Q(received_quality=rules.TO_BE_RECEIVED)


def _ordered(rows: QuerySet[Specimen], column: str, *, descending: bool) -> QuerySet[Specimen]:
    """By the wanted column, its index read forwards or backwards; specimens not created yet stand with the oldest."""
    if column == "created_on":
        created = F(column).desc(nulls_last=True) if descending else F(column).asc(nulls_first=True)
        return rows.order_by(created, "-pk" if descending else "pk")
    key = Upper(column) if column in ("type", "anatomic_site") else F(column)
    return rows.order_by(key.desc(), "-pk") if descending else rows.order_by(key.asc(), "pk")


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
