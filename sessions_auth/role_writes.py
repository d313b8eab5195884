"""Writing roles and who holds them: plan a batch, apply it (spec 01 §D.2, §D.3, §D.5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.wire.errors import ADMIN_RIGHTS_REQUIRED, Problem
from sessions_auth import role_rules, tokens
from sessions_auth.detail import RoleDetail, SubjectRoleDetail
from sessions_auth.models import Role, RoleEntry, SubjectRole, User, UserGroup
from sessions_auth.resources import ADMINISTRATOR
from sessions_auth.vocabulary import OPERATION, RESOURCE, words
from sites.detail import SiteDetail
from sites.models import Site
from sites.reads import sites, sites_by_name
from sites.rules import SITE_NOT_FOUND

# --- Roles ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class RolePlan:
    row: Role
    entries: list[RoleEntry] = field(default_factory=list)


def plan_roles(changes: Sequence[Change[RoleDetail]], actor: Actor) -> list[RolePlan | Refusal]:
    """Decide what each role would become; rows of the batch see each other."""
    stored = Role.objects.in_bulk([change.pk for change in changes if change.pk is not None])
    names = [change.detail.name for change in changes if change.detail.name]
    taken = dict(Role.objects.filter(name__in=names).values_list("name", "pk"))
    resources, operations = set(words(RESOURCE)), set(words(OPERATION))
    return [_plan_role(change, stored, taken, resources, operations, actor) for change in changes]


def _plan_role(
    change: Change[RoleDetail],
    stored: dict[int, Role],
    taken: dict[str, int],
    resources: set[str],
    operations: set[str],
    actor: Actor,
) -> RolePlan | Refusal:
    row = Role() if change.pk is None else stored.get(change.pk)
    if row is None:
        return Refusal((role_rules.ROLE_NOT_FOUND.missing(key=change.pk),))
    if not actor.is_super:
        return Refusal((ADMIN_RIGHTS_REQUIRED(),))
    problems = list(role_rules.role_problems(change.detail, resources, operations))
    name = change.detail.name or ""
    if not problems and taken.get(name, row.pk) != row.pk:
        problems.append(role_rules.DUP_ROLE_NAME(name=name))
    if problems:
        return Refusal(tuple(problems))
    taken[name] = row.pk or -1
    row.name, row.description = name, change.detail.description or ""
    rights = role_rules.rights_of(change.detail)
    return RolePlan(row, [RoleEntry(role=row, resource=name, operations=ops) for name, ops in rights.items()])


def apply_roles(plans: Sequence[RolePlan], actor: Actor) -> list[int]:
    """Write the planned roles and their whole lists of rights."""
    rows = [plan.row for plan in plans]
    old = [row for row in rows if row.pk is not None]
    insert([row for row in rows if row.pk is None])
    update(old, ("name", "description"))
    RoleEntry.objects.filter(role__in=old).delete()
    entries = [entry for plan in plans for entry in plan.entries]
    for entry in entries:
        entry.role_id = entry.role.pk
    insert(entries)
    tokens.forget(SubjectRole.objects.filter(role__in=old).values_list("user", flat=True))
    return [row.pk for row in rows]


ROLES: Door[RoleDetail, RolePlan] = Door("role", plan_roles, apply_roles)


def _plan_role_removal(changes: Sequence[Change[None]], actor: Actor) -> list[int | Refusal]:
    wanted = [change.pk or 0 for change in changes]
    known = set(Role.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    used = set(SubjectRole.objects.filter(role__in=wanted).values_list("role", flat=True))
    plans: list[int | Refusal] = []
    for pk in wanted:
        problem: Problem | None = None
        if pk not in known:
            problem = role_rules.ROLE_NOT_FOUND.missing(key=pk)
        elif not actor.is_super:
            problem = ADMIN_RIGHTS_REQUIRED()
        elif pk in used:
            problem = role_rules.ROLE_IN_USE()
        plans.append(pk if problem is None else Refusal((problem,)))
    return plans


def _remove_roles(pks: Sequence[int], actor: Actor) -> list[int]:
    Role.objects.filter(pk__in=pks).delete()
    return list(pks)


ROLE_REMOVAL: Door[None, int] = Door("role removal", _plan_role_removal, _remove_roles)

# --- Who holds them ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role for a user, as asked for."""

    user_id: int
    detail: SubjectRoleDetail


@dataclass(slots=True)
class _Known:
    actor: Actor
    users: dict[int, User]
    stored: dict[int, SubjectRole]
    roles: dict[str, Role]
    site_ids: dict[int, Site]
    site_names: dict[str, Site]
    protocols: "_Protocols"


