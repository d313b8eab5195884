"""`/rbac` (spec 01 §D.2, §D.3)."""

from rest_framework.request import Request

from biobank.wire.errors import INVALID_INPUT, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from sessions_auth import letters, role_reads, role_writes, vocabulary
from sessions_auth.detail import RoleDetail, RoleQuery, SubjectRoleDetail
from sessions_auth.models import SubjectRole
from sessions_auth.role_writes import Assignment
from sessions_auth.vocabulary import OPERATION, RESOURCE, PermissionDetail, PermissionQuery, Word


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
        return _told(role_writes.ASSIGNMENTS.write_one(Assignment(user, body), self.actor), "given")


class SubjectRoleOne(ApiView):
    @operation("Change a role of a user", body=SubjectRoleDetail, answer=SubjectRoleDetail)
    def put(self, request: Request, user: int, pk: int, body: SubjectRoleDetail) -> SubjectRoleDetail:
        role_reads.subject_role(user, pk)
        return _told(role_writes.ASSIGNMENTS.write_one(Assignment(user, body), self.actor, pk), "changed")

    @operation("Take a role from a user", answer=SubjectRoleDetail)
    def delete(self, request: Request, user: int, pk: int) -> SubjectRoleDetail:
        row = role_reads.subject_role(user, pk)
        found = _detail(row.pk)
        role_writes.withdraw(row, self.actor)
        letters.tell_role(row, "taken")
        return found


class Resources(ApiView):
    @operation("What rights can be about", answer=list[Word])
    def get(self, request: Request) -> list[Word]:
        return [Word(name=name) for name in vocabulary.words(RESOURCE)]

    @operation("Add something rights can be about", body=Word, answer=Word)
    def post(self, request: Request, body: Word) -> Word:
        """One that is there already is no error."""
        return Word(name=vocabulary.add_word(RESOURCE, body.name, self.actor))


class ResourceOne(ApiView):
    @operation("Remove an added resource that nothing uses", answer=Word)
    def delete(self, request: Request, name: str) -> Word:
        vocabulary.remove_word(RESOURCE, name, self.actor)
        return Word(name=name)


class Operations(ApiView):
    @operation("What rights can allow", answer=list[Word])
    def get(self, request: Request) -> list[Word]:
        return [Word(name=name) for name in vocabulary.words(OPERATION)]

    @operation("Add something rights can allow", body=Word, answer=Word)
    def post(self, request: Request, body: Word) -> Word:
        """One that is there already is no error."""
        return Word(name=vocabulary.add_word(OPERATION, body.name, self.actor))


class OperationOne(ApiView):
    @operation("Remove an added operation that nothing uses", answer=Word)
    def delete(self, request: Request, name: str) -> Word:
        vocabulary.remove_word(OPERATION, name, self.actor)
        return Word(name=name)


class Permissions(ApiView):
    @operation("The rights there are", answer=list[PermissionDetail])
    def get(self, request: Request) -> list[PermissionDetail]:
        return vocabulary.permissions()

    @operation("Add a right", body=PermissionDetail, answer=PermissionDetail)
    def post(self, request: Request, body: PermissionDetail) -> PermissionDetail:
        return vocabulary.add_permission(body, self.actor)

    @operation("Remove an added right that no role has", query=PermissionQuery, answer=PermissionDetail)
    def delete(self, request: Request, query: PermissionQuery) -> PermissionDetail:
        return vocabulary.remove_permission(query, self.actor)


class GroupRoles(ApiView):
    @operation("Roles of a user group: none, as groups carry no rights", answer=list[SubjectRoleDetail])
    def get(self, request: Request, pk: int) -> list[SubjectRoleDetail]:
        role_reads.group(pk)
        return []

    @operation("Give a user group roles", body=list[SubjectRoleDetail], answer=list[SubjectRoleDetail])
    def put(self, request: Request, pk: int, body: list[SubjectRoleDetail]) -> list[SubjectRoleDetail]:
        """Only none can be given: groups carry no rights, their members do."""
        role_reads.group(pk)
        self.actor.require_super()
        if body:
            raise Refused(INVALID_INPUT(name="roles", value="groups carry no rights"))
        return []


def _told(pk: int, verb: str) -> SubjectRoleDetail:
    """The role as it is now, after telling those whom it concerns."""
    rows = SubjectRole.objects.select_related("user", "role", "site", "protocol")
    letters.tell_role(rows.get(pk=pk), verb)
    return _detail(pk)


def _detail(pk: int) -> SubjectRoleDetail:
    return role_reads.subject_role_details(SubjectRole.objects.filter(pk=pk))[0]
