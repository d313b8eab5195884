"""What the database knows about a batch of registrations: one query for each kind of key."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property

from django.db.models import Count, Q

from biobank.access import Actor
from biobank.batch.door import Change
from biobank.configuration.reads import flag, setting
from biobank.wire.dates import server_zone
from sites.reads import sites_by_name
from specimens.participant.detail import ParticipantDetail, PmiDetail, RegistrationDetail
from specimens.participant.models import Registration
from specimens.participant.reads.lookups import Protocols, barcodes_in_use, ppids_in_use
from specimens.participant.reads.mrn_sites import beyond
from specimens.participant.reads.scopes import PHI, known_registrations, writable
from specimens.participant.writes.empis import mpi_format
from specimens.participant.writes.people import People, Person
from specimens.participant.writes.ppids import SiteCodes
from specimens.protocol.labels import LabelFormat, ppid_format
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import allowed_among
from terminology.reads import load_terms

RegistrationChange = Change[RegistrationDetail]
CREATE, UPDATE, DELETE = "Create", "Update", "Delete"


def today() -> date:
    """The day it is in the server's zone."""
    return datetime.now(server_zone()).date()


class Known:
    """Look-ups shared by the rows of one batch; rows that are accepted add to them."""

    def __init__(self, changes: Sequence[RegistrationChange], actor: Actor) -> None:
        self.actor = actor
        self.today = today()
        self.stored = _stored([change.pk for change in changes if change.pk is not None])
        creates = [change.detail for change in changes if change.pk is None]
        self.protocols = Protocols(creates)
        persons = [change.detail.participant for change in changes if change.detail.participant is not None]
        sites = sites_by_name(_site_names(changes))
        self.site_ids = {name: site.pk for name, site in sites.items()}
        self.site_names = {site.pk: site.name for site in sites.values()}
        self.people = self._people(persons)
        self.terms = load_terms(_texts(persons, self.people))
        self._rights(changes, creates)
        self._uniques(changes, creates)
        self._formats: dict[int, LabelFormat | None] = {}
        self._dead: dict[str | None, bool] = {}
        self.uid_pattern = setting("biospecimen", "participant_uid_pattern")
        self.mpi_pattern = setting("biospecimen", "mpi_pattern")
        self.uid_mandatory = flag("biospecimen", "uid_mandatory")
        self.mpi_generated = mpi_format() is not None
        self._dependents(changes)

    def _people(self, persons: Sequence[ParticipantDetail]) -> People:
        ids = {person.id for person in persons if person.id is not None}
        ids |= {row.participant_id for row in self.stored.values()}
        numbers = [
            (site_id, pmi.mrn)
            for person in persons
            for pmi in pmis_of(person)
            if pmi.mrn and (site_id := self.site_ids.get((pmi.site_name or "").lower())) is not None
        ]
        return People(ids, (p.empi for p in persons), (p.uid for p in persons), numbers)

    def _rights(self, changes: Sequence[RegistrationChange], creates: Sequence[RegistrationDetail]) -> None:
        named = {protocol.pk for detail in creates if (protocol := self.protocols.find(detail)) is not None}
        self.creatable = writable(self.actor, named, PHI, CREATE)
        held = {row.protocol_id for row in self.stored.values()}
        self.updatable = writable(self.actor, held, PHI, UPDATE)
        sent = [change.detail.participant for change in changes if change.detail.participant is not None]
        named = {pk for person in sent if (pk := person.id) is not None and self.people.get(pk) is not None}
        theirs = set().union(*(person.protocols for person in self.people if person.row.pk in named))
        self.familiar = allowed_among(self.actor, theirs, PHI, "Read", CREATE, UPDATE)
        self.not_updatable = beyond(self.actor, self.stored, PHI, UPDATE)
        gone = any(
            change.pk is not None and change.detail.activity_status == "Disabled" for change in changes
        )
        self.deletable = writable(self.actor, held, PHI, DELETE) if gone else set()
        self.not_deletable = beyond(self.actor, self.stored, PHI, DELETE) if gone else set()

    def _uniques(self, changes: Sequence[RegistrationChange], creates: Sequence[RegistrationDetail]) -> None:
        pairs = {
            (protocol.pk, detail.ppid)
            for detail in creates
            if detail.ppid and (protocol := self.protocols.find(detail)) is not None
        }
        for change in changes:
            row = self.stored.get(change.pk) if change.pk is not None else None
            if row is not None and change.detail.ppid:
                pairs.add((row.protocol_id, change.detail.ppid))
        self.ppids = ppids_in_use(pairs)
        self.barcodes = dict(barcodes_in_use(change.detail.barcode for change in changes))

    def _dependents(self, changes: Sequence[RegistrationChange]) -> None:
        """Of registrations that are to be deleted: which have visits at all, and which complete ones."""
        gone = [c.pk for c in changes if c.pk is not None and c.detail.activity_status == "Disabled"]
        self.visited: set[int] = set()
        self.completed: set[int] = set()
        self.cascadable: set[int] = set()
        if not gone:
            return
        active = ~Q(visits__activity_status="Disabled")
        complete = Q(visits__activity_status="Active", visits__status="Complete")
        rows = Registration.objects.filter(pk__in=gone).annotate(
            n_visits=Count("visits", filter=active & Q(visits__isnull=False)),
            n_complete=Count("visits", filter=complete),
        )
        for pk, visits, completes in rows.values_list("pk", "n_visits", "n_complete"):
            self.visited.update([pk] if visits else [])
            self.completed.update([pk] if completes else [])
        held = {row.protocol_id for row in self.stored.values()}
        self.cascadable = allowed_among(
            self.actor, allowed_among(self.actor, held, "Visit", DELETE), "Specimen", DELETE
        )

    def may_change(self, row: Registration, *, gone: bool) -> bool:
        """Whether the caller may update, or delete, a stored registration."""
        protocols = self.deletable if gone else self.updatable
        return row.protocol_id in protocols and row.pk not in (
            self.not_deletable if gone else self.not_updatable
        )

    def knows(self, person: Person) -> bool:
        """Whether the caller may know the participant by name through one of the registrations there are."""
        return self.actor.is_super or bool(person.protocols & self.familiar)

    @cached_property
    def site_codes(self) -> SiteCodes:
        """The codes of every site that PPIDs of the batch may show; two queries, none when nothing asks."""
        sites = {*self.site_ids.values(), *(row.site_id for row in self.stored.values())}
        sites.update(site_id for person in self.people for site_id in person.numbers)
        return SiteCodes(self.creatable | {row.protocol_id for row in self.stored.values()}, sites)

    def format_of(self, protocol: CollectionProtocol) -> LabelFormat | None:
        """The PPID template of a protocol, read once a batch."""
        if protocol.pk not in self._formats:
            self._formats[protocol.pk] = ppid_format(protocol)
        return self._formats[protocol.pk]

    def is_dead(self, vital_status: str | None) -> bool:
        """Whether the vital status means that the participant died."""
        if vital_status not in self._dead:
            found = self.terms.find("vital_status", vital_status)
            self._dead[vital_status] = any(row.props.get("dead") == "true" for row in found)
        return self._dead[vital_status]


