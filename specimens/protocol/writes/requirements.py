"""Writing specimen requirements: new, derived, aliquot; replace, close, delete (spec 02 part C)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from biobank.access import IMPORT, Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert, take_keys
from biobank.batch.update import update
from biobank.configuration.reads import flag
from biobank.wire.errors import ACCESS_DENIED, INVALID_REQUEST, Problem
from sessions_auth.reads import Users, load_users
from specimens.protocol import below
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.protocol.reads.lookups import (
    allowed_among,
    events_by_id,
    events_by_label,
    protocols_by_id,
    protocols_by_short_title,
    requirements_by_id,
    requirements_of,
)
from specimens.protocol.reads.scopes import PROTOCOL, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules import requirements as rules
from specimens.protocol.rules.requirements import ALIQUOT, DERIVED, NEW
from specimens.protocol.rules.storable import is_storable
from specimens.protocol.writes.coded import branches, coded_values, load_coded
from specimens.protocol.writes.deletes import disable_requirements
from specimens.protocol.writes.hidden import hidden_events
from specimens.protocol.writes.trees import Trees
from specimens.protocol.writes.versions import mark_changed
from terminology.reads import Terms

COLUMNS = (
    "name", "code", "specimen_class", "type", "anatomic_site", "laterality", "pathology", "storage_type",
    "initial_qty", "concentration", "collection_procedure", "collection_container", "collector_id", "receiver_id",
    "label_fmt", "label_auto_print_mode", "label_print_copies", "sort_order", "pre_barcoded_tube",
    "default_custom_field_values", "activity_status",
)  # fmt: skip
_OF_ALIQUOTS = ("anatomic_site", "laterality", "concentration", "specimen_class", "type", "pathology", "name")
MOST_GENERATIONS = 50
_OF_ALL = ("collector_id", "receiver_id", "collection_procedure", "collection_container")


def quantity_is_mandatory() -> bool:
    """Whether every aliquot needs a quantity: yes, unless the system's setting says otherwise."""
    return flag("biospecimen", "mandatory_aliquot_qty")


