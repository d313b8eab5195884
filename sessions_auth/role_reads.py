"""Reading roles and who holds them (spec 01 §D.2, §D.3)."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from biobank.wire.errors import Refused
from sessions_auth import role_rules
from sessions_auth.detail import (
    RoleDetail,
    RoleOperation,
    RoleProtocol,
    RoleQuery,
    RoleResource,
    SubjectRoleDetail,
)
from sessions_auth.models import Role, SubjectRole, User, UserGroup
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
