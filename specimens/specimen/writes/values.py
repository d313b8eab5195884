"""Laying what was sent over a specimen, group by group (spec 03 §3.3, §3.4, §3.7b).

`sent` holds the names that count as sent: of a new specimen all of them. Each function changes the row and adds
what is wrong to `problems`; a draft with problems is thrown away.
"""

from collections.abc import Collection
from datetime import datetime

from biobank.wire.errors import Code, Problem
from sessions_auth.detail import UserSummary
from sessions_auth.reads import Users
from specimens.specimen import rules
from specimens.specimen.detail import CollectionEvent, ReceivedEvent, SpecimenDetail
from specimens.specimen.rules import ALIQUOT, DERIVED, NEW, NOT_SPECIFIED
from specimens.specimen.writes.drafts import Draft
from terminology.reads import Terms

Sent = Collection[str]
Problems = list[Problem]
Kind = tuple[str, str] | Problem

EVERYTHING: frozenset[str] = frozenset(SpecimenDetail.model_fields)
_PLACE = (
    ("anatomic_site", "anatomic_site", rules.INVALID_SITE, rules.SITE_NOT_PARENTS),
    ("laterality", "laterality", rules.INVALID_LATERALITY, rules.LATERALITY_NOT_PARENTS),
    ("pathology", "pathology_status", rules.INVALID_PATHOLOGY, rules.PATHOLOGY_NOT_PARENTS),
)
_TEXTS = ("image_id", "comments")
_NO_COLLECTION, _NO_RECEIPT = CollectionEvent(), ReceivedEvent()