@dataclass(slots=True)
class RequirementPlan:
    """A requirement as it will be, and the others that follow its change."""

    row: Requirement
    protocol_id: int
    followers: list[Requirement] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch: one query each."""

    trees: Trees
    events: dict[int, Event]
    by_label: dict[tuple[str, str], Event]
    hidden: dict[int | str, Event]
    updatable: set[int]
    terms: Terms
    inner: set[str]  # anatomic sites that only group others
    users: Users
    collected: dict[int, int]
    in_use: dict[int, int]
    fresh_keys: Iterator[int]
    quantity_needed: bool
    keeps_uids: bool


def plan_requirements(
    changes: Sequence[Change[RequirementDetail]], actor: Actor
) -> list[RequirementPlan | Refusal]:
    """Decide what each requirement would become; rows see those above them, parents too."""
    known = _look_up(changes, actor)
    return [_plan(change, known) for change in changes]


def _look_up(changes: Sequence[Change[RequirementDetail]], actor: Actor) -> _Known:
    details = [change.detail for change in changes]
    named = requirements_by_id(
        [change.pk for change in changes] + [detail.parent_sr_id for detail in details]
    )
    by_label = _events_by_label(details)
    hidden = _hidden_events(details, actor)
    events = events_by_id(
        [row.event_id for row in named.values()]
        + [event.pk for event in (*by_label.values(), *hidden.values())]
        + [detail.event_id for detail in details]
    )
    lock_events(events)
    trees = Trees(row for rows in requirements_of(events).values() for row in rows)
    updated = [change.pk for change in changes if change.pk is not None]
    leaving = any(change.detail.activity_status == "Disabled" for change in changes)
    specimens = below.specimens()
    terms = load_coded(details)
    return _Known(
        trees=trees,
        events=events,
        by_label=by_label,
        hidden=hidden,
        updatable=allowed_among(actor, {event.protocol_id for event in events.values()}, PROTOCOL, UPDATE),
        terms=terms,
        inner=branches(details, terms),
        users=load_users(ref for detail in details for ref in (detail.collector, detail.receiver)),
        collected=below.counted(specimens.filter(status="Collected"), "requirement", updated),
        in_use=below.counted(specimens, "requirement", trees.rows if leaving else ()),
        fresh_keys=iter(take_keys(Requirement, sum(change.pk is None for change in changes))),
        quantity_needed=quantity_is_mandatory(),
        keeps_uids=actor.via == IMPORT,
    )


def lock_events(ids: Iterable[int]) -> None:
    """Two callers must not share out the same quantity; visits to the events are not held up."""
    rows = Event.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk")
    list(rows.values_list("pk"))


def _events_by_label(details: Sequence[RequirementDetail]) -> dict[tuple[str, str], Event]:
    """Events by (short title, label), both in lower case, of the details that have no event id."""
    wanted = {
        (detail.cp_short_title.lower(), detail.event_label.lower())
        for detail in details
        if not detail.event_id and detail.cp_short_title and detail.event_label
    }
    protocols = protocols_by_short_title(short_title for short_title, _ in wanted)
    pairs = {
        (protocols[short_title].pk, label): (short_title, label)
        for short_title, label in wanted
        if short_title in protocols
    }
    return {pairs[pair]: event for pair, event in events_by_label(pairs).items()}


def _hidden_events(details: Sequence[RequirementDetail], actor: Actor) -> dict[int | str, Event]:
    """The events behind specimen-centric protocols that details name without any event, by what names them."""
    bare = [
        detail for detail in details if not (detail.event_id or detail.event_label or detail.parent_sr_id)
    ]
    by_id = protocols_by_id(detail.cp_id for detail in bare)
    by_name = protocols_by_short_title(detail.cp_short_title for detail in bare if detail.cp_id is None)
    named: dict[int | str, CollectionProtocol] = {
        key: row for found in (by_id, by_name) for key, row in found.items()
    }
    events = hidden_events(named.values(), actor)
    return {key: events[row.pk] for key, row in named.items() if row.pk in events}


# --- One requirement --------------------------------------------------------------------------------


def _plan(change: Change[RequirementDetail], known: _Known) -> RequirementPlan | Refusal:
    if change.pk is not None:
        row = known.trees.rows.get(change.pk)
        if row is None:
            return Refusal((codes.SR_NOT_FOUND.missing(key=change.pk),))
        return _plan_update(row, change.detail, known)
    return _plan_new(change.detail, known)


def _plan_new(detail: RequirementDetail, known: _Known) -> RequirementPlan | Refusal:
    lineage = detail.lineage or NEW
    if lineage not in (NEW, DERIVED, ALIQUOT):
        return Refusal((codes.SR_INVALID_LINEAGE(value=lineage),))
    parent = known.trees.rows.get(detail.parent_sr_id or 0)
    event, problem = _event(detail, parent, known)
    if event is None:
        return Refusal((problem or codes.SR_CPE_REQUIRED(),))
    if event.protocol_id not in known.updatable:
        return Refusal((ACCESS_DENIED(),))
    row = Requirement(event=event, lineage=lineage)
    comes_closed = detail.activity_status == "Closed"  # as files of closed events have it
    is_late = event.activity_status == "Closed" and not comes_closed
    problems = [codes.CPE_CLOSED(value=event.label)] if is_late else []
    if lineage != NEW:
        parent = parent or _named_parent(detail, event, known.trees)
        problems += _parent_problems(detail, parent, known.trees)
        row.parent = parent
    values, wrong = _checked(detail, row, known)
    problems += wrong
    is_short = lineage == ALIQUOT and parent and not known.trees.has_room(parent, detail.initial_qty)
    if not problems and is_short:
        problems.append(codes.SR_INSUFFICIENT_QTY())
    if problems:
        return Refusal(tuple(problems))
    row.pk = next(known.fresh_keys)
    row.file_uid = (detail.uid or None) if known.keeps_uids else None
    _fill(row, detail, values, known)
    if parent is not None:
        _inherit(row, parent)
    known.trees.add(row)
    return RequirementPlan(row, event.protocol_id)


def _named_parent(detail: RequirementDetail, event: Event, trees: Trees) -> Requirement | None:
    """The parent by its code in the event, else by what files call it there."""
    if detail.parent_sr_code:
        return trees.rows.get(trees.owner(event.pk, detail.parent_sr_code) or 0)
    return trees.rows.get(trees.called(event.pk, detail.parent_uid) or 0)


def _event(
    detail: RequirementDetail, parent: Requirement | None, known: _Known
) -> tuple[Event | None, Problem | None]:
    """The event by the parent, by id, by short title and label, or the specimen-centric protocol's own;
    else why there is none."""
    if parent is not None:
        return known.events[parent.event_id], None
    if detail.parent_sr_id is not None:
        return None, codes.SR_PARENT_NOT_FOUND(key=detail.parent_sr_id)
    if detail.event_id and detail.event_id > 0:
        return known.events.get(detail.event_id), codes.CPE_NOT_FOUND(key=detail.event_id)
    if detail.cp_short_title and detail.event_label:
        found = known.by_label.get((detail.cp_short_title.lower(), detail.event_label.lower()))
        return found, codes.CPE_NOT_FOUND(key=detail.event_label)
    protocol = detail.cp_id if detail.cp_id is not None else (detail.cp_short_title or "").lower()
    if not detail.event_label and protocol in known.hidden:
        return known.hidden[protocol], None
    return None, codes.SR_CPE_REQUIRED()


def _parent_problems(detail: RequirementDetail, parent: Requirement | None, trees: Trees) -> list[Problem]:
    if parent is None:
        named = detail.parent_sr_code or detail.parent_uid
        return [codes.SR_PARENT_NOT_FOUND(key=named) if named else codes.SR_PARENT_REQ_REQUIRED()]
    if trees.depth(parent) >= MOST_GENERATIONS:
        return [INVALID_REQUEST(reason=f"more than {MOST_GENERATIONS} generations")]
    is_late = parent.activity_status == "Closed" and detail.activity_status != "Closed"
    return [codes.SR_CLOSED()] if is_late else []


def _checked(
    detail: RequirementDetail, row: Requirement, known: _Known
) -> tuple[dict[str, Any], list[Problem]]:
    """The values that pick lists decide, and everything that is wrong with the requirement itself."""
    is_new = row._state.adding
    values, problems = coded_values(detail, row.lineage, known.terms, known.inner, is_new=is_new)
    problems += rules.own_problems(detail, row.lineage, quantity_needed=known.quantity_needed)
    if detail.collector is not None and known.users.find(detail.collector, login_first=True) is None:
        problems.append(codes.SR_COLLECTOR_NOT_FOUND())
    if detail.receiver is not None and known.users.find(detail.receiver, login_first=True) is None:
        problems.append(codes.SR_RECEIVER_NOT_FOUND())
    owner = known.trees.owner(row.event_id, detail.code)
    if owner is not None and owner != row.pk:
        problems.append(codes.SR_DUP_CODE(value=detail.code))
    try:
        values["default_custom_field_values"] = _custom_values(detail)
    except ValueError:
        problems.append(
            INVALID_REQUEST(reason="the default custom field values are not a JSON object to store")
        )
    return values, problems


def _custom_values(detail: RequirementDetail) -> dict[str, Any] | None:
    """The default custom values, from either key. Raises ValueError for what cannot be stored."""
    found = detail.default_custom_field_values
    if found is None and detail.def_custom_field_values_json:
        found = orjson.loads(detail.def_custom_field_values_json)
    if not isinstance(found, dict | None) or not is_storable(found):
        raise ValueError
    return found


def _fill(row: Requirement, detail: RequirementDetail, values: dict[str, Any], known: _Known) -> None:
    """Put what the lineage decides itself into the row; the rest is inherited."""
    for name, value in values.items():
        setattr(row, name, value)
    row.code, row.storage_type = detail.code or None, detail.storage_type or ""
    row.initial_qty, row.sort_order = detail.initial_qty, detail.sort_order
    row.label_fmt = detail.label_fmt or None
    row.label_auto_print_mode = detail.label_auto_print_mode or None
    row.label_print_copies = detail.label_print_copies
    row.pre_barcoded_tube = bool(detail.pre_barcoded_tube)
    row.activity_status = detail.activity_status or "Active"
    row.name, row.concentration = detail.name or None, detail.concentration
    if row.lineage == NEW:
        collector = known.users.find(detail.collector, login_first=True)
        receiver = known.users.find(detail.receiver, login_first=True)
        row.collector_id = collector.pk if collector else None
        row.receiver_id = receiver.pk if receiver else None


def _inherit(row: Requirement, parent: Requirement) -> None:
    """What a new child takes from its parent (spec 02 §C3, §C4)."""
    for name in _OF_ALL:
        setattr(row, name, getattr(parent, name))
    if row.lineage == ALIQUOT:
        for name in _OF_ALIQUOTS:
            setattr(row, name, getattr(parent, name))
    else:
        for name in ("anatomic_site", "laterality", "pathology"):
            setattr(row, name, getattr(row, name) or getattr(parent, name))


# --- Replacing --------------------------------------------------------------------------------------


def _plan_update(row: Requirement, detail: RequirementDetail, known: _Known) -> RequirementPlan | Refusal:
    event = known.events[row.event_id]
    if event.protocol_id not in known.updatable:
        return Refusal((ACCESS_DENIED(),))
    values, problems = _checked(detail, row, known)
    if row.activity_status == "Closed" and detail.activity_status == "Closed":
        problems.append(codes.SR_CLOSED())
    changed = any(
        values.get(name, getattr(row, name)) != getattr(row, name) for name in ("specimen_class", "type")
    )
    if changed and row.pk in known.collected:
        problems.append(codes.SR_CANNOT_CHANGE_CLASS_OR_TYPE())
    if not problems and not _quantities_fit(row, detail, known):
        problems.append(codes.SR_INSUFFICIENT_QTY())
    followers = list(known.trees.below(row))
    if detail.activity_status == "Disabled" and any(one.pk in known.in_use for one in (row, *followers)):
        problems.append(codes.SR_HAS_SPECIMENS())
    if problems:
        return Refusal(tuple(problems))
    _fill(row, detail, values, known)
    _cascade(row, known.trees)
    known.trees.add(row)
    return RequirementPlan(row, event.protocol_id, followers)


def _quantities_fit(row: Requirement, detail: RequirementDetail, known: _Known) -> bool:
    """Enough is left of the row for its aliquots, and of its parent for it."""
    quantity = detail.initial_qty
    if quantity is not None and known.trees.used(row) > quantity:
        return False
    parent = known.trees.rows.get(row.parent_id or 0)
    if row.lineage != ALIQUOT or parent is None:
        return True
    return known.trees.has_room(parent, quantity, but=row)


def _cascade(row: Requirement, trees: Trees) -> None:
    """What descendants take over from a changed requirement (spec 02 §C5)."""
    for child in trees.aliquots_below(row):
        for name in _OF_ALIQUOTS if row.lineage != ALIQUOT else ("name",):
            setattr(child, name, getattr(row, name))
    for child in trees.below(row):
        if row.lineage == NEW:
            for name in _OF_ALL:
                setattr(child, name, getattr(row, name))
        if row.activity_status in ("Closed", "Disabled"):
            child.activity_status = row.activity_status


# --- Writing ----------------------------------------------------------------------------------------


def apply_requirements(plans: Sequence[RequirementPlan], actor: Actor) -> list[int]:
    """Write the planned requirements and those that follow them; a fixed number of statements."""
    fresh = [plan.row for plan in plans if plan.row._state.adding]
    touched = {row.pk: row for plan in plans for row in (plan.row, *plan.followers) if not row._state.adding}
    insert(fresh)
    update(list(touched.values()), COLUMNS)
    disable_requirements(row for row in touched.values() if row.activity_status == "Disabled")
    mark_changed(plan.protocol_id for plan in plans)
    return [plan.row.pk for plan in plans]


REQUIREMENTS: Door[RequirementDetail, RequirementPlan] = Door(
    "specimen_requirement", plan_requirements, apply_requirements
)
