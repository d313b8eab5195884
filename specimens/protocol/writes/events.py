"""Writing events: create, replace, close, delete (spec 02 part B)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.wire.errors import ACCESS_DENIED, Problem
from sites.models import Site
from sites.reads import sites_by_name
from specimens.protocol import below
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.protocol.reads.lookups import (
    allowed_among,
    events_by_id,
    known_events,
    protocols_by_short_title,
    protocols_by_title,
)
from specimens.protocol.reads.scopes import PROTOCOL, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules import events as rules
from specimens.protocol.writes.deletes import disable_events
from specimens.protocol.writes.versions import mark_changed
from terminology.reads import Terms, load_terms

COLUMNS = (
    "label", "code", "point", "point_unit", "default_site_id", "clinical_diagnosis", "clinical_status",
    "visit_name_print_mode", "visit_name_print_copies", "sort_order", "activity_status",
)  # fmt: skip


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch: one query each."""

    stored: dict[int, Event]
    by_title: dict[str, CollectionProtocol]
    by_short_title: dict[str, CollectionProtocol]
    updatable: set[int]
    sites: dict[str, Site]
    terms: Terms
    labels: dict[tuple[int, str], int]
    codes: dict[tuple[int, str], int]
    visited: dict[int, int]


def plan_events(changes: Sequence[Change[ProtocolEventDetail]], actor: Actor) -> list[Event | Refusal]:
    """Decide what each event would become; rows of the batch see each other."""
    known = _look_up(changes, actor)
    return [_plan(change, known) for change in changes]


def _look_up(changes: Sequence[Change[ProtocolEventDetail]], actor: Actor) -> _Known:
    details = [change.detail for change in changes]
    by_title = protocols_by_title(detail.collection_protocol for detail in details)
    by_short = protocols_by_short_title(detail.cp_short_title for detail in details)
    protocols = {row.pk for row in (*by_title.values(), *by_short.values())}
    rows = list(known_events().filter(protocol_id__in=protocols)) if protocols else []
    leaving = [change.pk for change in changes if change.pk and change.detail.activity_status == "Disabled"]
    return _Known(
        stored=events_by_id(change.pk for change in changes),
        by_title=by_title,
        by_short_title=by_short,
        updatable=allowed_among(actor, protocols, PROTOCOL, UPDATE),
        sites=sites_by_name(detail.default_site for detail in details),
        terms=load_terms(
            {
                "clinical_diagnosis": [detail.clinical_diagnosis for detail in details],
                "clinical_status": [detail.clinical_status for detail in details],
            }
        ),
        labels={(row.protocol_id, row.label.lower()): row.pk for row in rows},
        codes={(row.protocol_id, row.code): row.pk for row in rows if row.code},
        visited=below.counted(below.visits(), "event", leaving),
    )


def _plan(change: Change[ProtocolEventDetail], known: _Known) -> Event | Refusal:
    detail = change.detail
    protocol, wrong = _protocol(detail, known)
    problems = [*wrong, *rules.event_problems(detail), *_reference_problems(detail, known)]
    row = Event() if change.pk is None else known.stored.get(change.pk)
    if row is None or (protocol is not None and change.pk is not None and row.protocol_id != protocol.pk):
        return Refusal((codes.CPE_NOT_FOUND.missing(key=change.pk),))
    if protocol is not None and protocol.pk not in known.updatable:
        return Refusal((ACCESS_DENIED(),))
    if protocol is not None and protocol.specimen_centric:
        return Refusal((codes.CP_OP_NOT_ALLOWED_SC(value=protocol.short_title),))
    if protocol is not None and not problems:
        problems += _clashes(detail, row, protocol.pk, known)
        problems += _state_problems(detail, row, known)
    if protocol is None or problems:
        return Refusal(tuple(problems))
    row.protocol = protocol
    _fill(row, detail, known)
    known.labels[protocol.pk, row.label.lower()] = row.pk or -1
    if row.code:
        known.codes[protocol.pk, row.code] = row.pk or -1
    return row


def _protocol(detail: ProtocolEventDetail, known: _Known) -> tuple[CollectionProtocol | None, list[Problem]]:
    """The protocol named by title, else by short title; `cpId` is ignored (spec 02 §B2)."""
    if detail.collection_protocol:
        found = known.by_title.get(detail.collection_protocol.lower())
    elif detail.cp_short_title:
        found = known.by_short_title.get(detail.cp_short_title.lower())
    else:
        return None, [codes.CPE_CP_REQUIRED()]
    if found is None:
        return None, [codes.CP_NOT_FOUND(key=detail.collection_protocol or detail.cp_short_title)]
    return found, []


def _reference_problems(detail: ProtocolEventDetail, known: _Known) -> Iterator[Problem]:
    if detail.default_site and detail.default_site.lower() not in known.sites:
        yield codes.SITE_NOT_FOUND(value=detail.default_site)
    diagnosis, status = detail.clinical_diagnosis, detail.clinical_status
    if diagnosis and known.terms.canonical("clinical_diagnosis", diagnosis) is None:
        yield codes.CPE_INVALID_CLINICAL_DIAGNOSIS(value=diagnosis)
    if status and known.terms.canonical("clinical_status", status) is None:
        yield codes.CPE_INVALID_CLINICAL_STATUS(value=status)


def _clashes(detail: ProtocolEventDetail, row: Event, protocol_id: int, known: _Known) -> Iterator[Problem]:
    label = detail.event_label or ""
    if known.labels.get((protocol_id, label.lower()), row.pk) != row.pk:
        yield codes.CPE_DUP_LABEL(value=label)
    if detail.code and known.codes.get((protocol_id, detail.code), row.pk) != row.pk:
        yield codes.CPE_DUP_CODE(value=detail.code)


def _state_problems(detail: ProtocolEventDetail, row: Event, known: _Known) -> Iterator[Problem]:
    if row._state.adding:
        return
    if row.activity_status == "Closed" and detail.activity_status == "Closed":
        yield codes.CPE_CLOSED(value=row.label)
    if row.pk in known.visited:
        yield codes.CPE_HAS_VISITS(value=row.label)


def _fill(row: Event, detail: ProtocolEventDetail, known: _Known) -> None:
    row.label, row.code = detail.event_label or "", detail.code or None
    row.point = detail.event_point
    row.point_unit = detail.event_point_unit if row.point is not None else None
    row.default_site = known.sites.get((detail.default_site or "").lower())
    row.clinical_diagnosis = known.terms.canonical("clinical_diagnosis", detail.clinical_diagnosis)
    row.clinical_status = known.terms.canonical("clinical_status", detail.clinical_status)
    row.visit_name_print_mode = rules.print_mode(detail.visit_name_print_mode)
    row.visit_name_print_copies = detail.visit_name_print_copies
    row.sort_order = detail.sort_order
    row.activity_status = detail.activity_status or "Active"


def apply_events(plans: Sequence[Event], actor: Actor) -> list[int]:
    """Write the planned events; closing one closes its requirements, disabling one disables them."""
    stored = [row for row in plans if not row._state.adding]
    insert([row for row in plans if row._state.adding])
    if stored:
        update(stored, COLUMNS)
    disable_events(row for row in plans if row.activity_status == "Disabled")
    closed = [row.pk for row in stored if row.activity_status == "Closed"]
    if closed:
        Requirement.objects.filter(event_id__in=closed, activity_status="Active").update(
            activity_status="Closed"
        )
    mark_changed(row.protocol_id for row in plans)
    return [row.pk for row in plans]


EVENTS: Door[ProtocolEventDetail, Event] = Door("collection_protocol_event", plan_events, apply_events)
