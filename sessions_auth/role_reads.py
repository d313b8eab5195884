"""Reading roles and who holds them (spec 01 §D.2, §D.3)."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from biobank.wire.errors import Refused
from sessions_auth import role_rules
from sessions_auth.detail import (
    HeldRole,
    RoleDetail,
    RoleLine,
    RoleOperation,
    RoleProtocol,
    RoleQuery,
    RoleResource,
    SubjectRoleDetail,
    UserRoles,
)
from sessions_auth.models import Role, SubjectRole, User, UserGroup
from sessions_auth.reads import details
from sites.reads import site_details


def listed_roles(query: RoleQuery) -> QuerySet[Role]:
    """The rows of a list call, by name."""
    rows = Role.objects.prefetch_related("acl").order_by("name", "pk")
    return rows.filter(name__icontains=query.name) if query.name else rows


def role(pk: int) -> Role:
    """The role addressed by a request. Raises RBAC_ROLE_NOT_FOUND."""
    found = Role.objects.prefetch_related("acl").filter(pk=pk).first()
    if found is None:
        raise Refused(role_rules.ROLE_NOT_FOUND.missing(key=pk))
    return found


def role_detail(role: Role) -> RoleDetail:
    """A role on the wire; its `acl` should be loaded."""
    return RoleDetail(
        id=role.pk,
        name=role.name,
        description=role.description,
        acl=[
            RoleResource(
                id=entry.pk,
                resource_name=entry.resource,
                operations=[RoleOperation(operation_name=operation) for operation in entry.operations],
            )
            for entry in sorted(role.acl.all(), key=lambda entry: entry.resource)
        ],
    )


def subject(pk: int) -> User:
    """The user whose roles a request addresses. Raises RBAC_SUBJECT_NOT_FOUND."""
    found = User.objects.exclude(activity_status="Disabled").filter(pk=pk).first()
    if found is None:
        raise Refused(role_rules.SUBJECT_NOT_FOUND.missing(key=pk))
    return found


def subject_role(user_id: int, pk: int) -> SubjectRole:
    """A role a user holds. Raises RBAC_SUBJECT_NOT_FOUND, RBAC_SUBJECT_ROLE_NOT_FOUND."""
    found = SubjectRole.objects.filter(user=subject(user_id), pk=pk).first()
    if found is None:
        raise Refused(role_rules.SUBJECT_ROLE_NOT_FOUND.missing(key=pk))
    return found


def group(pk: int) -> UserGroup:
    """The user group whose roles a request addresses. Raises RBAC_GROUP_ID_REQUIRED, RBAC_GROUP_NOT_FOUND."""
    if pk <= 0:
        raise Refused(role_rules.GROUP_ID_REQUIRED())
    found = UserGroup.objects.exclude(activity_status="Disabled").filter(pk=pk).first()
    if found is None:
        raise Refused(role_rules.GROUP_NOT_FOUND.missing(key=pk))
    return found


def roles_of(user_id: int) -> list[SubjectRoleDetail]:
    """The roles a user holds, oldest first; a fixed number of queries."""
    return subject_role_details(SubjectRole.objects.filter(user=user_id))


def subject_role_details(rows: QuerySet[SubjectRole]) -> list[SubjectRoleDetail]:
    """Details by key; four queries."""
    found: Sequence[SubjectRole] = list(
        rows.select_related("role", "protocol").prefetch_related("role__acl").order_by("pk")
    )
    site_ids: Iterable[int] = {row.site_id for row in found if row.site_id is not None}
    sites = {site.id: site for site in site_details(sorted(site_ids))} if site_ids else {}
    return [
        SubjectRoleDetail(
            id=row.pk,
            role=role_detail(row.role),
            site=sites.get(row.site_id),
            collection_protocol=_protocol(row),
            system_role=row.system_role,
        )
        for row in found
    ]


def _protocol(row: SubjectRole) -> RoleProtocol | None:
    protocol = row.protocol
    if protocol is None:
        return None
    return RoleProtocol(
        id=protocol.pk,
        title=protocol.title,
        short_title=protocol.short_title,
        code=protocol.code,
        activity_status=protocol.activity_status,
    )


def held_by(user_ids: Sequence[int]) -> QuerySet[SubjectRole]:
    """The roles of users, oldest first; role, site, protocol and user are loaded."""
    rows = SubjectRole.objects.filter(user__in=user_ids)
    return rows.select_related("role", "site", "protocol", "user").order_by("pk")


def user_roles(user_ids: Sequence[int]) -> list[UserRoles]:
    """The roles that were given to users, a detail each, in their order; those that come by themselves are left out.

    Two queries.
    """
    users = User.objects.in_bulk(list(user_ids))
    found = {pk: UserRoles(subject_id=pk, email_address=users[pk].email_address, roles=[]) for pk in user_ids}
    for row in held_by(user_ids).filter(system_role=False):
        roles = found[row.user_id].roles
        assert roles is not None  # noqa: S101
        roles.append(_held(row))
    return list(found.values())


def _held(row: SubjectRole) -> HeldRole:
    return HeldRole(
        role_name=row.role.name,
        site_name=row.site.name if row.site else None,
        cp_short_title=row.protocol.short_title if row.protocol else None,
    )


def role_lines(user_ids: Sequence[int]) -> list[RoleLine]:
    """All roles of users, those that come by themselves too, one line a role; two queries."""
    users = {detail.id: detail for detail in details(user_ids)}
    lines: dict[int, list[RoleLine]] = {pk: [] for pk in user_ids}
    for row in held_by(user_ids):
        held = _held(row)
        lines[row.user_id].append(
            RoleLine(
                **dict(users[row.user_id]),
                role=held.role_name,
                site_name=held.site_name,
                cp_short_title=held.cp_short_title,
            )
        )
    return [line for of_user in lines.values() for line in of_user]
