"""The roles of a user as one list, as CSV has them: added to those held, or put in their place (spec 04 §5.5)."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.errors import Problem
from sessions_auth import role_reads, role_rules
from sessions_auth.detail import (
    HeldRole,
    RoleDetail,
    RoleProtocol,
    SubjectRoleDetail,
    UserRoles,
    UserSummary,
)
from sessions_auth.models import SubjectRole
from sessions_auth.reads import Users, load_users
from sessions_auth.role_writes import ASSIGNMENTS, WITHDRAWALS, Assignment
from sessions_auth.rules import EMAIL_REQUIRED
from sites.detail import SiteDetail

Found = int | Refusal


@dataclass(slots=True)
class RoleList:
    """What becomes of the roles of a user."""

    user_id: int
    added: list[SubjectRole] = field(default_factory=list)
    removed: list[SubjectRole] = field(default_factory=list)


def find_users(details: Sequence[UserRoles]) -> list[Found]:
    """Whose roles each detail means; two queries at most.

    An id alone means that user. With an e-mail address the id must be that user's: in a file of another server ids
    are those of other people.
    """
    ids = load_users(UserSummary(id=d.subject_id) for d in details if d.subject_id is not None)
    emails = load_users(UserSummary(email_address=d.email_address) for d in details if d.email_address)
    return [_found(detail, ids, emails) for detail in details]


def _found(detail: UserRoles, ids: Users, emails: Users, *, trust_id: bool = True) -> Found:
    by_id = ids.by_id.get(detail.subject_id or 0)
    if not detail.email_address:
        if detail.subject_id is None:
            return Refusal((EMAIL_REQUIRED(),))
        return by_id.pk if by_id else Refusal((role_rules.SUBJECT_NOT_FOUND.missing(key=detail.subject_id),))
    user = emails.by_email.get(detail.email_address.lower())
    if user is None or (trust_id and detail.subject_id is not None and user != by_id):
        return Refusal((role_rules.SUBJECT_NOT_FOUND.missing(key=detail.email_address),))
    return user.pk


def _new_users(details: Sequence[UserRoles]) -> list[Found]:
    """The same for roles that are added: with an e-mail address the id does not matter."""
    ids = load_users(UserSummary(id=d.subject_id) for d in details if not d.email_address)
    emails = load_users(UserSummary(email_address=d.email_address) for d in details if d.email_address)
    return [_found(detail, ids, emails, trust_id=False) for detail in details]


def plan_role_lists(changes: Sequence[Change[UserRoles]], actor: Actor) -> list[RoleList | Refusal]:
    """Decide which roles each user gets and loses. A change with a key (the user's) replaces, others add.

    Roles that come by themselves (of administrators and coordinators) are never taken away.
    """
    new = iter(_new_users([change.detail for change in changes if change.pk is None]))
    users: list[Found] = [next(new) if change.pk is None else change.pk for change in changes]
    asked = [
        (place, Change(Assignment(user, _asked(held))))
        for place, (change, user) in enumerate(zip(changes, users, strict=True))
        if not isinstance(user, Refusal)
        for held in change.detail.roles or []
    ]
    planned = ASSIGNMENTS.plan([assignment for _, assignment in asked], actor) if asked else []
    wanted: list[list[SubjectRole | Refusal]] = [[] for _ in changes]
    for (place, _), plan in zip(asked, planned, strict=True):
        wanted[place].append(plan)
    held = _held([user for user in users if not isinstance(user, Refusal)])
    return [
        user if isinstance(user, Refusal) else _plan(change, user, roles, held[user], actor)
        for change, user, roles in zip(changes, users, wanted, strict=True)
    ]


def _asked(held: HeldRole) -> SubjectRoleDetail:
    return SubjectRoleDetail(
        role=RoleDetail(name=held.role_name),
        site=SiteDetail(name=held.site_name) if held.site_name else None,
        collection_protocol=RoleProtocol(short_title=held.cp_short_title) if held.cp_short_title else None,
    )


def _held(user_ids: Sequence[int]) -> dict[int, list[SubjectRole]]:
    found: dict[int, list[SubjectRole]] = {pk: [] for pk in user_ids}
    for row in role_reads.held_by(user_ids):
        found[row.user_id].append(row)
    return found


def _plan(
    change: Change[UserRoles],
    user_id: int,
    roles: Sequence[SubjectRole | Refusal],
    held: list[SubjectRole],
    actor: Actor,
) -> RoleList | Refusal:
    replaces = change.pk is not None
    if not replaces and not roles:
        return Refusal((role_rules.ROLE_NAME_REQUIRED(),))
    problems = list(_problems(roles))
    plan = RoleList(user_id)
    wanted = {_scope(row): row for row in roles if not isinstance(row, Refusal)}
    there = {_scope(row) for row in held}
    plan.added = [row for scope, row in wanted.items() if scope not in there]
    if replaces and change.detail.roles is not None:
        plan.removed = [row for row in held if not row.system_role and _scope(row) not in wanted]
        problems += _problems(WITHDRAWALS.plan([Change(row, row.pk) for row in plan.removed], actor))
    if problems:
        return Refusal(tuple(dict.fromkeys(problems)))
    held[:] = [row for row in held if row not in plan.removed] + plan.added
    return plan


def _problems(plans: Sequence[SubjectRole | Refusal]) -> Iterator[Problem]:
    for plan in plans:
        if isinstance(plan, Refusal):
            yield from plan.problems


def _scope(row: SubjectRole) -> Hashable:
    return row.role_id, row.site_id, row.protocol_id


def apply_role_lists(plans: Sequence[RoleList], actor: Actor) -> list[int]:
    """Write who holds which role; the keys are those of the users."""
    removed = [row for plan in plans for row in plan.removed]
    added = [row for plan in plans for row in plan.added]
    if removed:
        WITHDRAWALS.apply(removed, actor)
    if added:
        ASSIGNMENTS.apply(added, actor)
    return [plan.user_id for plan in plans]


ROLE_LISTS: Door[UserRoles, RoleList] = Door("roles of a user", plan_role_lists, apply_role_lists)
