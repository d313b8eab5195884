"""What the database knows about a batch of visits: one query for each kind of key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import connection
from django.db.models import F
from django.utils import timezone

from biobank.access import Actor
from biobank.batch.door import Change
from sessions_auth.detail import UserSummary
from sessions_auth.reads import load_users
from sites.reads import sites_by_name
from specimens.participant.models import MedicalRecord, Registration
from specimens.participant.reads import Protocols, registrations_by_id, registrations_by_ppid, writable
from specimens.participant.reads.mrn_sites import beyond
from specimens.participant.writes.ppids import SiteCodes
from specimens.protocol.labels import LabelFormat, visit_format
from specimens.protocol.models import CollectionProtocol, Event
from specimens.protocol.reads import allowed_among, events_by_id, events_by_label, protocols_by_id
from specimens.visit import rules
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.reads.scopes import VISIT, known_visits
from terminology.reads import load_terms

VisitChange = Change[VisitDetail]


class VisitRemoval(VisitDetail):
    """A delete on its way through the door; no body of a client becomes one, so PUT cannot force."""

    forced: bool = False


@dataclass(frozen=True, slots=True)
class Ahead:
    """Registrations that are planned with their visits and not stored yet, by the keys they will have.

    `first_sites`: the site of each of their participants' first record number.
    """

    registrations: Mapping[int, Registration]
    first_sites: Mapping[int, int | None]


_NOTHING_AHEAD = Ahead({}, {})


class Known:
    """Look-ups shared by the rows of one batch; rows that are accepted add to them."""

    def __init__(self, changes: Sequence[VisitChange], actor: Actor, ahead: Ahead | None = None) -> None:
        self.actor = actor
        self._ahead = ahead or _NOTHING_AHEAD
        self.now = timezone.now()
        self.stored = _stored([change.pk for change in changes if change.pk is not None])
        details = [change.detail for change in changes]
        self.named = Protocols(details)
        self._registrations(details)
        self._events(details)
        protocol_ids = {row.protocol_id for row in self.registrations()} | {
            row.protocol_id for row in self.stored.values()
        }
        self.protocols = protocols_by_id(protocol_ids)
        self.writable = writable(actor, protocol_ids, VISIT, "Create", "Update")
        held = {row.pk for row in self.registrations()} | {
            row.registration_id for row in self.stored.values()
        }
        self.beyond = beyond(actor, held, VISIT, "Create", "Update")
        self.sites = {name: row.pk for name, row in sites_by_name({d.site for d in details}).items()}
        self.sites |= {row.site.name.lower(): row.site.pk for row in self.stored.values() if row.site}
        self.terms = load_terms(_texts(details))
        missed = [UserSummary(id=row.missed_by_id) for row in self.stored.values() if row.missed_by_id]
        self.users = load_users([*(detail.missed_by for detail in details), *missed])
        names = {detail.name for detail in details if detail.name}
        self.names = names_in_use({(0, name) for name in names})
        self._formats: dict[tuple[int, bool], LabelFormat] = {}
        self._default_sites(details)
        self._removals(changes)

    def may_change(self, row: Visit, *, gone: bool) -> bool:
        """Whether the caller may change, or delete, a stored visit."""
        protocols = self.deletable if gone else self.writable
        people = self.not_deletable if gone else self.beyond
        return row.protocol_id in protocols and row.registration_id not in people

    # --- Registrations and events -----------------------------------------------------------------------

    def _registrations(self, details: Sequence[VisitDetail]) -> None:
        ids = {detail.cpr_id for detail in details} | {row.registration_id for row in self.stored.values()}
        planned = {pk: row for pk, row in self._ahead.registrations.items() if pk in ids}
        self._by_id = registrations_by_id(ids - planned.keys()) | planned
        pairs = [
            (protocol.pk, detail.ppid)
            for detail in details
            if detail.cpr_id is None and detail.ppid and (protocol := self.named.find(detail)) is not None
        ]
        self._by_ppid = registrations_by_ppid(pairs)

    @cached_property
    def site_codes(self) -> SiteCodes:
        """Codes of the sites that visits of the batch may be at: two queries, only where a template prints one."""
        events = (*self._events_by_id.values(), *self._events_by_label.values())
        last = (site for _, site in self._last_sites.values())
        defaults = (event.default_site_id for event in events)
        return SiteCodes(
            self.protocols, [*self.sites.values(), *last, *self._first_sites.values(), *defaults]
        )

    def registrations(self) -> Iterable[Registration]:
        yield from self._by_id.values()
        yield from self._by_ppid.values()

    def registration(self, detail: VisitDetail) -> Registration | None:
        """The registration a detail names, by id or by protocol and PPID."""
        if detail.cpr_id is not None:
            return self._by_id.get(detail.cpr_id)
        protocol = self.named.find(detail)
        return None if protocol is None else self._by_ppid.get((protocol.pk, detail.ppid or ""))

    def _events(self, details: Sequence[VisitDetail]) -> None:
        ids = {detail.event_id for detail in details} | {row.event_id for row in self.stored.values()}
        self._events_by_id = events_by_id(ids)
        labels = [
            (self._protocol_of_event(detail), detail.event_label)
            for detail in details
            if detail.event_id is None and detail.event_label
        ]
        self._events_by_label = events_by_label(labels)

    def _protocol_of_event(self, detail: VisitDetail) -> int | None:
        protocol = self.named.find(detail)
        if protocol is not None:
            return protocol.pk
        row = self.registration(detail)
        return None if row is None else row.protocol_id

    def event(self, detail: VisitDetail) -> Event | None:
        """The event a detail names, by id or by protocol and label; None for an unplanned visit."""
        if detail.event_id is not None:
            return self._events_by_id.get(detail.event_id)
        if not detail.event_label:
            return None
        protocol_id = self._protocol_of_event(detail)
        return self._events_by_label.get((protocol_id or 0, detail.event_label.lower()))

    # --- Names and sites --------------------------------------------------------------------------------

    def format_of(self, protocol: CollectionProtocol, *, planned: bool) -> LabelFormat:
        """The template of visit names, read once a batch."""
        key = (protocol.pk, planned)
        if key not in self._formats:
            self._formats[key] = visit_format(protocol, planned=planned)
        return self._formats[key]

    def _default_sites(self, details: Sequence[VisitDetail]) -> None:
        """Where a visit without site may have been: the latest visit's site, else that of the first MRN."""
        self._last_sites: dict[int, tuple[datetime | None, int | None]] = {}
        self._first_sites: dict[int, int] = {}
        wanted = {}
        for detail in details:
            if detail.site or detail.status in rules.UNCOLLECTED:
                continue
            event = self.event(detail)
            if not (event and event.default_site_id):
                row = self.registration(detail)
                if row is not None:
                    wanted[row.pk] = row.participant_id
        if not wanted:
            return
        visits = known_visits().filter(registration_id__in=wanted)
        visits = visits.order_by("registration_id", F("visit_date").desc(nulls_last=True), "-pk")
        columns = ("registration_id", "visit_date", "site_id")
        self._last_sites = {
            pk: (when, site) for pk, when, site in visits.distinct("registration_id").values_list(*columns)
        }
        planned = self._ahead.first_sites
        self._first_sites = {pk: site for pk, site in planned.items() if site is not None}
        people = set(wanted.values()) - planned.keys()
        if people:
            records = MedicalRecord.objects.filter(participant_id__in=people)
            records = records.order_by("participant_id", "pk").distinct("participant_id")
            self._first_sites |= dict(records.values_list("participant_id", "site_id"))

    def default_site(self, registration: Registration, event: Event | None) -> int | None:
        """The event's site, else the latest visit's, else that of the first record number (spec 03 §2.4)."""
        if event is not None and event.default_site_id is not None:
            return event.default_site_id
        last = self._last_sites.get(registration.pk)
        if last is not None and last[1] is not None:
            return last[1]
        return self._first_sites.get(registration.participant_id)

    def note_site(self, row: Visit) -> None:
        """A visit of this batch may be the latest one of its registration."""
        last = self._last_sites.get(row.registration_id)
        if last is None or last[0] is None or (row.visit_date is not None and row.visit_date >= last[0]):
            self._last_sites[row.registration_id] = (row.visit_date, row.site_id)

    # --- Deletes ------------------------------------------------------------------------------------------

    def _removals(self, changes: Sequence[VisitChange]) -> None:
        gone = [c.pk for c in changes if c.pk is not None and c.detail.activity_status == "Disabled"]
        self.deletable: set[int] = set()
        self.not_deletable: set[int] = set()
        self.cascadable: set[int] = set()
        self.collected: set[int] = set()
        if not gone:
            return
        held = {row.protocol_id for row in self.stored.values()}
        self.deletable = writable(self.actor, held, VISIT, "Delete")
        people = {row.registration_id for row in self.stored.values()}
        self.not_deletable = beyond(self.actor, people, VISIT, "Delete")
        self.cascadable = allowed_among(self.actor, held, "Specimen", "Delete")
        self.collected = with_collected_specimens(gone)


