"""What the database knows about a batch of specimens: one query a kind, whatever the size of the batch."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count

from biobank.access import Actor
from biobank.batch.rows import stored
from sessions_auth.reads import Users, load_users
from specimens.participant.reads.mrn_sites import beyond
from specimens.participant.reads.scopes import writable
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.protocol.reads import (
    events_by_id,
    protocols_by_id,
    protocols_by_short_title,
    requirements_by_id,
    requirements_of,
)
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.reads.matching import NamesPerProtocol, names_per_protocol
from specimens.specimen.rules import COLLECTED, DISABLED
from specimens.specimen.writes.drafts import Draft, VisitFacts
from specimens.specimen.writes.wanted import Wanted
from specimens.visit.writes.hidden import hidden_visits
from terminology.reads import Terms, load_terms

# Thousands of keys go in as one array each; the ORM would take them one by one.
_VISITS = """
    SELECT v.id, v.name, v.status, v.visit_date, v.protocol_id, v.event_id, v.registration_id, r.ppid
    FROM visit_visit v JOIN participant_registration r ON r.id = v.registration_id
    WHERE (v.id = ANY(%s) OR v.name = ANY(%s)) AND v.activity_status <> 'Disabled'
"""
_FIND = """
    SELECT id, protocol_id, label, additional_label, barcode, primary_id, status, activity_status
    FROM specimen_specimen WHERE {} = ANY(%s)