class _Protocols:
    """The protocols a batch names, by id, title and short title, with their sites; two queries."""

    def __init__(self, refs: Iterable[Any]) -> None:
        wanted = [ref for ref in refs if ref is not None]
        model: Any = SubjectRole._meta.get_field("protocol").related_model
        condition = Q(pk__in=[ref.id for ref in wanted if ref.id])
        condition |= Q(title__in=[ref.title for ref in wanted if ref.title])
        condition |= Q(short_title__in=[ref.short_title for ref in wanted if ref.short_title])
        rows = model._default_manager.exclude(activity_status="Disabled").filter(condition)
        self._rows = list(rows.prefetch_related("protocol_sites__site")) if wanted else []

    def find(self, ref: Any) -> Any:
        for attribute, value in (("pk", ref.id), ("title", ref.title), ("short_title", ref.short_title)):
            if value:
                return next((row for row in self._rows if getattr(row, attribute) == value), None)
        return None


def plan_assignments(changes: Sequence[Change[Assignment]], actor: Actor) -> list[SubjectRole | Refusal]:
    """Decide which role each user would hold in which scope."""
    details = [change.detail.detail for change in changes]
    named_sites = [detail.site for detail in details if detail.site is not None]
    users = User.objects.exclude(activity_status="Disabled")
    known = _Known(
        actor=actor,
        users=users.in_bulk({change.detail.user_id for change in changes}),
        stored=SubjectRole.objects.in_bulk([change.pk for change in changes if change.pk is not None]),
        roles={
            row.name: row for row in Role.objects.filter(name__in=[d.role.name for d in details if d.role])
        },
        site_ids=sites().in_bulk([site.id for site in named_sites if site.id]),
        site_names=sites_by_name(site.name for site in named_sites),
        protocols=_Protocols(detail.collection_protocol for detail in details),
    )
    return [_plan_assignment(change, known) for change in changes]


def _plan_assignment(change: Change[Assignment], known: _Known) -> SubjectRole | Refusal:
    asked, actor = change.detail, known.actor
    user = known.users.get(asked.user_id)
    if user is None:
        return Refusal((role_rules.SUBJECT_NOT_FOUND.missing(key=asked.user_id),))
    row = SubjectRole(user=user) if change.pk is None else known.stored.get(change.pk)
    if row is None or row.user_id != user.pk:
        return Refusal((role_rules.SUBJECT_ROLE_NOT_FOUND.missing(key=change.pk),))
    institute = user.institute_id
    if row.pk and (denied := role_rules.assignment_problem(actor, institute, row.site_id, row.protocol_id)):
        return Refusal((denied,))
    problems: list[Problem] = []
    role = _role(asked.detail, known, problems)
    site = _site(asked.detail, user, known, problems)
    protocol = _protocol(asked.detail, user, site, known, problems)
    site_id, protocol_id = (site.pk if site else None), (protocol.pk if protocol else None)
    if not problems and (denied := role_rules.assignment_problem(actor, institute, site_id, protocol_id)):
        problems.append(denied)
    if problems or role is None:
        return Refusal(tuple(problems))
    row.role, row.site, row.protocol = role, site, protocol
    row.system_role = bool(asked.detail.system_role) and actor.via == "system"
    return row


def _role(detail: SubjectRoleDetail, known: _Known, problems: list[Problem]) -> Role | None:
    name = detail.role.name if detail.role else None
    if not name:
        problems.append(role_rules.ROLE_NAME_REQUIRED())
        return None
    if name not in known.roles:
        problems.append(role_rules.ROLE_NOT_FOUND(key=name))
    return known.roles.get(name)


def _site(detail: SubjectRoleDetail, user: User, known: _Known, problems: list[Problem]) -> Site | None:
    ref: SiteDetail | None = detail.site
    if ref is None or not (ref.id or ref.name):
        return None
    site = known.site_ids.get(ref.id) if ref.id else known.site_names.get((ref.name or "").lower())
    if site is None:
        problems.append(SITE_NOT_FOUND(key=ref.id or ref.name))
    elif site.institute_id != user.institute_id:
        problems.append(role_rules.INV_SITE_USER(key=site.name))
    return site


def _protocol(
    detail: SubjectRoleDetail, user: User, site: Site | None, known: _Known, problems: list[Problem]
) -> Any:
    ref = detail.collection_protocol
    if ref is None or not (ref.id or ref.title or ref.short_title):
        return None
    found = known.protocols.find(ref)
    if found is None:
        problems.append(role_rules.CP_NOT_FOUND(key=ref.id or ref.title or ref.short_title))
        return None
    used = [link.site for link in found.protocol_sites.all()]
    if site is not None and site.pk not in {one.pk for one in used}:
        problems.append(role_rules.INV_CP_SITE(key=site.name))
    if site is None and user.institute_id not in {one.institute_id for one in used}:
        problems.append(role_rules.INV_CP_USER(key=found.short_title))
    return found


