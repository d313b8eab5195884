"""Writing user groups: plan a batch, apply it (spec 01 §C.11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.records import disable
from biobank.wire.errors import ACTIVITY_STATUS_INVALID, INVALID_INPUT, Problem, Refused
from sessions_auth import reads as users
from sessions_auth import rules as user_rules
from sessions_auth.detail import UserSummary
from sessions_auth.groups import reads, rules
from sessions_auth.groups.detail import UserGroupDetail
from sessions_auth.models import UserGroup
from sites.models import Institute
from sites.reads import institutes_by_name
from sites.rules import INSTITUTE_NOT_FOUND, STATUSES

_LINK = UserGroup.users.through


@dataclass(slots=True)
class GroupPlan:
    """A group as it will be; `members` None leaves them as they are."""

    row: UserGroup
    members: list[int] | None = None


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch of groups: one query each."""

    actor: Actor
    stored: dict[int, UserGroup]
    names: dict[str, int]
    institutes: dict[str, Institute]
    users: users.Users
    homes: dict[int, set[int]]  # group to the institutes of its members


def plan_groups(changes: Sequence[Change[UserGroupDetail]], actor: Actor) -> list[GroupPlan | Refusal]:
    """Decide what each group would become; rows of the batch see each other."""
    details = [change.detail for change in changes]
    wanted = {(detail.name or "").lower() for detail in details}
    pks = [change.pk for change in changes if change.pk is not None]
    low = UserGroup.objects.annotate(lowered=Lower("name"))
    homes: dict[int, set[int]] = {}
    people = _LINK._default_manager.filter(usergroup__in=pks).exclude(user__activity_status="Disabled")
    for group, institute in people.values_list("usergroup", "user__institute").distinct():
        homes.setdefault(group, set()).add(institute)
    known = _Known(
        actor=actor,
        stored=reads.groups().in_bulk(pks),
        names={name: pk for pk, name in low.filter(lowered__in=wanted).values_list("pk", "lowered")},
        institutes=institutes_by_name(detail.institute for detail in details),
        users=users.load_users(ref for detail in details for ref in detail.users or []),
        homes=homes,
    )
    return [_plan(change, known) for change in changes]


def _plan(change: Change[UserGroupDetail], known: _Known) -> GroupPlan | Refusal:
    detail = change.detail
    row = UserGroup() if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((rules.NOT_FOUND.missing(key=change.pk),))
    status = detail.activity_status or "Active"
    institute = known.institutes.get((detail.institute or "").lower())
    operation = "Create" if not row.pk else "Delete" if status == "Disabled" else "Update"
    ids = [*([row.institute_id] if row.pk else []), *([institute.pk] if institute else [])]
    denied = rules.right_problem(known.actor, operation, *ids)
    if denied is not None:
        return Refusal((denied,))
    problems = list(rules.group_problems(detail))
    if status not in STATUSES:
        problems.append(ACTIVITY_STATUS_INVALID(value=status))
    if institute is None and detail.institute:
        problems.append(INSTITUTE_NOT_FOUND(key=detail.institute))
    members = None
    if institute is not None:
        members, wrong = _members(detail.users, institute.pk, known.users)
        problems += wrong
        if members is None and known.homes.get(row.pk or 0, set()) - {institute.pk}:
            problems.append(rules.USER_NOT_OF_INSTITUTE(key=detail.name))
    name = (detail.name or "").lower()
    if not problems and known.names.get(name, row.pk) != row.pk:
        problems.append(rules.DUP_NAME(name=detail.name))
    if problems or institute is None:
        return Refusal(tuple(problems))
    row.name, row.description = detail.name or "", detail.description or ""
    row.institute, row.activity_status = institute, status
    known.names[name] = row.pk or -1
    return GroupPlan(row, members)


def _members(
    refs: Sequence[UserSummary] | None, institute_id: int, found: users.Users
) -> tuple[list[int] | None, list[Problem]]:
    """The keys of the users meant; None when nothing was said of them."""
    if refs is None:
        return None, []
    members: list[int] = []
    problems: list[Problem] = []
    for ref in refs:
        user = found.find(ref)
        if user is None:
            problems.append(user_rules.NOT_FOUND(key=ref.id or ref.email_address or ref.login_name))
        elif user.institute_id != institute_id:
            problems.append(rules.USER_NOT_OF_INSTITUTE(key=user.login_name))
        else:
            members.append(user.pk)
    return members, problems


