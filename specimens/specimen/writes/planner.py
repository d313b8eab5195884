"""Deciding what becomes of each specimen of a batch; nothing is written here (spec 03 §3.4 - §3.9)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.utils import timezone

from biobank.access import IMPORT, Actor
from biobank.batch.door import Change, Refusal
from biobank.configuration.reads import number
from biobank.wire.errors import ACCESS_DENIED, ACTIVITY_STATUS_INVALID, Problem, Refused
from specimens.protocol.models import Requirement
from specimens.protocol.rules import CP_NOT_FOUND
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenDetail, SpecimenInfo, SpecimenRow
from specimens.specimen.rules import ACTIVE, CLOSED, COLLECTED, DISABLED, LINEAGES, NEW, PENDING
from specimens.specimen.writes.drafts import Before, Draft, Node, VisitFacts
from specimens.specimen.writes.facts import Facts
from specimens.specimen.writes.lifecycle import Lifecycle
from specimens.specimen.writes.naming import Naming
from specimens.specimen.writes.values import EVERYTHING, Problems, Values
from specimens.specimen.writes.wanted import Wanted

CHILDREN_LIMIT = 100
ON_PRIMARY_COLL, ON_PRIMARY_RECV = "ON_PRIMARY_COLL", "ON_PRIMARY_RECV"
_AFTER_PRIMARY = frozenset((ON_PRIMARY_COLL, ON_PRIMARY_RECV))
_NAMES = ("label", "additional_label", "barcode")
_PLAIN: Node = Node(SpecimenDetail())
_RESTORING: Node = Node(SpecimenDetail(), restoring=True)


class Planner:
    """Plans one batch. Rows see those before them: as parents, and as owners of labels."""

    def __init__(self, wanted: Wanted, actor: Actor, visits: Iterable[VisitFacts] = ()) -> None:
        self.facts = facts = Facts(wanted, actor, visits)
        self.actor = actor
        self.reason: str | None = None
        now = timezone.now()
        self.values = Values(
            facts.terms, facts.users, caller=actor.user_id, now=now, importing=actor.via == IMPORT
        )
        self.naming = Naming(facts)
        self.lifecycle = Lifecycle(facts, self.values, now, self._auto_collect)
        self._by_node: dict[int, Draft] = {}
        self._made: dict[tuple[int, int], Draft] = {}  # new specimens by (visit, requirement)
        self._closing: list[Draft] = []
        self._touched: list[Before] = []

    def plan(self, changes: Sequence[Change[SpecimenDetail]]) -> list[Draft | Refusal]:
        """One draft or refusal for each change, in order."""
        planned = [self._plan(change) for change in changes]
        for place, problem in self._crowded(changes, planned):
            planned[place] = Refusal((problem,))
        for draft in self._closing:
            self.close(draft)
        self.reason = next((c.detail.op_comments for c in changes if c.detail.op_comments), None)
        return planned

    def close(self, draft: Draft) -> None:
        """Close a specimen that was processed (spec 03 §3.8)."""
        self.touch(draft)
        self.lifecycle.close(draft, None, _PLAIN.detail, [])

    def generate(self, drafts: Sequence[Draft]) -> None:
        """Make the labels and barcodes of drafts that are about to be stored."""
        self.naming.generate(drafts)

    def _crowded(
        self, changes: Sequence[Change[SpecimenDetail]], planned: Sequence[Draft | Refusal]
    ) -> Iterator[tuple[int, Problem]]:
        """Nodes that would have more children than is allowed (spec 03 §3.8)."""
        more: dict[int, int] = {}
        for outcome in planned:
            if isinstance(outcome, Draft) and outcome.new and outcome.parent is not None:
                more[id(outcome.parent)] = more.get(id(outcome.parent), 0) + 1
        for place, change in enumerate(changes):
            draft = planned[place]
            if not change.detail.children or isinstance(draft, Refusal):
                continue
            count = more.get(id(draft), 0)
            if not draft.new:
                count += self.facts.children_counts.get(draft.row.pk, 0)
            limit = number("biospecimen", "max_children_limit") or CHILDREN_LIMIT
            if count > limit:
                yield place, rules.CHILDREN_LIMIT(label=draft.row.label, count=count, limit=limit)

    def _plan(self, change: Change[SpecimenDetail]) -> Draft | Refusal:
        node = change if isinstance(change, Node) else _RESTORING if _is_exported(change) else _PLAIN
        problems: Problems = []
        self._touched.clear()
        try:
            if change.pk is not None:
                draft = self._stored(change, node, problems)
            else:
                draft = self._new(change.detail, node, problems)
            if problems:
                raise Refused(*problems)
        except Refused as refused:
            for before in reversed(self._touched):
                before.restore()
            return Refusal(refused.problems)
        self._keep(draft, change, node)
        draft.batch = self
        draft.print_label = bool(change.detail.print_label)
        return draft

    def _keep(self, draft: Draft, change: Change[SpecimenDetail], node: Node) -> None:
        """Let the rows after this one see it."""
        if node is change:
            self._by_node[id(node)] = draft
            if change.detail.close_after_children_creation:
                self._closing.append(draft)
        self.naming.keep(draft)
        if draft.new and draft.requirement is not None:
            self._made.setdefault((draft.visit.id, draft.requirement.pk), draft)

    def touch(self, draft: Draft) -> dict[str, Any]:
        """Remember a draft as it is, before this row changes it; answers its values."""
        values = dict(draft.row.__dict__)
        others = len(draft.additional or ())
        self._touched.append(Before(draft, values, others, draft.visit, draft.requirement))
        if draft.original is None and not draft.new:
            draft.original = values
        return values

    # --- New specimens -----------------------------------------------------------------------------

    def _new(self, detail: SpecimenDetail, node: Node, problems: Problems) -> Draft:
        if detail.specimens_pool:
            detail = detail.model_copy(update={"lineage": NEW, "status": COLLECTED})
        given = self._given_parent(detail, node)
        visit = self._visit(detail, given)
        requirement = self._requirement(detail, visit)
        if (node.collecting or node.restoring) and requirement is not None:
            found = self._to_complete(visit, requirement, adopting=node.adopting)
            if found is not None:
                return self._change(found, detail, node, problems)
        lineage = detail.lineage or (requirement.lineage if requirement is not None else NEW)
        if lineage not in LINEAGES:
            raise Refused(rules.INVALID_LINEAGE(value=lineage))
        self._require_right(visit, primary=lineage == NEW)
        if requirement is not None:
            self.lifecycle.claimed.add((visit.id, requirement.pk))
        draft = Draft.fresh(visit)
        draft.row.lineage = lineage
        draft.requirement = requirement
        if requirement is not None:
            draft.row.requirement_id = requirement.pk
            if requirement.lineage != lineage:
                problems.append(rules.REQ_LINEAGE_MISMATCH())
        if lineage != NEW:
            draft.parent = self._parent(draft, given, node, problems)
        self._settle(draft, detail, EVERYTHING, node, problems)
        self._use_up(draft, detail, node, problems)
        self._pre_print(draft, None, problems)
        return draft

    def _use_up(self, draft: Draft, detail: SpecimenDetail, node: Node, problems: Problems) -> None:
        """What its coming about closes: the members of a pool, a parent where the row says so."""
        if node.closing and draft.parent is not None and not problems:
            self.close(draft.parent)
            draft.bring(draft.parent)
        for member in detail.specimens_pool or ():
            self._pool(draft, member, problems)

    def _pool(self, draft: Draft, member: SpecimenInfo, problems: Problems) -> None:
        """Put a specimen into a pooled one (spec 03 §3.10)."""
        found = self._pool_member(draft, member)
        row = found.row
        self._require_right(found.visit, primary=row.lineage == NEW)
        if found in draft.pool:
            return
        if row.status != COLLECTED:
            problems.append(rules.PARENT_NOT_COLLECTED(label=row.label))
        elif row.activity_status != ACTIVE:
            problems.append(rules.PROCESSING_NOT_ALLOWED(label=row.label))
        elif row.protocol_id != draft.row.protocol_id:
            problems.append(rules.POOL_SAME_PROTOCOL(label=row.label))
        else:
            draft.pool.append(found)
            if member.close_after_pooled_creation is not False:
                self.touch(found)
                self.lifecycle.pool(found, problems)
                draft.bring(found)

    def _pool_member(self, draft: Draft, member: SpecimenInfo) -> Draft:
        """The specimen that a member names by id or label. Raises SPECIMEN_NOT_FOUND and the like."""
        if member.id is not None:
            found = self.facts.drafts.get(member.id)
            if found is None:
                raise Refused(rules.NOT_FOUND(key=member.id))
            return found
        if not member.label:
            raise Refused(rules.LABEL_REQUIRED())
        labelled = self.naming.labelled(member.label, draft.row.protocol_id)
        if isinstance(labelled, Problem):
            raise Refused(labelled)
        return labelled

    def _given_parent(self, detail: SpecimenDetail, node: Node) -> Draft | None:
        """The parent by nesting, id or label. Raises SPECIMEN_NOT_FOUND."""
        if node.parent is not None:
            nested = self._by_node.get(id(node.parent))
            if nested is None:
                raise Refused(rules.PARENT_REQUIRED())
            return nested
        if detail.parent_id is not None:
            found = self.facts.drafts.get(detail.parent_id)
            if found is None:
                raise Refused(rules.NOT_FOUND(key=detail.parent_id))
            return found
        if detail.parent_label:
            labelled = self.naming.labelled(detail.parent_label, self._protocol_of(detail))
            if isinstance(labelled, Problem):
                raise Refused(labelled)
            return labelled
        return None

    def _protocol_of(self, detail: SpecimenDetail) -> int | None:
        """The protocol that the detail names, by its visit or itself; -1 for an unknown one."""
        if detail.visit_id is not None or detail.visit_name:
            visit = self.facts.visit(detail)
            return visit.protocol_id if visit is not None else -1
        if detail.cp_id is None and not detail.cp_short_title:
            return None
        protocol = self.facts.named_protocol(detail)
        return protocol.pk if protocol is not None else -1

    def _visit(self, detail: SpecimenDetail, parent: Draft | None) -> VisitFacts:
        """The visit that was named, else the parent's. Raises VISIT_NOT_FOUND, SPECIMEN_VISIT_REQUIRED."""
        if detail.visit_id is None and not detail.visit_name:
            return parent.visit if parent is not None else self._hidden_visit(detail)
        found = self.facts.visit(detail)
        if found is None:
            raise Refused(rules.VISIT_NOT_FOUND(key=detail.visit_name or detail.visit_id))
        return found

    def _hidden_visit(self, detail: SpecimenDetail) -> VisitFacts:
        """Where specimens of a protocol without participants hang (spec 03 §0.7)."""
        if detail.cp_id is None and not detail.cp_short_title:
            raise Refused(rules.VISIT_REQUIRED())
        protocol = self.facts.named_protocol(detail)
        if protocol is None:
            raise Refused(CP_NOT_FOUND(key=detail.cp_id or detail.cp_short_title))
        if not protocol.specimen_centric:
            raise Refused(rules.VISIT_REQUIRED())
        found = self.facts.hidden.get(protocol.pk)
        if found is None:  # it is made for those only who may use it
            raise Refused(ACCESS_DENIED())
        return found

    def _requirement(self, detail: SpecimenDetail, visit: VisitFacts) -> Requirement | None:
        """The requirement that was named. Raises SR_NOT_FOUND, SPECIMEN_INVALID_VISIT."""
        if detail.req_id is not None:
            found = self.facts.requirements.get(detail.req_id)
        elif detail.req_code:
            found = self.facts.requirements_by_code.get((visit.event_id or 0, detail.req_code))
        else:
            return None
        if found is None:
            raise Refused(rules.REQ_NOT_FOUND(key=detail.req_code or detail.req_id))
        if found.event_id != visit.event_id:
            raise Refused(rules.INVALID_VISIT())
        return found

    def _to_complete(self, visit: VisitFacts, requirement: Requirement, *, adopting: bool) -> Draft | None:
        """The specimen that waits for its collection, where there is one (spec 03 §2.8, §3.8)."""
        key = (visit.id, requirement.pk)
        made = self.lifecycle.precreated.pop(key, None)
        if made is not None:
            return made
        stored = self.facts.planned.get(key)
        if stored is None:
            return None
        return stored if adopting or stored.row.status != COLLECTED else None

    def _parent(self, draft: Draft, given: Draft | None, node: Node, problems: Problems) -> Draft:
        """What the specimen is made of; a planned one's parent is created where it is missing."""
        requirement = draft.requirement
        above = requirement.parent_id if requirement is not None else None
        parent = given
        if parent is None and above is not None:
            parent = self._planned(draft.visit, above, draft)
        if parent is None:
            raise Refused(rules.PARENT_REQUIRED())
        if parent.visit.id != draft.visit.id:
            problems.append(rules.INVALID_VISIT())
        if above is not None and (parent.requirement is None or parent.requirement.pk != above):
            problems.append(rules.REQ_PARENT_MISMATCH())
        if parent.row.activity_status != ACTIVE and not node.restoring:
            problems.append(rules.PROCESSING_NOT_ALLOWED(label=parent.row.label))
        return parent

    def _planned(self, visit: VisitFacts, requirement_id: int, child: Draft) -> Draft | None:
        """The specimen of a requirement in a visit, made now if there is none; written with the child."""
        key = (visit.id, requirement_id)
        found = self._made.get(key) or self.facts.planned.get(key)
        requirement = self.facts.requirements.get(requirement_id)
        if found is None and requirement is not None:
            problems: Problems = []
            found = self._new(SpecimenDetail(req_id=requirement_id, visit_id=visit.id), _PLAIN, problems)
            if problems:
                raise Refused(*problems)
            self._made[key] = self.lifecycle.precreated[key] = found
        if found is not None and found.new:
            child.bring(found)  # each child does: the one it was made for may be refused
        return found

    # --- Stored specimens --------------------------------------------------------------------------

    def _stored(self, change: Change[SpecimenDetail], node: Node, problems: Problems) -> Draft:
        draft = self.facts.drafts.get(change.pk or 0)
        if draft is None or self._is_gone(draft, change.detail):
            raise Refused(rules.NOT_FOUND.missing(key=change.pk))
        return self._change(draft, change.detail, node, problems)

    def _is_gone(self, draft: Draft, detail: SpecimenDetail) -> bool:
        """Whether a row before this one deleted it; calls may name a specimen and what was made of it."""
        if draft.row.activity_status != DISABLED:
            return False
        return detail.activity_status != DISABLED or self.actor.via == IMPORT

    def _change(self, draft: Draft, detail: SpecimenDetail, node: Node, problems: Problems) -> Draft:
        primary = draft.row.lineage == NEW
        if node.collecting and draft.row.status == COLLECTED and not detail.update:
            self._require_right(draft.visit, primary=primary)
            return draft
        before = self.touch(draft)
        sent = detail.model_fields_set
        if node.collecting:  # a blank name is no name here: the one that was made beforehand stays
            sent = sent - {name for name in _NAMES if not getattr(detail, name)}
        if detail.activity_status == DISABLED:
            self._require_right(draft.visit, primary=primary, delete=True)
            force = node.force or self.actor.via == IMPORT
            self.lifecycle.delete(draft, force=force, touch=self.touch)
            return draft
        self._require_right(draft.visit, primary=primary)
        if detail.lineage and detail.lineage != draft.row.lineage:
            problems.append(rules.CANNOT_CHANGE_LINEAGE())
        if not sent.isdisjoint(("visit_id", "visit_name")):
            self._move(draft, detail)
        if not sent.isdisjoint(("req_id", "req_code")):
            draft.requirement = self._requirement(detail, draft.visit)
            draft.row.requirement_id = draft.requirement.pk if draft.requirement else None
        self._settle(draft, detail, sent, node, problems)
        self.lifecycle.cascade(draft, before, self.touch)
        self._pre_print(draft, before, problems)
        return draft

    def _move(self, draft: Draft, detail: SpecimenDetail) -> None:
        """Take a primary and all that was made of it to another visit (spec 03 §3.8)."""
        if detail.visit_id is None and not detail.visit_name:
            return
        visit = self._visit(detail, None)
        if visit.id == draft.visit.id:
            return
        if draft.row.lineage != NEW:
            raise Refused(rules.VISIT_CHANGE_NOT_ALLOWED())
        self._require_right(visit, primary=True)
        for one in [draft, *self.lifecycle.below(draft)]:
            if one is not draft:
                self.touch(one)
                draft.bring(one)
            if one.requirement is not None and one.requirement.event_id != visit.event_id:
                one.requirement, one.row.requirement_id = None, None
            one.visit, one.row.visit_id, one.row.protocol_id = visit, visit.id, visit.protocol_id

    # --- Both --------------------------------------------------------------------------------------

    def _settle(
        self,
        draft: Draft,
        detail: SpecimenDetail,
        sent: frozenset[str] | set[str],
        node: Node,
        problems: Problems,
    ) -> None:
        """Values, status, events and names of a specimen, new or stored."""
        before = None if draft.new else draft.row.status
        self.values.lay(draft, detail, sent, problems)
        self.lifecycle.settle(draft, detail, before, node, problems, self.touch)
        self.naming.settle(draft, detail, sent, problems)
        if detail.activity_status:
            self._activity(draft, detail, node, problems)

    def _activity(self, draft: Draft, detail: SpecimenDetail, node: Node, problems: Problems) -> None:
        wanted = detail.activity_status
        if wanted not in rules.ACTIVITIES:
            problems.append(ACTIVITY_STATUS_INVALID(value=wanted))
        elif wanted == DISABLED:
            problems.append(rules.CREATE_DISABLED())
        elif wanted == CLOSED:
            left = draft.row.available_qty
            self.lifecycle.close(draft, node.disposal, detail, problems, amends=node.amends)
            if node.restoring:
                draft.row.available_qty = left
        elif not draft.new:
            self.lifecycle.reopen(draft)

    def _auto_collect(self, parent: Draft, child: Draft) -> None:
        """Collect what a collected specimen was made of (spec 03 §3.5). Raises what is wrong with that."""
        problems: Problems = []
        before = self.touch(parent)
        detail = SpecimenDetail(status=COLLECTED)
        self._settle(parent, detail, frozenset(("status",)), _PLAIN, problems)
        self._pre_print(parent, before, problems)
        if problems:
            raise Refused(*problems)
        child.bring(parent)

    def _pre_print(self, draft: Draft, before: dict[str, Any] | None, problems: Problems) -> None:
        """Make what is planned below a primary, pending and labelled, where the protocol labels it now (spec 03 §5).

        `before`: the values of the specimen before the change, None for a new one.
        """
        row = draft.row
        if row.lineage != NEW or draft.requirement is None or row.status != COLLECTED or problems:
            return
        protocol = self.facts.protocols[row.protocol_id]
        mode = protocol.spmn_label_pre_print_mode
        if protocol.manual_spec_label_enabled or mode not in _AFTER_PRIMARY:
            return
        if before is not None and before["status"] == COLLECTED:
            was_awaited = before["received_quality"] == rules.TO_BE_RECEIVED
            if mode != ON_PRIMARY_RECV or not was_awaited:
                return
        if mode == ON_PRIMARY_RECV and row.received_quality == rules.TO_BE_RECEIVED:
            return
        made: list[Draft] = []
        self.lifecycle.anticipate(draft, problems, bring=made.append, status=PENDING)
        for child in self.labelled(made):
            draft.bring(child)

    def labelled(self, drafts: Sequence[Draft]) -> Iterator[Draft]:
        """Those that can be labelled beforehand, and whose parents can."""
        left_out: set[int] = set()
        for draft in drafts:
            problems: Problems = []
            self.naming.settle(draft, _PLAIN.detail, EVERYTHING, problems)
            if problems or id(draft.parent) in left_out:
                left_out.add(id(draft))
            else:
                yield draft

    def _require_right(self, visit: VisitFacts, *, primary: bool, delete: bool = False) -> None:
        """Raise RBAC_ACCESS_DENIED unless the caller may do this (spec 01 §D.7)."""
        if self.actor.is_super:
            return
        operations = ("Delete",) if delete else ("Create", "Update")
        for resource in ("Specimen", "PrimarySpecimen") if primary else ("Specimen",):
            if self.facts.may(visit, resource, *operations):
                return
        raise Refused(ACCESS_DENIED())


def _is_exported(change: Change[SpecimenDetail]) -> bool:
    """Whether a row to create says that it was exported."""
    detail = change.detail
    return change.pk is None and isinstance(detail, SpecimenRow) and bool(detail.exported_id)