def apply_assignments(plans: Sequence[SubjectRole], actor: Actor) -> list[int]:
    """Write who holds which role; their rights count from their next call."""
    old = [row for row in plans if row.pk is not None]
    insert([row for row in plans if row.pk is None])
    update(old, ("role_id", "site_id", "protocol_id", "system_role"))
    tokens.forget(row.user_id for row in plans)
    return [row.pk for row in plans]


ASSIGNMENTS: Door[Assignment, SubjectRole] = Door("user role", plan_assignments, apply_assignments)


def _plan_withdrawal(changes: Sequence[Change[SubjectRole]], actor: Actor) -> list[SubjectRole | Refusal]:
    plans: list[SubjectRole | Refusal] = []
    for row in (change.detail for change in changes):
        denied = role_rules.assignment_problem(actor, row.user.institute_id, row.site_id, row.protocol_id)
        plans.append(row if denied is None else Refusal((denied,)))
    return plans


def _withdraw(rows: Sequence[SubjectRole], actor: Actor) -> list[int]:
    pks = [row.pk for row in rows]
    _remove(SubjectRole.objects.filter(pk__in=pks))
    return pks


WITHDRAWALS: Door[SubjectRole, SubjectRole] = Door("user role removal", _plan_withdrawal, _withdraw)

# --- Roles that come and go by themselves -----------------------------------------------------------


def follow_users(*, promoted: Sequence[int], demoted: Sequence[int], moved: Sequence[int]) -> None:
    """Institute administrators hold the role Administrator; who moves loses what is not of the new institute."""
    if promoted:
        _add_administrators([(pk, None) for pk in promoted])
    if demoted:
        _remove(SubjectRole.objects.filter(user__in=demoted, system_role=True, site=None, protocol=None))
    if moved:
        link: Any = Site._meta.get_field("protocol_sites").related_model
        used = link._default_manager.filter(
            protocol=OuterRef("protocol"), site__institute=OuterRef("user__institute")
        )
        at_home = Q(site=None) | Q(site__institute=F("user__institute"))
        in_reach = Q(protocol=None) | Q(Exists(used))
        _remove(SubjectRole.objects.filter(user__in=moved).exclude(at_home & in_reach))
        links = UserGroup.users.through._default_manager.filter(user__in=moved)
        links.exclude(usergroup__institute=F("user__institute")).delete()


def follow_sites(site_ids: Sequence[int]) -> None:
    """Coordinators of an active site hold the role Administrator there, others who had it lose it (spec 01 §E.2).

    A site that went to another institute leaves the roles and the desks of the old one's people.
    """
    foreign = SubjectRole.objects.filter(site__in=site_ids).exclude(user__institute=F("site__institute"))
    _remove(foreign)
    moved = User.objects.filter(primary_site__in=site_ids).exclude(institute=F("primary_site__institute"))
    moved.update(primary_site=None)
    wanted = set(
        Site.coordinators.through._default_manager.filter(site__in=site_ids, site__activity_status="Active")
        .values_list("user_id", "site_id")
    )  # fmt: skip
    held = SubjectRole.objects.filter(site__in=site_ids, system_role=True, protocol=None)
    there = {(row.user_id, row.site_id): row.pk for row in held}
    _remove(SubjectRole.objects.filter(pk__in=[pk for pair, pk in there.items() if pair not in wanted]))
    _add_administrators(sorted(wanted - there.keys()))


def _add_administrators(scopes: Sequence[tuple[int, int | None]]) -> None:
    role = Role.objects.filter(name=ADMINISTRATOR).first()
    if role is None or not scopes:
        return
    insert([SubjectRole(user_id=user, role=role, site_id=site, system_role=True) for user, site in scopes])
    tokens.forget(user for user, _ in scopes)


def _remove(rows: QuerySet[SubjectRole]) -> None:
    users = list(rows.values_list("user", flat=True))
    rows.delete()
    tokens.forget(users)


def withdraw(row: SubjectRole, actor: Actor) -> None:
    """Take a role from a user. Raises `Refused`."""
    WITHDRAWALS.write([Change(row, row.pk)], actor)


def remove_role(pk: int, actor: Actor) -> None:
    """Remove a role nobody holds. Raises `Refused`."""
    ROLE_REMOVAL.write([Change(None, pk)], actor)
