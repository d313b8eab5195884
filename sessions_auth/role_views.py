"""`/rbac` (spec 01 §D.2, §D.3)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from sessions_auth import role_reads, role_writes
from sessions_auth.detail import Named, Permission, RoleDetail, RoleQuery, SubjectRoleDetail
from sessions_auth.models import SubjectRole
from sessions_auth.resources import OPERATIONS, RESOURCES, operations_of
from sessions_auth.role_writes import Assignment


class Roles(ApiView):
    @operation("Roles", query=RoleQuery, answer=list[RoleDetail])
    def get(self, request: Request, query: RoleQuery) -> list[RoleDetail]:
        return [role_reads.role_detail(row) for row in query.page(role_reads.listed_roles(query))]

    @operation("Create a role", body=RoleDetail, answer=RoleDetail)
    def post(self, request: Request, body: RoleDetail) -> RoleDetail:
        pk = role_writes.ROLES.write_one(body, self.actor)
        return role_reads.role_detail(role_reads.role(pk))


class RoleCount(ApiView):
    @operation("How many roles match", query=RoleQuery, answer=Count)
    def get(self, request: Request, query: RoleQuery) -> Count:
        return Count(count=role_reads.listed_roles(query).count())


class RoleOne(ApiView):
    @operation("A role", answer=RoleDetail)
    def get(self, request: Request, pk: int) -> RoleDetail:
        return role_reads.role_detail(role_reads.role(pk))

    @operation("Replace a role with its rights", body=RoleDetail, answer=RoleDetail)
    def put(self, request: Request, pk: int, body: RoleDetail) -> RoleDetail:
        role_writes.ROLES.write_one(body, self.actor, pk)
        return role_reads.role_detail(role_reads.role(pk))

    @operation("Remove a role nobody holds", answer=RoleDetail)
    def delete(self, request: Request, pk: int) -> RoleDetail:
        found = role_reads.role_detail(role_reads.role(pk))
        role_writes.remove_role(pk, self.actor)
        return found


class SubjectRoles(ApiView):
    @operation("Roles of a user", answer=list[SubjectRoleDetail])
    def get(self, request: Request, user: int) -> list[SubjectRoleDetail]:
        return role_reads.roles_of(role_reads.subject(user).pk)

    @operation("Give a user a role", body=SubjectRoleDetail, answer=SubjectRoleDetail)
    def post(self, request: Request, user: int, body: SubjectRoleDetail) -> SubjectRoleDetail:
        role_reads.subject(user)
        return _detail(role_writes.ASSIGNMENTS.write_one(Assignment(user, body), self.actor))


class SubjectRoleOne(ApiView):
    @operation("Change a role of a user", body=SubjectRoleDetail, answer=SubjectRoleDetail)
    def put(self, request: Request, user: int, pk: int, body: SubjectRoleDetail) -> SubjectRoleDetail:
        role_reads.subject_role(user, pk)
        return _detail(role_writes.ASSIGNMENTS.write_one(Assignment(user, body), self.actor, pk))

    @operation("Take a role from a user", answer=SubjectRoleDetail)
    def delete(self, request: Request, user: int, pk: int) -> SubjectRoleDetail:
        row = role_reads.subject_role(user, pk)
        found = _detail(row.pk)
        role_writes.withdraw(row, self.actor)
        return found


class Resources(ApiView):
    @operation("What rights can be about", answer=list[Named])
    def get(self, request: Request) -> list[Named]:
        return [Named(name=name) for name in RESOURCES]


class Operations(ApiView):
    @operation("What rights can allow", answer=list[Named])
    def get(self, request: Request) -> list[Named]:
        return [Named(name=name) for name in OPERATIONS]


class Permissions(ApiView):
    @operation("The rights there are", answer=list[Permission])
    def get(self, request: Request) -> list[Permission]:
        return [
            Permission(resource_name=resource, operation_name=operation)
            for resource in RESOURCES
            for operation in operations_of(resource)
        ]


def _detail(pk: int) -> SubjectRoleDetail:
    return role_reads.subject_role_details(SubjectRole.objects.filter(pk=pk))[0]
