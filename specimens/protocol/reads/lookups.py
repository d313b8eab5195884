"""From names and ids to protocols, events and requirements: one query per kind of key per batch.

Deleted records are never found. Short titles, titles and event labels are matched without regard to case and
the answers are keyed in lower case; codes are matched exactly.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import JSONField, Prefetch, QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from sites.models import Site
from specimens.protocol.models import CollectionProtocol, Event, ProtocolSite, Requirement
from specimens.protocol.reads.scopes import protocols_for


def known_protocols() -> QuerySet[CollectionProtocol]:
    return CollectionProtocol.objects.exclude(activity_status="Disabled")


# Every write asks this: building the same wide statement anew would take longer than running it.
_FIELDS = CollectionProtocol._meta.concrete_fields
_ATTRIBUTES = [field.attname for field in _FIELDS]
_JSON = [place for place, field in enumerate(_FIELDS) if isinstance(field, JSONField)]
_BY_ID = (
    f"SELECT {', '.join(str(field.column) for field in _FIELDS)} FROM protocol_collectionprotocol "  # noqa: S608
    "WHERE id = ANY(%s) AND activity_status <> 'Disabled'"
)


def protocols_by_id(ids: Iterable[int | None]) -> dict[int, CollectionProtocol]:
    wanted = {pk for pk in ids if pk is not None}
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BY_ID, [list(wanted)])
        rows = [_built(list(values)) for values in cursor.fetchall()]
    return {row.pk: row for row in rows}


def _built(values: list[Any]) -> CollectionProtocol:
    """A protocol from the values of its columns, as Django would build it but for looking at each column again."""
    for place in _JSON:
        if isinstance(values[place], str):
            values[place] = json.loads(values[place])
    return CollectionProtocol.from_db(connection.alias, _ATTRIBUTES, values)


def protocols_by_short_title(names: Iterable[str | None]) -> dict[str, CollectionProtocol]:
    """Protocols by lower-case short title."""
    wanted = {name.lower() for name in names if name}
    if not wanted:
        return {}
    rows = known_protocols().annotate(lowered=Lower("short_title")).filter(lowered__in=wanted)
    return {row.short_title.lower(): row for row in rows}


def protocols_by_title(titles: Iterable[str | None]) -> dict[str, CollectionProtocol]:
    """Protocols by lower-case title."""
    wanted = {title.lower() for title in titles if title}
    if not wanted:
        return {}
    rows = known_protocols().annotate(lowered=Lower("title")).filter(lowered__in=wanted)
    return {row.title.lower(): row for row in rows}


def find_protocol(
    pk: int | None = None, *, title: str | None = None, short_title: str | None = None
) -> CollectionProtocol | None:
    """One protocol by the first key that is given: id, title, short title."""
    if pk is not None:
        return protocols_by_id([pk]).get(pk)
    if title:
        return protocols_by_title([title]).get(title.lower())
    return protocols_by_short_title([short_title]).get((short_title or "").lower())


def allowed_among(actor: Actor, ids: Iterable[int], resource: str, *operations: str) -> set[int]:
    """Those of the protocols for which the caller has one of the operations; no query for super users."""
    wanted = set(ids)
    if actor.is_super or not wanted:
        return wanted
    return set(protocols_for(actor, resource, *operations).filter(pk__in=wanted).values_list("pk", flat=True))


def sites_of(protocol_ids: Iterable[int]) -> dict[int, list[ProtocolSite]]:
    """The protocols' links to sites, `site` loaded, in the order they were made; one query."""
    found: dict[int, list[ProtocolSite]] = {pk: [] for pk in protocol_ids}
    rows = ProtocolSite.objects.filter(protocol_id__in=found).select_related("site")
    for row in rows.order_by("pk"):
        found[row.protocol_id].append(row)
    return found


def known_events() -> QuerySet[Event]:
    """Events that were not deleted; `default_site` is loaded."""
    return Event.objects.exclude(activity_status="Disabled").select_related("default_site")


def events_by_id(ids: Iterable[int | None]) -> dict[int, Event]:
    wanted = {pk for pk in ids if pk is not None}
    return known_events().in_bulk(wanted) if wanted else {}


def events_by_label(pairs: Iterable[tuple[int | None, str | None]]) -> dict[tuple[int, str], Event]:
    """Events by (protocol id, lower-case label)."""
    wanted = {
        (protocol_id, label.lower()) for protocol_id, label in pairs if protocol_id is not None and label
    }
    if not wanted:
        return {}
    rows = (
        known_events()
        .annotate(lowered=Lower("label"))
        .filter(protocol_id__in={pk for pk, _ in wanted}, lowered__in={label for _, label in wanted})
    )
    found = {(row.protocol_id, row.label.lower()): row for row in rows}
    return {pair: row for pair, row in found.items() if pair in wanted}


def find_event(pk: int | None) -> Event | None:
    return events_by_id([pk]).get(pk) if pk is not None else None


def known_requirements() -> QuerySet[Requirement]:
    return Requirement.objects.exclude(activity_status="Disabled")


def requirements_by_id(ids: Iterable[int | None]) -> dict[int, Requirement]:
    wanted = {pk for pk in ids if pk is not None}
    return known_requirements().in_bulk(wanted) if wanted else {}


def requirements_by_code(
    pairs: Iterable[tuple[int | None, str | None]],
) -> dict[tuple[int, str], Requirement]:
    """Requirements by (event id, code)."""
    wanted = {(event_id, code) for event_id, code in pairs if event_id is not None and code}
    if not wanted:
        return {}
    rows = known_requirements().filter(
        event_id__in={event_id for event_id, _ in wanted}, code__in={code for _, code in wanted}
    )
    found = {(row.event_id, row.code or ""): row for row in rows}
    return {pair: row for pair, row in found.items() if pair in wanted}


def requirements_of(event_ids: Iterable[int], *, closed: bool = True) -> dict[int, list[Requirement]]:
    """All requirements of the events, every level, by sort order and id; `closed=False` leaves closed ones out.

    One query; a requirement's `parent_id` says where it belongs in the tree.
    """
    found: dict[int, list[Requirement]] = {pk: [] for pk in event_ids}
    rows = known_requirements().filter(event_id__in=found)
    if not closed:
        rows = rows.exclude(activity_status="Closed")
    for row in sorted(rows, key=in_order):
        found[row.event_id].append(row)
    return found


def in_order(row: Requirement) -> tuple[bool, int, int]:
    """Children stand by sort order, those without one last, then by id (spec 02 §C2)."""
    return (row.sort_order is None, row.sort_order or 0, row.pk)


def with_sites(rows: QuerySet[CollectionProtocol]) -> QuerySet[CollectionProtocol]:
    """The protocols with `protocol_sites` and their sites loaded."""
    links = ProtocolSite.objects.select_related("site").order_by("pk")
    return rows.prefetch_related(Prefetch("protocol_sites", links))


def sites_in_use(protocol_id: int) -> QuerySet[Site]:
    """The sites of a protocol, by name."""
    return (
        Site.objects.filter(protocol_sites__protocol_id=protocol_id)
        .select_related("institute")
        .order_by("name")
    )