def pmis_of(person: ParticipantDetail) -> list[PmiDetail]:
    """The record numbers that were sent, as a list or as the single-entry shortcut."""
    if person.pmis is not None:
        return person.pmis
    return [person.pmi] if person.pmi is not None else []


def _stored(pks: Sequence[int]) -> dict[int, Registration]:
    """The registrations to be changed, locked until the transaction ends."""
    if not pks:
        return {}
    rows = known_registrations().select_related("protocol").select_for_update(of=("self",))
    return {row.pk: row for row in rows.filter(pk__in=pks)}


def _site_names(changes: Sequence[RegistrationChange]) -> set[str | None]:
    names = {change.detail.site for change in changes}
    for change in changes:
        if change.detail.participant is not None:
            names.update(pmi.site_name for pmi in pmis_of(change.detail.participant))
    return names


def _texts(persons: Sequence[ParticipantDetail], people: People) -> Mapping[str, set[str | None]]:
    """The pick-list values to look up, those of stored participants' vital status among them."""
    return {
        "gender": {person.gender for person in persons},
        "vital_status": {p.vital_status for p in persons} | {person.row.vital_status for person in people},
        "race": {text for person in persons for text in person.races or ()},
        "ethnicity": {text for person in persons for text in person.ethnicities or ()},
    }
