"""Collection status and activity status of specimens, and what changes of them bring about (spec 03 §3.5)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from biobank.configuration.reads import flag
from biobank.records import disable
from biobank.wire.errors import Refused
from specimens.protocol.models import Requirement
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenDetail, SpecimenStatusChange
from specimens.specimen.rules import (
    ACTIVE,
    ALIQUOT,
    CLOSED,
    COLLECTED,
    DISABLED,
    MISSED,
    NEW,
    NOT_COLLECTED,
    NOT_SPECIFIED,
)
from specimens.specimen.writes.drafts import Draft, Node, VisitFacts
from specimens.specimen.writes.facts import Facts
from specimens.specimen.writes.values import EVERYTHING, Problems, Values

Touch = Callable[[Draft], dict[str, Any]]

_NOTHING = SpecimenDetail()
_COLLECTION = (
    "created_on", "collection_time", "collector_id", "collection_procedure", "collection_container",
    "collection_comments", "received_time", "receiver_id", "received_quality", "received_comments",
)  # fmt: skip
_DISPOSAL = ("disposal_time", "disposal_user_id", "disposal_reason", "disposal_comments")
_SAME_AS_PARENT = ("specimen_class", "type", "anatomic_site", "laterality", "pathology", "biohazards")
_SAME_WHILE_EQUAL = {"Aliquot": ("concentration",), "Derived": ("anatomic_site", "laterality")}


class Lifecycle:
    """The status rules of one batch. `auto_collect(parent, child)` collects what a collected child was made of."""

    def __init__(
        self, facts: Facts, values: Values, now: datetime, auto_collect: Callable[[Draft, Draft], None]
    ) -> None:
        self._facts = facts
        self._values = values
        self._now = now
        self._auto_collect = auto_collect
        self.claimed: set[tuple[int, int]] = set()  # requirements that rows of the batch fulfil themselves
        self.precreated: dict[tuple[int, int], Draft] = {}  # made for requirements, by (visit, requirement)

    def below(self, draft: Draft) -> Iterator[Draft]:
        """The stored specimens made of it, at any depth; only known of those the batch changes."""
        for child in self._facts.children.get(draft.row.pk or 0, ()):
            yield child
            yield from self.below(child)

    # --- Collection ------------------------------------------------------------------------------------

    def settle(
        self,
        draft: Draft,
        detail: SpecimenDetail,
        before: str | None,
        node: Node,
        problems: Problems,
        touch: Touch,
    ) -> None:
        """Set the status, which was `before` (None: it is new), and all that follows from it."""
        completes = node.collecting and node.pk is None  # what a requirement stood for is collected now
        to = detail.status or (None if completes else before) or COLLECTED
        if to not in rules.STATUSES:
            problems.append(rules.INVALID_STATUS(value=to))
            return
        if before is not None and to != before:
            parent_status = draft.parent.row.status if draft.parent is not None else None
            wrong = rules.status_change_problem(to, draft.visit.status, parent_status)
            if wrong is not None:
                problems.append(wrong)
                return
        draft.row.status = to
        if to == COLLECTED:
            self._collected(draft, detail, node, first=before != COLLECTED, problems=problems)
        elif to != before:
            self.uncollect(draft, stored_status=before)
            self._pass_on(draft, problems, touch)

    def _collected(
        self, draft: Draft, detail: SpecimenDetail, node: Node, *, first: bool, problems: Problems
    ) -> None:
        row, parent = draft.row, draft.parent
        wrong = rules.place_problem(detail.storage_location, row.activity_status)
        if wrong is not None:
            problems.append(wrong)
        if first and parent is not None and parent.row.status != COLLECTED and not problems:
            self._auto_collect(parent, draft)
        if row.lineage == NEW:
            self._values.events(draft, detail, first=first, problems=problems)
        if detail.created_on is not None:
            row.created_on = rules.minute(detail.created_on)
        elif first:
            handed_down = parent.row.created_on if parent is not None and node.parent is not None else None
            row.created_on = rules.minute(row.received_time or handed_down or self._now)
        if first and parent is not None:
            self._made_of(draft, parent, detail, node, problems)

    def _made_of(
        self, draft: Draft, parent: Draft, detail: SpecimenDetail, node: Node, problems: Problems
    ) -> None:
        """What the coming about of a child does to its parent."""
        row = draft.row
        if node.restoring:
            return
        if row.created_by_id is None and detail.created_by is None:
            row.created_by_id = self._facts.actor.user_id
        if not draft.new and parent.row.activity_status != ACTIVE:
            problems.append(rules.PROCESSING_NOT_ALLOWED(label=parent.row.label))
        if row.lineage == ALIQUOT:
            if row.initial_qty is None and self._aliquots_need_quantity:
                problems.append(rules.ALIQUOT_QTY_REQUIRED())
            draft.draw = row.initial_qty
        if detail.incr_parent_freeze_thaw:
            request = node.request if node.request is not None else id(draft)
            draft.thaw = (request, detail.incr_parent_freeze_thaw)

    @cached_property
    def _aliquots_need_quantity(self) -> bool:
        return flag("biospecimen", "mandatory_aliquot_qty")

    def uncollect(self, draft: Draft, *, stored_status: str | None) -> None:
        """Forget collection and receipt; what was collected, or never will be, has nothing left."""
        row = draft.row
        for name in _COLLECTION:
            setattr(row, name, None)
        if stored_status == COLLECTED or row.status in (MISSED, NOT_COLLECTED):
            row.available_qty = row.available_qty and 0

    def _pass_on(self, draft: Draft, problems: Problems, touch: Touch) -> None:
        """Give the status to the whole sub-tree; what is planned below a missed specimen is missed too."""
        status = draft.row.status
        if not draft.new:
            for child in self.below(draft):
                touch(child)
                draft.bring(child)
                was, child.row.status = child.row.status, status
                self.uncollect(child, stored_status=was)
        if status in (MISSED, NOT_COLLECTED):
            for one in [draft, *(self.below(draft) if not draft.new else ())]:
                self.anticipate(one, problems, bring=draft.bring)

    def anticipate(
        self,
        draft: Draft,
        problems: Problems,
        *,
        bring: Callable[[Draft], None],
        status: str | None = None,
    ) -> None:
        """Make what is planned below a specimen and not there yet, in the status or else in the specimen's."""
        requirement = draft.requirement
        if requirement is None:
            return
        stored = () if draft.new else self._facts.children.get(draft.row.pk, ())
        there = {child.requirement.pk for child in stored if child.requirement is not None}
        for planned in self._facts.requirements_below.get(requirement.pk, ()):
            if planned.pk in there or planned.activity_status != ACTIVE:
                continue
            if status is not None and (draft.visit.id, planned.pk) in self.claimed:
                continue
            child = self.planned(draft.visit, planned, draft, status or draft.row.status, problems)
            bring(child)
            self.anticipate(child, problems, bring=bring, status=status)

    def planned(
        self,
        visit: VisitFacts,
        requirement: Requirement,
        parent: Draft | None,
        status: str,
        problems: Problems,
    ) -> Draft:
        """A specimen just as its requirement asks for, not collected."""
        draft = Draft.fresh(visit)
        draft.parent, draft.requirement = parent, requirement
        draft.row.requirement_id, draft.row.lineage = requirement.pk, requirement.lineage
        draft.row.status = status
        self._values.lay(draft, _NOTHING, EVERYTHING, problems)
        self.uncollect(draft, stored_status=None)
        self.precreated[visit.id, requirement.pk] = draft
        return draft

    # --- Activity --------------------------------------------------------------------------------------

    def close(
        self,
        draft: Draft,
        disposal: SpecimenStatusChange | None,
        detail: SpecimenDetail,
        problems: Problems,
        *,
        amends: bool = False,
    ) -> None:
        """Close an active specimen; `amends`: correct who, when and why of a closed one (spec 03 §3.5)."""
        row = draft.row
        if row.activity_status == CLOSED and amends and disposal is not None:
            self._amend(draft, disposal, problems)
        if row.activity_status != ACTIVE:
            return
        row.activity_status = CLOSED
        self._dispose(draft, disposal, detail, problems)
        if self._facts.protocols[draft.visit.protocol_id].set_qty_to_zero and row.available_qty is not None:
            row.available_qty = row.available_qty * 0

    def pool(self, draft: Draft, problems: Problems) -> None:
        """Close what went into a pooled specimen (spec 03 §3.10)."""
        self.close(draft, None, _NOTHING, problems)
        draft.row.disposal_reason = rules.POOLED

    def _dispose(
        self, draft: Draft, disposal: SpecimenStatusChange | None, detail: SpecimenDetail, problems: Problems
    ) -> None:
        """Who closed it, when and why."""
        row = draft.row
        row.disposal_reason = self._reason(disposal.reason if disposal is not None else None, problems)
        row.disposal_time = (disposal.date if disposal is not None else None) or self._now
        row.disposal_user_id = self._values.user(disposal.user if disposal is not None else None, problems)
        comments = disposal.comments if disposal is not None else detail.comments
        unchanged = disposal is None and draft.original is not None and comments == draft.original["comments"]
        row.disposal_comments = None if unchanged else comments or None

    def _amend(self, draft: Draft, disposal: SpecimenStatusChange, problems: Problems) -> None:
        """Of what was said when it was closed, what is named now."""
        row, sent = draft.row, disposal.model_fields_set
        if "reason" in sent:
            row.disposal_reason = self._reason(disposal.reason, problems)
        if "date" in sent:
            row.disposal_time = disposal.date or self._now
        if "user" in sent:
            row.disposal_user_id = self._values.user(disposal.user, problems)
        if "comments" in sent:
            row.disposal_comments = disposal.comments or None

    def _reason(self, given: str | None, problems: Problems) -> str | None:
        reason = self._facts.terms.canonical("specimen_dispose_reason", given) if given else NOT_SPECIFIED
        if reason is None and given != NOT_SPECIFIED:
            problems.append(rules.INVALID_REASON(value=given))
        return reason or given

    def reopen(self, draft: Draft) -> None:
        """Make a closed specimen active again; quantity and place do not come back."""
        draft.row.activity_status = ACTIVE
        for name in _DISPOSAL:
            setattr(draft.row, name, None)

    def delete(self, draft: Draft, *, force: bool, touch: Touch) -> None:
        """Delete a specimen and what was made of it. Raises SPECIMEN_REF_ENTITY_FOUND unless forced (spec 03 §3.9)."""
        if draft.row.activity_status == DISABLED:
            return
        children = [child for child in self.below(draft) if child.row.activity_status != DISABLED]
        if not force and any(child.row.status == COLLECTED for child in children):
            raise Refused(rules.IN_USE())
        for child in children:
            touch(child)
            draft.bring(child)
        disable([one.row for one in (draft, *children)], label=255, additional_label=255, barcode=255)

    # --- Edits of a parent -----------------------------------------------------------------------------

    def cascade(self, draft: Draft, before: dict[str, Any], touch: Touch) -> None:
        """Give what changed to the children that share it (spec 03 §3.4)."""
        now = draft.row.__dict__
        names = [name for name in (*_SAME_AS_PARENT, "concentration") if now[name] != before[name]]
        if not names or draft.new:
            return
        for child in self._facts.children.get(draft.row.pk, ()):
            given = self._given(child, names, before)
            if not given:
                continue
            was = touch(child)
            draft.bring(child)
            for name in given:
                setattr(child.row, name, now[name])
            self.cascade(child, was, touch)

    def _given(self, child: Draft, names: list[str], before: dict[str, Any]) -> list[str]:
        lineage, values = child.row.lineage, child.row.__dict__
        always = _SAME_AS_PARENT if lineage == ALIQUOT else ()
        equal = _SAME_WHILE_EQUAL.get(lineage, ())
        return [n for n in names if n in always or (n in equal and values[n] == before[n])]