def with_collected_specimens(pks: Sequence[int]) -> set[int]:
    """Those of the visits that hold a collected specimen, active or closed; one query."""
    rows = Visit.objects.filter(
        pk__in=pks,
        specimens__status="Collected",
        specimens__activity_status__in=("Active", "Closed"),
    )
    return set(rows.values_list("pk", flat=True))


def names_in_use(keys: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Which visit names are taken, and by which visit; names are unique everywhere, so the scope is always 0."""
    if not keys:
        return {}
    with connection.cursor() as cursor:  # thousands of names go as one array
        cursor.execute("SELECT name, id FROM visit_visit WHERE name = ANY(%s)", [[name for _, name in keys]])
        return {(0, name): pk for name, pk in cursor.fetchall()}


def _stored(pks: Sequence[int]) -> dict[int, Visit]:
    """The visits to be changed, locked until the transaction ends."""
    if not pks:
        return {}
    rows = known_visits().select_related("site").select_for_update(of=("self",))
    return {row.pk: row for row in rows.filter(pk__in=pks)}


def _texts(details: Sequence[VisitDetail]) -> Mapping[str, set[str | None]]:
    return {
        "clinical_diagnosis": {text for detail in details for text in detail.clinical_diagnoses or ()},
        "clinical_status": {detail.clinical_status for detail in details},
        "cohort": {detail.cohort for detail in details},
        "missed_visit_reason": {detail.missed_reason for detail in details},
    }
