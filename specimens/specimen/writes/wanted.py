"""The keys, users and pick-list values that a batch of specimens mentions, collected in one pass."""

from collections.abc import Iterable, Sequence

from biobank.batch.door import Change
from sessions_auth.detail import UserSummary
from specimens.specimen.detail import SpecimenDetail, SpecimenStatusChange
from specimens.specimen.writes.drafts import Node

_PICKS = {
    "specimen_type": ("specimen_class", "type"),
    "anatomic_site": ("anatomic_site",),
    "laterality": ("laterality",),
    "pathology_status": ("pathology",),
}


class Wanted:
    """What has to be looked up."""

    def __init__(self, changes: Sequence[Change[SpecimenDetail]]) -> None:
        self.targets: set[int] = set()
        self.parent_ids: set[int] = set()
        for change in changes:
            if change.pk is not None:  # of a tree to collect, what is collected already is only a parent
                only_parent = isinstance(change, Node) and change.collecting and not change.detail.update
                (self.parent_ids if only_parent else self.targets).add(change.pk)
        self.parent_labels: set[str] = set()
        self.visit_ids: set[int] = set()
        self.visit_names: set[str] = set()
        self.requirement_ids: set[int] = set()
        self.by_code = False
        self.whole_visits = False
        self.protocol_ids: set[int] = set()
        self.short_titles: set[str] = set()
        details = [change.detail for change in changes]
        self.labels = {detail.label for detail in details if detail.label}
        self.additional_labels = {d.additional_label for d in details if d.additional_label}
        self.barcodes = {detail.barcode for detail in details if detail.barcode}
        for change in changes:
            self._add_links(change)
        self._add_users_and_terms(details)
        self._add_disposals(
            [change.disposal for change in changes if isinstance(change, Node) and change.disposal]
        )

    @staticmethod
    def of_visits(visit_ids: Iterable[int]) -> "Wanted":
        """All specimens of the visits, and what their events plan."""
        wanted = Wanted(())
        wanted.visit_ids = set(visit_ids)
        wanted.by_code = wanted.whole_visits = True
        return wanted

    def _add_disposals(self, disposals: Sequence[SpecimenStatusChange]) -> None:
        self.users += [disposal.user for disposal in disposals]
        self.terms["specimen_dispose_reason"] = {disposal.reason for disposal in disposals}

    def _add_links(self, change: Change[SpecimenDetail]) -> None:
        detail = change.detail
        if detail.visit_id is not None:
            self.visit_ids.add(detail.visit_id)
        elif detail.visit_name:
            self.visit_names.add(detail.visit_name)
        elif detail.cp_id is not None:
            self.protocol_ids.add(detail.cp_id)
        elif detail.cp_short_title:
            self.short_titles.add(detail.cp_short_title)
        if change.pk is None:  # what is stored keeps its parent
            self._add_parent(detail.parent_id, detail.parent_label)
        for member in detail.specimens_pool or ():
            self._add_parent(member.id, member.label)
        if detail.req_id is not None:
            self.requirement_ids.add(detail.req_id)
        elif detail.req_code:
            self.by_code = True

    def _add_parent(self, pk: int | None, label: str | None) -> None:
        if pk is not None:
            self.parent_ids.add(pk)
        elif label:
            self.parent_labels.add(label)

    def _add_users_and_terms(self, details: Sequence[SpecimenDetail]) -> None:
        collected = [event for detail in details if (event := detail.collection_event) is not None]
        received = [receipt for detail in details if (receipt := detail.received_event) is not None]
        self.users: list[UserSummary | None] = [event.user for event in collected]
        self.users += [event.user for event in received]
        self.users += [detail.created_by for detail in details if detail.created_by is not None]
        self.terms: dict[str, set[str | None]] = {
            attribute: {getattr(detail, name) for detail in details for name in names}
            for attribute, names in _PICKS.items()
        }
        self.terms["collection_procedure"] = {event.procedure for event in collected}
        self.terms["collection_container"] = {event.container for event in collected}
        self.terms["receive_quality"] = {event.received_quality for event in received}
        self.terms["specimen_biohazard"] = {
            one for detail in details if detail.biohazards for one in detail.biohazards
        }
