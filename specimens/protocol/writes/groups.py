"""Writing groups of protocols, and what they give to their protocols (spec 02 §D2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.records import disable, stamp
from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Problem, Refused
from biobank.wire.forms import FORM_NOT_FOUND
from specimens.protocol.detail.groups import GroupDetail, GroupFormsBody, GroupFormsQuery
from specimens.protocol.detail.protocols import ProtocolSummary, Workflow
from specimens.protocol.models import CollectionProtocol, ProtocolGroup
from specimens.protocol.reads.groups import group, known_groups, members_of
from specimens.protocol.reads.lookups import allowed_among, protocols_by_id, protocols_by_short_title
from specimens.protocol.reads.scopes import PROTOCOL, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules.protocols import STATUSES, too_long
from specimens.protocol.writes.versions import mark_changed
from specimens.protocol.writes.workflows import by_name


@dataclass(slots=True)
class GroupPlan:
    """A group as it will be, with the protocols that come in and those that go."""

    row: ProtocolGroup
    joining: list[CollectionProtocol]
    leaving: list[CollectionProtocol]


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch: one query each."""

    stored: dict[int, ProtocolGroup]
    members: dict[int, list[CollectionProtocol]]
    by_id: dict[int, CollectionProtocol]
    by_short_title: dict[str, CollectionProtocol]
    updatable: set[int]
    names: dict[str, int]
    owners: dict[int, int | None]  # protocol -> its group, those of the batch included


def plan_groups(changes: Sequence[Change[GroupDetail]], actor: Actor) -> list[GroupPlan | Refusal]:
    """Decide what each group would become; rows of the batch see each other."""
    refs = [ref for change in changes for ref in change.detail.cps or ()]
    by_id = protocols_by_id(ref.id for ref in refs)
    by_name = protocols_by_short_title(ref.short_title for ref in refs if ref.id is None)
    stored = known_groups().in_bulk([change.pk for change in changes if change.pk is not None])
    members = members_of(stored)
    touched = {row.pk: row for row in (*by_id.values(), *by_name.values())}
    touched |= {row.pk: row for rows in members.values() for row in rows}
    owners = _locked(touched)
    known = _Known(
        stored,
        members,
        by_id,
        by_name,
        allowed_among(actor, touched, PROTOCOL, UPDATE),
        {name.lower(): pk for pk, name in known_groups().values_list("pk", "name")},
        owners,
    )
    return [_plan(change, known) for change in changes]


def _locked(protocol_ids: Iterable[int]) -> dict[int, int | None]:
    """The groups that protocols are in; two callers must not take the same protocol."""
    rows = CollectionProtocol.objects.select_for_update(no_key=True).filter(pk__in=list(protocol_ids))
    return dict(rows.order_by("pk").values_list("pk", "group_id"))


def _plan(change: Change[GroupDetail], known: _Known) -> GroupPlan | Refusal:
    detail = change.detail
    row = ProtocolGroup() if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((codes.GROUP_NOT_FOUND.missing(key=change.pk),))
    before = known.members.get(row.pk or 0, [])
    chosen = {found.pk: found for ref in detail.cps or () if (found := _meant(ref, known)) is not None}
    if not {one.pk for one in (*before, *chosen.values())} <= known.updatable:
        return Refusal((codes.GROUP_CP_UPDATE_REQ(),))
    problems = _problems(detail, row, chosen, known)
    if problems:
        return Refusal(tuple(problems))
    row.name, row.activity_status = detail.name or "", detail.activity_status or "Active"
    known.names[row.name.lower()] = row.pk or -1
    own = {one.pk for one in before}
    for pk in chosen:
        known.owners[pk] = row.pk or -1
    joining = [one for pk, one in chosen.items() if pk not in own]
    return GroupPlan(row, joining, [one for one in before if one.pk not in chosen])


def _meant(ref: ProtocolSummary, known: _Known) -> CollectionProtocol | None:
    if ref.id is not None:
        return known.by_id.get(ref.id)
    return known.by_short_title.get((ref.short_title or "").lower())


def _problems(
    detail: GroupDetail, row: ProtocolGroup, chosen: dict[int, CollectionProtocol], known: _Known
) -> list[Problem]:
    problems: list[Problem] = []
    if not detail.name:
        problems.append(codes.GROUP_NAME_REQ())
    elif known.names.get(detail.name.lower(), row.pk) != row.pk:
        problems.append(codes.GROUP_DUP_NAME(value=detail.name))
    if not detail.cps:
        problems.append(codes.GROUP_CP_REQ())
    for ref in detail.cps or ():
        if _meant(ref, known) is None:
            problems.append(codes.GROUP_CP_NOT_FOUND(key=ref.id if ref.id is not None else ref.short_title))
    for pk, one in chosen.items():
        if known.owners.get(pk) not in (None, row.pk):
            problems.append(codes.GROUP_CP_IN_OTH_GRPS(value=one.short_title))
    if detail.activity_status and detail.activity_status not in STATUSES:
        problems.append(ACTIVITY_STATUS_INVALID(value=detail.activity_status))
    return [*problems, *too_long(detail, {"name": 255})]