"""


class _Brief(NamedTuple):
    """A stored specimen as the first look-up finds it."""

    id: int
    protocol_id: int
    label: str | None
    additional_label: str | None
    barcode: str | None
    primary_id: int | None
    status: str
    activity_status: str


class Facts:
    """Everything that planning a batch looks up. Stored specimens it names are locked, in the order of their ids.

    `visits` are known already: they are not stored yet, or not as they will be.
    """

    def __init__(self, wanted: Wanted, actor: Actor, visits: Iterable[VisitFacts] = ()) -> None:
        self.actor = actor
        found = _find(wanted)
        self.labels = _owners((brief.label, brief) for brief in found)
        self.additional_labels = _owners((brief.additional_label, brief) for brief in found)
        self.barcodes = _owners((brief.barcode, brief) for brief in found)
        self.named_protocols = _named_protocols(wanted)
        rows = _lock(wanted, found)
        self.visits: dict[int, VisitFacts] = {visit.id: visit for visit in visits}
        self.visits_by_name: dict[str, VisitFacts] = {}
        ids = wanted.visit_ids | {row.visit_id for row in rows}
        self._load_visits(ids - self.visits.keys(), wanted.visit_names)
        self.hidden: dict[int, VisitFacts] = {}  # visits of specimen-centric protocols, by protocol
        self._load_hidden_visits()
        self._load_requirements(wanted, rows)
        self.drafts: dict[int, Draft] = {}
        self.children: dict[int, list[Draft]] = {}  # by the parent's key, where the tree is loaded
        self._hang(rows)
        self._rights: dict[tuple[str, ...], tuple[set[int], set[int]]] = {}
        self.users: Users = load_users(wanted.users)
        self.terms: Terms = load_terms(wanted.terms)

    def _load_visits(self, ids: set[int], names: set[str]) -> None:
        if not ids and not names:
            return
        with connection.cursor() as cursor:
            cursor.execute(_VISITS, [list(ids), list(names)])
            for row in cursor.fetchall():
                visit = VisitFacts._make(row)
                self.visits[visit.id] = self.visits_by_name[visit.name] = visit

    def _load_hidden_visits(self) -> None:
        """The hidden visits of the specimen-centric protocols that the batch names and the caller may write to."""
        centric = {one.pk: one for one in self.named_protocols.values() if one.specimen_centric}
        if not centric:
            return
        allowed = writable(self.actor, centric, "Specimen", "Create", "Update")
        allowed |= writable(self.actor, centric, "PrimarySpecimen", "Create", "Update")
        for pk, visit in hidden_visits([centric[pk] for pk in allowed], self.actor).items():
            self.hidden[pk] = self.visits[visit.pk] = VisitFacts(
                visit.pk, visit.name, visit.status, visit.visit_date, pk, visit.event_id,
                visit.registration_id, visit.registration.ppid,
            )  # fmt: skip

    def _load_requirements(self, wanted: Wanted, rows: Sequence[Specimen]) -> None:
        """The requirements of every event in the batch, if the batch has to do with requirements at all."""
        self.requirements: dict[int, Requirement] = {}
        self.requirements_by_code: dict[tuple[int, str], Requirement] = {}
        self.requirements_below: dict[int, list[Requirement]] = {}
        ids = wanted.requirement_ids | {row.requirement_id for row in rows if row.requirement_id}
        if not ids and not wanted.by_code:
            return
        events = requirements_of({v.event_id for v in self.visits.values() if v.event_id})
        for requirement in (one for every in events.values() for one in every):
            self.requirements[requirement.pk] = requirement
            if requirement.code:
                self.requirements_by_code[requirement.event_id, requirement.code] = requirement
            if requirement.parent_id:
                self.requirements_below.setdefault(requirement.parent_id, []).append(requirement)
        self.requirements |= requirements_by_id(ids - self.requirements.keys())

    def _hang(self, rows: Iterable[Specimen]) -> None:
        """Make drafts of the stored specimens and tie them together.

        Of the tree of a collected parent only the parent and the primary are loaded; the parent hangs on the
        primary then, which is all that labels of its children ask for.
        """
        for row in rows:
            visit = self.visits.get(row.visit_id)
            if visit is None:
                continue
            draft = Draft(row, visit, new=False)
            if row.requirement_id:
                draft.requirement = self.requirements.get(row.requirement_id)
            self.drafts[row.pk] = draft
        for draft in self.drafts.values():
            row = draft.row
            draft.parent = self.drafts.get(row.parent_id or 0) or self.drafts.get(row.primary_id or 0)
            if row.parent_id is not None:
                self.children.setdefault(row.parent_id, []).append(draft)

    def visit(self, detail: SpecimenDetail) -> VisitFacts | None:
        """The visit that a detail names, by id or else by name."""
        if detail.visit_id is not None:
            return self.visits.get(detail.visit_id)
        return self.visits_by_name.get(detail.visit_name or "")

    def named_protocol(self, detail: SpecimenDetail) -> CollectionProtocol | None:
        """The protocol that a detail without visit names, by id or else by short title."""
        if detail.cp_id is not None:
            return self.named_protocols.get(detail.cp_id)
        return self.named_protocols.get((detail.cp_short_title or "").lower())

    # --- Looked up when somebody asks -----------------------------------------------------------------

    @cached_property
    def protocols(self) -> dict[int, CollectionProtocol]:
        return protocols_by_id({visit.protocol_id for visit in self.visits.values()})

    @cached_property
    def per_cp(self) -> NamesPerProtocol:
        return names_per_protocol()

    @cached_property
    def events(self) -> dict[int, Event]:
        return events_by_id({visit.event_id for visit in self.visits.values()})

    def may(self, visit: VisitFacts, resource: str, *operations: str) -> bool:
        """Whether the caller may do one of the operations with what hangs on the visit (spec 01 §D.7)."""
        key = (resource, *operations)
        if key not in self._rights:
            people = {one.registration_id for one in self.visits.values()}
            self._rights[key] = (
                writable(self.actor, self.protocols, resource, *operations),
                beyond(self.actor, people, resource, *operations),
            )
        protocols, people_beyond = self._rights[key]
        return visit.protocol_id in protocols and visit.registration_id not in people_beyond

    @cached_property
    def children_counts(self) -> dict[int, int]:
        """How many children, deleted ones apart, the loaded specimens have."""
        rows = Specimen.objects.filter(parent__in=self.drafts).exclude(activity_status=DISABLED)
        counted = rows.order_by().values("parent").annotate(n=Count("pk")).values_list("parent", "n")
        return {parent: count for parent, count in counted if parent is not None}

    @cached_property
    def planned(self) -> dict[tuple[int, int], Draft]:
        """Stored specimens by (visit, requirement), of the visits in the batch; the oldest where there are several.

        Those that are not loaded yet are loaded now, for a child may complete or use them.
        """
        ids = [visit.id for visit in self.visits.values()]
        rows = Specimen.objects.filter(visit__in=ids, requirement__isnull=False).exclude(
            activity_status=DISABLED
        )
        missing = rows.exclude(pk__in=self.drafts).order_by("pk").select_for_update(no_key=True)
        self._hang(missing)
        found: dict[tuple[int, int], Draft] = {}
        for pk in sorted(self.drafts):
            draft = self.drafts[pk]
            if draft.requirement is not None:
                found.setdefault((draft.visit.id, draft.requirement.pk), draft)
        return found


Owners = dict[str, list[tuple[int, int]]]


def _owners(named: Iterable[tuple[str | None, _Brief]]) -> Owners:
    """By name, the specimens that have it: (protocol, id). A specimen may be found by several keys."""
    found: Owners = {}
    for name, brief in named:
        if name:
            owners = found.setdefault(name, [])
            if (brief.protocol_id, brief.id) not in owners:
                owners.append((brief.protocol_id, brief.id))
    return found


def _named_protocols(wanted: Wanted) -> dict[int | str, CollectionProtocol]:
    """Protocols by the id or the short title that the batch names them by."""
    found: dict[int | str, CollectionProtocol] = {}
    if wanted.protocol_ids:
        found |= {pk: protocol for pk, protocol in protocols_by_id(wanted.protocol_ids).items()}
    if wanted.short_titles:
        found |= {name: protocol for name, protocol in protocols_by_short_title(wanted.short_titles).items()}
    return found


def _find(wanted: Wanted) -> list[_Brief]:
    """The stored specimens that the batch names by any key; a specimen may come more than once."""
    keys: dict[str, list[Any]] = {
        "id": list(wanted.targets | wanted.parent_ids),
        "label": list(wanted.labels | wanted.parent_labels),
        "additional_label": list(wanted.additional_labels),
        "barcode": list(wanted.barcodes),
    }
    keys = {column: values for column, values in keys.items() if values}
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(_FIND.format(column) for column in keys), list(keys.values()))
        return [_Brief._make(row) for row in cursor.fetchall()]


def _lock(wanted: Wanted, found: Sequence[_Brief]) -> list[Specimen]:
    """Load what the batch changes or hangs something on; whole trees where more of them may change."""
    alone: set[int] = set()
    trees: set[int] = set()
    for brief in found:
        if brief.activity_status == DISABLED:
            continue
        root = brief.primary_id or brief.id
        if brief.id in wanted.targets:
            trees.add(root)
        elif brief.id in wanted.parent_ids or brief.label in wanted.parent_labels:
            if brief.status == COLLECTED:
                alone |= {brief.id, root}
            else:
                trees.add(root)
    whole: Collection[int] = wanted.visit_ids if wanted.whole_visits else ()
    if not alone and not trees and not whole:
        return []
    keys: dict[str, Collection[int]] = {"id": alone | trees, "primary_id": trees, "visit_id": whole}
    keys = {column: values for column, values in keys.items() if values}
    rows = Specimen.objects.exclude(activity_status=DISABLED).extra(  # noqa: S610 - three columns by name
        where=[" OR ".join(f"{column} = ANY(%s)" for column in keys)],
        params=[list(values) for values in keys.values()],
    )
    return list(stored(rows.order_by("pk").select_for_update(no_key=True)))