def apply_groups(plans: Sequence[GroupPlan], actor: Actor) -> list[int]:
    """Write the planned groups and their members; a fixed number of statements."""
    rows = [plan.row for plan in plans]
    disable([row for row in rows if row.activity_status == "Disabled"], name=255)
    stored = [row for row in rows if row.pk is not None]
    insert([row for row in rows if row.pk is None])
    update(stored, ("name", "description", "institute_id", "activity_status"))
    said = [plan for plan in plans if plan.members is not None]
    _LINK._default_manager.filter(usergroup__in=[plan.row.pk for plan in said]).delete()
    _add((plan.row.pk, user) for plan in said for user in plan.members or [])
    return [row.pk for row in rows]


def _add(pairs: Iterable[tuple[int, int]]) -> None:
    rows = [_LINK(usergroup_id=group, user_id=user) for group, user in dict.fromkeys(pairs)]
    _LINK._default_manager.bulk_create(rows, ignore_conflicts=True)


GROUPS: Door[UserGroupDetail, GroupPlan] = Door("user group", plan_groups, apply_groups)


@dataclass(frozen=True, slots=True)
class Membership:
    """Users to be added to a group, or removed from it."""

    operation: str
    refs: tuple[UserSummary, ...]


def _plan_memberships(
    changes: Sequence[Change[Membership]], actor: Actor
) -> list[tuple[int, str, list[int]] | Refusal]:
    stored = reads.groups().in_bulk([change.pk for change in changes if change.pk is not None])
    found = users.load_users(ref for change in changes for ref in change.detail.refs)
    plans: list[tuple[int, str, list[int]] | Refusal] = []
    for change in changes:
        row = stored.get(change.pk or 0)
        if row is None:
            plans.append(Refusal((rules.NOT_FOUND.missing(key=change.pk),)))
            continue
        denied = rules.right_problem(actor, "Update", row.institute_id)
        if denied is not None:
            plans.append(Refusal((denied,)))
            continue
        operation = change.detail.operation
        members, problems = _members(change.detail.refs, row.institute_id, found)
        if operation == rules.REMOVE:  # somebody who moved away can still be taken out
            problems = [problem for problem in problems if problem.code == user_rules.NOT_FOUND.code]
            members = [user.pk for ref in change.detail.refs if (user := found.find(ref)) is not None]
        plans.append(Refusal(tuple(problems)) if problems else (row.pk, operation, members or []))
    return plans


def _apply_memberships(plans: Sequence[tuple[int, str, list[int]]], actor: Actor) -> list[int]:
    _add((group, user) for group, operation, people in plans if operation == rules.ADD for user in people)
    gone = {
        (group, user) for group, operation, people in plans if operation == rules.REMOVE for user in people
    }
    links = _LINK._default_manager.filter(usergroup__in={group for group, _ in gone})
    there = links.values_list("pk", "usergroup", "user")
    doomed = [pk for pk, group, user in there if (group, user) in gone]
    _LINK._default_manager.filter(pk__in=doomed).delete()
    return [group for group, _, _ in plans]


MEMBERSHIPS: Door[Membership, tuple[int, str, list[int]]] = Door(
    "user group members", _plan_memberships, _apply_memberships
)


def change_members(pk: int, operation: str | None, refs: Iterable[UserSummary], actor: Actor) -> None:
    """Add users to a group or remove them. Raises `Refused`: COMMON_INVALID_INPUT for another operation."""
    wanted = (operation or "").upper()
    if wanted not in (rules.ADD, rules.REMOVE):
        raise Refused(INVALID_INPUT(name="op", value=operation))
    MEMBERSHIPS.write_one(Membership(wanted, tuple(refs)), actor, pk)


def delete_group(pk: int, actor: Actor) -> None:
    """Delete a group; its name is free again. Raises `Refused`."""
    row = reads.group(pk)
    gone = UserGroupDetail(
        name=row.name,
        description=row.description,
        institute=row.institute.name,
        activity_status="Disabled",
    )
    GROUPS.write_one(gone, actor, pk)