def apply_groups(plans: Sequence[GroupPlan], actor: Actor) -> list[int]:
    """Write the planned groups; protocols that come in get the group's workflows. A fixed number of statements."""
    stored = [plan.row for plan in plans if not plan.row._state.adding]
    insert([plan.row for plan in plans if plan.row._state.adding])
    update(stored, ["name", "activity_status"])
    moved: list[CollectionProtocol] = []
    for plan in plans:
        for one in plan.leaving:
            one.group_id = None
        for one in plan.joining:
            one.group_id = plan.row.pk
            one.workflows = plan.row.workflows or one.workflows
        moved += [*plan.leaving, *plan.joining]
    update(moved, ["group_id", "workflows"])
    mark_changed(one.pk for plan in plans if plan.row.workflows for one in plan.joining)
    _disable([plan.row for plan in plans if plan.row.activity_status == "Disabled"])
    return [plan.row.pk for plan in plans]


def _disable(rows: Sequence[ProtocolGroup]) -> None:
    """Disable and rename groups; their protocols are free."""
    if rows:
        CollectionProtocol.objects.filter(group__in=rows).update(group=None)
        update(rows, disable(rows, name=255))


GROUPS: Door[GroupDetail, GroupPlan] = Door("collection_protocol_group", plan_groups, apply_groups)


def delete_groups(ids: Sequence[int], actor: Actor, reason: str = "") -> list[ProtocolGroup]:
    """Delete groups, all or none; what they gave to their protocols stays there.

    Raises `Refused`: CP_GROUP_NOT_FOUND, CP_GROUP_CP_UPDATE_REQ.
    """
    wanted = list(dict.fromkeys(ids))
    with transaction.atomic():
        stamp(actor, reason=reason)
        known = known_groups().in_bulk(wanted)
        missing = [pk for pk in wanted if pk not in known]
        if missing:
            raise Refused(*(codes.GROUP_NOT_FOUND.missing(key=pk) for pk in missing))
        _require_update(wanted, actor)
        rows = [known[pk] for pk in wanted]
        _disable(rows)
    return rows


def _require_update(group_ids: Sequence[int], actor: Actor) -> list[CollectionProtocol]:
    """The protocols of groups. Raises `Refused(CP_GROUP_CP_UPDATE_REQ)`: all of them must be the caller's."""
    members = [one for rows in members_of(group_ids).values() for one in rows]
    pks = {one.pk for one in members}
    if allowed_among(actor, pks, PROTOCOL, UPDATE) != pks or not (members or actor.is_super):
        raise Refused(codes.GROUP_CP_UPDATE_REQ())
    return members


def save_group_workflows(pk: int, items: Sequence[Workflow], actor: Actor) -> ProtocolGroup:
    """Replace the workflows of the group and of each of its protocols.

    Raises `Refused`: CP_GROUP_NOT_FOUND, RBAC_ACCESS_DENIED, CP_GROUP_CP_UPDATE_REQ, INVALID_REQUEST.
    """
    named = by_name(items)
    with transaction.atomic():
        stamp(actor)
        row = group(pk, actor)
        members = _require_update([pk], actor)
        row.workflows = named
        update([row], ["workflows"])
        for one in members:
            one.workflows = named
        update(members, ["workflows"])
        mark_changed(one.pk for one in members)
    return row


def attach_forms(pk: int, body: GroupFormsBody, actor: Actor) -> bool:
    """Attach forms to all protocols of the group; False when none was named.

    No form can be defined yet, so every one that is named is unknown.
    Raises `Refused`: CP_GROUP_NOT_FOUND, CP_GROUP_CP_UPDATE_REQ, CP_GROUP_DUP_FORM, FORMS_NOT_FOUND.
    """
    group(pk, actor)
    _require_update([pk], actor)
    ids = [form.form_id for form in body.forms]
    repeated = [form_id for n, form_id in enumerate(ids) if form_id in ids[:n]]
    if repeated:
        raise Refused(codes.GROUP_DUP_FORM(value=repeated[0]))
    if ids:
        raise Refused(FORM_NOT_FOUND(id=ids[0]))
    return False


def detach_forms(pk: int, query: GroupFormsQuery, actor: Actor) -> None:
    """Take forms off the protocols of the group. Raises as `attach_forms`."""
    group(pk, actor)
    _require_update([pk], actor)
    for form_id in query.form_id or ():
        raise Refused(FORM_NOT_FOUND.missing(id=form_id))