class Values:
    """Sets the values of a batch's specimens; remembers what it found out about classes and types."""

    def __init__(self, terms: Terms, users: Users, *, caller: int, now: datetime, importing: bool) -> None:
        self._terms = terms
        self._users = users
        self._caller = caller
        self._now = now
        self._importing = importing
        self._kinds: dict[tuple[str | None, str], Kind] = {}

    def lay(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        """Everything but status, events, label and barcode."""
        if draft.row.lineage == ALIQUOT:
            self._of_parent(draft, detail, sent, problems)
        else:
            self._kind(draft, detail, sent, problems)
            self._place(draft, detail, sent, problems)
            self._biohazards(draft, detail, sent, problems)
        self._quantities(draft, detail, sent, problems)
        self._others(draft, detail, sent, problems)

    # --- What it is ----------------------------------------------------------------------------------

    def _of_parent(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        """Aliquots are what their parent is; an import that says otherwise is refused (spec 03 §3.4)."""
        if draft.parent is None:
            return
        row, parent = draft.row, draft.parent.row
        row.specimen_class, row.type = parent.specimen_class, parent.type
        row.biohazards = list(parent.biohazards)
        requirement = draft.requirement
        if requirement is not None and requirement.type != parent.type:
            problems.append(rules.REQ_TYPE_MISMATCH())
        for name, attribute, _, differs in _PLACE:
            own = getattr(parent, name)
            setattr(row, name, own)
            given = getattr(detail, name) if self._importing and name in sent else None
            if given and (self._terms.canonical(attribute, given) or given) != own:
                problems.append(differs())

    def _kind(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        if "type" not in sent and "specimen_class" not in sent:
            return
        row, requirement = draft.row, draft.requirement
        given = detail.type if "type" in sent else row.type
        above = detail.specimen_class if "specimen_class" in sent else None
        if not given and requirement is not None:
            row.specimen_class, row.type = requirement.specimen_class, requirement.type
            return
        if not given:
            problems.append(rules.TYPE_REQUIRED())
            return
        if given == row.type and above in (None, row.specimen_class):
            kind: Kind = (row.specimen_class, row.type)  # whatever the lists say by now
        else:
            kind = self.kind(above or None, given)
        if isinstance(kind, Problem):
            if requirement is not None and given.lower() == requirement.type.lower() and not above:
                kind = (requirement.specimen_class, requirement.type)
            else:
                problems.append(kind)
                return
        row.specimen_class, row.type = kind
        if requirement is not None and row.type != requirement.type:
            problems.append(rules.REQ_TYPE_MISMATCH())

    def kind(self, above: str | None, given: str) -> Kind:
        """Class and type in their stored spelling."""
        key = (above, given)
        found = self._kinds.get(key)
        if found is None:
            found = self._kinds[key] = self._find_kind(above, given)
        return found

    def _find_kind(self, above: str | None, given: str) -> Kind:
        leaves = [(v.parent.value, v.value) for v in self._terms.find("specimen_type", given) if v.parent]
        if above is None:
            if not leaves:
                return rules.INVALID_TYPE(value=given, parent="any")
            return leaves[0] if len(leaves) == 1 else rules.CLASS_REQUIRED(type=given)
        roots = [v.value for v in self._terms.find("specimen_type", above) if v.parent is None]
        if not roots:
            return rules.INVALID_CLASS(value=above)
        below = [leaf for leaf in leaves if leaf[0] == roots[0]]
        return below[0] if below else rules.INVALID_TYPE(value=given, parent=above)

    def _place(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        row, requirement = draft.row, draft.requirement
        for name, attribute, invalid, _ in _PLACE:
            if name not in sent:
                continue
            given = getattr(detail, name)
            value: str | None = NOT_SPECIFIED
            if given and given == getattr(row, name):
                value = given  # whatever the lists say by now
            elif given:
                value = self._terms.canonical(attribute, given)
                if value is None and given == NOT_SPECIFIED:
                    value = NOT_SPECIFIED
                if value is None:
                    problems.append(invalid(value=given))
            elif requirement is not None:
                value = getattr(requirement, name) or NOT_SPECIFIED
            if value == NOT_SPECIFIED and row.lineage == DERIVED and draft.parent is not None:
                value = getattr(draft.parent.row, name)
            setattr(row, name, value)

    def _biohazards(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        if not detail.biohazards:
            if "biohazards" in sent:
                draft.row.biohazards = []
            return
        found: dict[str, None] = {}
        for given in detail.biohazards:
            value = self._terms.canonical("specimen_biohazard", given)
            if value is None:
                problems.append(rules.INVALID_BIOHAZARDS(value=given))
            else:
                found[value] = None
        draft.row.biohazards = list(found)

    # --- How much of it there is ---------------------------------------------------------------------

    def _quantities(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        row, requirement = draft.row, draft.requirement
        if "initial_qty" in sent:
            row.initial_qty = detail.initial_qty
            if row.initial_qty is None and requirement is not None:
                row.initial_qty = requirement.initial_qty
        if "available_qty" in sent and detail.available_qty is not None:
            row.available_qty = detail.available_qty
        elif draft.new or _is_still_to_come(row.status, detail.status, sent):
            row.available_qty = row.initial_qty
        elif "available_qty" in sent:
            row.available_qty = None
        wrong = rules.unfit_number(row.initial_qty, row.available_qty, detail.concentration)
        wrong = wrong or rules.quantity_problem(row.initial_qty, row.available_qty)
        if wrong is not None:
            problems.append(wrong)
        if "concentration" in sent:
            row.concentration = detail.concentration
            if row.concentration is None and requirement is not None:
                row.concentration = requirement.concentration
            if (
                draft.new
                and row.concentration is None
                and row.lineage == ALIQUOT
                and draft.parent is not None
            ):
                row.concentration = draft.parent.row.concentration

    # --- The rest --------------------------------------------------------------------------------------

    def _others(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        row = draft.row
        for name in _TEXTS:
            if name in sent:
                setattr(row, name, getattr(detail, name) or None)
        if detail.image_id:
            problems += rules.long_texts([("imageId", detail.image_id)])
        if "freeze_thaw_cycles" in sent:
            row.freeze_thaw_cycles = detail.freeze_thaw_cycles
            if row.freeze_thaw_cycles is not None and not 0 <= row.freeze_thaw_cycles < 2**31:
                problems.append(rules.INVALID_CYCLES())
        if detail.external_ids:
            row.external_ids, wrong = rules.external_ids(detail.external_ids)
            problems += wrong
        elif "external_ids" in sent:
            row.external_ids = []
        if row.lineage != NEW and detail.created_by is not None:
            named = _names_somebody(detail.created_by)
            row.created_by_id = self._user(detail.created_by, problems) if named else None

    def events(self, draft: Draft, detail: SpecimenDetail, *, first: bool, problems: Problems) -> None:
        """Collection and receipt of a collected primary; `first`: with the defaults of what was not sent."""
        if draft.row.lineage != NEW:
            return
        collected, received = detail.collection_event, detail.received_event
        if first or collected is not None:
            self._collection(draft, collected or _NO_COLLECTION, first, problems)
        if first or received is not None:
            self._receipt(draft, received or _NO_RECEIPT, first, problems)

    def _collection(self, draft: Draft, event: CollectionEvent, first: bool, problems: Problems) -> None:
        row, requirement = draft.row, draft.requirement
        sent = event.model_fields_set
        if first or "time" in sent:
            row.collection_time = event.time or draft.visit.visit_date or self._now
        if event.user is not None:
            row.collector_id = self._person(event.user, problems)
        elif first:
            row.collector_id = (requirement.collector_id if requirement else None) or self._caller
        if first or "procedure" in sent:
            planned = requirement.collection_procedure if requirement else None
            row.collection_procedure = self._pick(
                "collection_procedure",
                event.procedure,
                planned,
                row.collection_procedure,
                rules.INVALID_PROCEDURE,
                problems,
            )
        if first or "container" in sent:
            planned = requirement.collection_container if requirement else None
            row.collection_container = self._pick(
                "collection_container",
                event.container,
                planned,
                row.collection_container,
                rules.INVALID_CONTAINER,
                problems,
            )
        if "comments" in sent:
            row.collection_comments = event.comments or None

    def _receipt(self, draft: Draft, event: ReceivedEvent, first: bool, problems: Problems) -> None:
        row, requirement = draft.row, draft.requirement
        sent = event.model_fields_set
        if first or "received_quality" in sent:
            given = event.received_quality
            if given and given.lower() == rules.TO_BE_RECEIVED.lower():
                row.received_quality = rules.TO_BE_RECEIVED
            else:
                row.received_quality = self._pick(
                    "receive_quality",
                    given,
                    rules.ACCEPTABLE,
                    row.received_quality,
                    rules.INVALID_QUALITY,
                    problems,
                )
        if row.received_quality == rules.TO_BE_RECEIVED:
            row.received_time = row.receiver_id = None
        else:
            arrives = first or row.received_time is None
            if arrives or "time" in sent:
                row.received_time = event.time or draft.visit.visit_date or self._now
            if event.user is not None:
                row.receiver_id = self._person(event.user, problems)
            elif arrives:
                row.receiver_id = (requirement.receiver_id if requirement else None) or self._caller
        if "comments" in sent:
            row.received_comments = event.comments or None

    def _pick(
        self,
        attribute: str,
        given: str | None,
        planned: str | None,
        stored: str | None,
        invalid: Code,
        problems: Problems,
    ) -> str | None:
        if not given:
            return planned or NOT_SPECIFIED
        if given == stored:
            return given
        value = self._terms.canonical(attribute, given)
        if value is None:
            if given == NOT_SPECIFIED:
                return given
            problems.append(invalid(value=given))
        return value

    def _person(self, reference: UserSummary, problems: Problems) -> int | None:
        """Who collected or received; the caller where that is blanked."""
        return self._user(reference, problems) if _names_somebody(reference) else self._caller

    def _user(self, reference: UserSummary, problems: Problems) -> int | None:
        user = self._users.find(reference)
        if user is None:
            problems.append(rules.USER_NOT_FOUND())
            return None
        return user.pk

    def user(self, reference: UserSummary | None, problems: Problems) -> int | None:
        """The id of a user that a request names, the caller's when it names none."""
        return self._caller if reference is None else self._person(reference, problems)


def _names_somebody(reference: UserSummary) -> bool:
    """Whether a reference is more than blanks."""
    sent = reference.model_fields_set
    return not sent or any(getattr(reference, name) not in (None, "") for name in sent)


def _is_still_to_come(status: str, wanted: str | None, sent: Sent) -> bool:
    """Whether all of a stored specimen is there as soon as it is collected (spec 03 §3.4)."""
    if status == rules.COLLECTED:
        return False
    return wanted == rules.COLLECTED or (status == rules.PENDING and "initial_qty" in sent)
