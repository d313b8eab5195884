"""`/user-groups` (spec 01 §C.11)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from sessions_auth.detail import UserSummary, YesNo
from sessions_auth.groups import reads, writes
from sessions_auth.groups.detail import (
    MemberOfQuery,
    MembershipQuery,
    UserGroupDetail,
    UserGroupOneQuery,
    UserGroupQuery,
)


class Groups(ApiView):
    @operation("User groups", query=UserGroupQuery, answer=list[UserGroupDetail])
    def get(self, request: Request, query: UserGroupQuery) -> list[UserGroupDetail]:
        """Those of the caller's institute; of all with `listAll`, and for super administrators."""
        rows = query.page(reads.listed(query, self.actor))
        return reads.details(rows, stats=bool(query.include_stats))

    @operation("Create a user group", body=UserGroupDetail, answer=UserGroupDetail)
    def post(self, request: Request, body: UserGroupDetail) -> UserGroupDetail:
        return reads.with_users(writes.GROUPS.write_one(body, self.actor))


class GroupCount(ApiView):
    @operation("How many user groups match", query=UserGroupQuery, answer=Count)
    def get(self, request: Request, query: UserGroupQuery) -> Count:
        return Count(count=reads.listed(query, self.actor).count())


class GroupOne(ApiView):
    @operation("A user group", query=UserGroupOneQuery, answer=UserGroupDetail)
    def get(self, request: Request, pk: int, query: UserGroupOneQuery) -> UserGroupDetail:
        row = reads.group(pk)
        return reads.with_users(pk) if query.include_users else reads.details([row], stats=True)[0]

    @operation("Replace a user group", body=UserGroupDetail, answer=UserGroupDetail)
    def put(self, request: Request, pk: int, body: UserGroupDetail) -> UserGroupDetail:
        return reads.with_users(writes.GROUPS.write_one(body, self.actor, pk))

    @operation("Delete a user group", answer=UserGroupDetail)
    def delete(self, request: Request, pk: int) -> UserGroupDetail:
        writes.delete_group(pk, self.actor)
        return reads.with_users(pk)


class GroupUsers(ApiView):
    @operation("Add or remove members", query=MembershipQuery, body=list[UserSummary], answer=UserGroupDetail)
    def put(
        self, request: Request, pk: int, query: MembershipQuery, body: list[UserSummary]
    ) -> UserGroupDetail:
        writes.change_members(pk, query.op, body, self.actor)
        return reads.with_users(pk)


class MemberOf(ApiView):
    @operation("Whether the caller is in a group", query=MemberOfQuery, answer=YesNo)
    def get(self, request: Request, query: MemberOfQuery) -> YesNo:
        return YesNo(status=reads.is_member(query.group_name, self.actor.user_id))
