"""What specimens do when something happens to their visits (spec 03 §2.3, §2.4)."""

from collections.abc import Iterator, Sequence

from django.db import IntegrityError, connection

from biobank.access import Actor
from biobank.batch.update import update
from biobank.records import disable
from biobank.wire.errors import Refused
from specimens.specimen import below
from specimens.specimen.models import Specimen
from specimens.specimen.reads.scopes import known_specimens
from specimens.specimen.rules import ACTIVE, MISSED, NOT_COLLECTED, PENDING
from specimens.specimen.writes.drafts import Draft
from specimens.specimen.writes.planner import Planner
from specimens.specimen.writes.store import raise_dup_in_cp, refuse_equal_names, store
from specimens.specimen.writes.values import Problems
from specimens.specimen.writes.wanted import Wanted
from specimens.visit import below as visits
from specimens.visit.below import StatusChange
from specimens.visit.models import Visit
from specimens.visit.writes.planning import is_pre_printed

_UNCOLLECTED = (MISSED, NOT_COLLECTED)


def follow_visits() -> None:
    """Join in the writes of visits; called once when the app starts."""
    visits.status_changed.append(follow_status)
    visits.event_changed.append(forget_requirements)
    visits.protocol_changed.append(change_protocol)
    visits.deleted.append(go_with)


def follow_status(changes: Sequence[StatusChange], actor: Actor) -> None:
    """Specimens get the status of a visit that is missed, not collected or pending; missing ones are made."""
    wanted = [change for change in changes if _plans_ahead(change) or change.new != "Complete"]
    if not wanted:
        return
    planner = Planner(Wanted.of_visits(change.visit.pk for change in wanted), actor)
    problems: Problems = []
    drafts: list[Draft] = []
    for change in wanted:
        if change.old is not None and change.new != "Complete":
            drafts += _given_status(planner, change)
        if change.new in _UNCOLLECTED:
            drafts += _made(planner, change, change.new, problems)
        elif _plans_ahead(change):
            drafts += planner.labelled(_made(planner, change, PENDING, problems))
    if problems:
        raise Refused(*problems)
    for draft in drafts:
        draft.batch = planner
    if drafts:
        store(drafts, actor)


def _plans_ahead(change: StatusChange) -> bool:
    """Whether the visit's specimens are stored, with labels, before they are collected."""
    if change.new in _UNCOLLECTED:
        return False
    return change.old is None or (change.old in _UNCOLLECTED and is_pre_printed(change.visit.protocol))


def _given_status(planner: Planner, change: StatusChange) -> Iterator[Draft]:
    """Every stored specimen of the visit, collected ones too, with the visit's status."""
    for draft in planner.facts.drafts.values():
        if draft.visit.id == change.visit.pk:
            planner.touch(draft)
            was, draft.row.status = draft.row.status, change.new
            planner.lifecycle.uncollect(draft, stored_status=was)
            yield draft


def _made(planner: Planner, change: StatusChange, status: str, problems: Problems) -> list[Draft]:
    """The specimens that the visit's event plans and that are not there yet, whole trees."""
    facts = planner.facts
    visit = facts.visits.get(change.visit.pk)
    if visit is None or visit.event_id is None:
        return []
    made: list[Draft] = []
    there = {
        draft.requirement.pk: draft
        for draft in facts.drafts.values()
        if draft.visit.id == visit.id and draft.requirement is not None
    }
    for draft in there.values():
        if status in _UNCOLLECTED:
            planner.lifecycle.anticipate(draft, problems, bring=made.append)
    for requirement in facts.requirements.values():
        top = requirement.event_id == visit.event_id and requirement.parent_id is None
        if top and requirement.pk not in there and requirement.activity_status == ACTIVE:
            root = planner.lifecycle.planned(visit, requirement, None, status, problems)
            made.append(root)
            planner.lifecycle.anticipate(root, problems, bring=made.append)
    return made


def forget_requirements(rows: Sequence[Visit], actor: Actor) -> None:
    """A visit of another event fulfils none of the old one's requirements."""
    Specimen.objects.filter(visit__in=[row.pk for row in rows]).update(requirement=None)


def change_protocol(rows: Sequence[Visit], actor: Actor) -> None:
    """Specimens are in their visit's protocol."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE specimen_specimen SET protocol_id = v.protocol_id FROM visit_visit v "
                "WHERE v.id = specimen_specimen.visit_id AND v.id = ANY(%s) RETURNING specimen_specimen.id",
                [[row.pk for row in rows]],
            )
            moved = [pk for (pk,) in cursor.fetchall()]
    except IntegrityError as error:  # only names that are unique by protocol can be in the way
        raise_dup_in_cp(
            error, [Specimen(label_per_cp=True, additional_label_per_cp=True, barcode_per_cp=True)]
        )
        raise
    refuse_equal_names(moved)


def go_with(visit_ids: Sequence[int], actor: Actor) -> None:
    """Deleted visits take their specimens along."""
    rows = list(known_specimens().filter(visit__in=visit_ids).order_by("pk").select_for_update(no_key=True))
    update(rows, disable(rows, label=255, additional_label=255, barcode=255))
    below.tell_deleted([row.pk for row in rows], actor)
