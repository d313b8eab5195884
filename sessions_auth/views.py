"""`/users` (spec 01 §C.4 - §C.9)."""

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request

from biobank.configuration.reads import flag, number
from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from sessions_auth import expiry, letters, mail, reads, rules, signin, writes
from sessions_auth.actor import system_actor
from sessions_auth.authentication import token_of
from sessions_auth.detail import (
    Announcement,
    BulkUsers,
    StatusChange,
    SubjectRoleDetail,
    UserDetail,
    UserQuery,
    UserSummary,
)
from sessions_auth.models import User
from sessions_auth.resources import LOCAL_DOMAIN
from sessions_auth.role_reads import roles_of
from sites.detail import DeleteQuery, Dependents, InstituteDetail
from sites.reads import institute_details


class UserList(ApiView):
    @operation("Users", query=UserQuery, answer=list[UserSummary])
    def get(self, request: Request, query: UserQuery) -> list[UserSummary]:
        """Sorted by first and last name; the offset is called `start` here."""
        first, last = query.bounds()
        rows = list(reads.listed(query, self.actor)[first:last])
        counts = reads.protocol_counts([row.pk for row in rows]) if query.include_stats else {}
        return [reads.summary(row, cp_count=counts.get(row.pk, 0)) for row in rows]

    @operation("Create a user", body=UserDetail, answer=UserDetail)
    def post(self, request: Request, body: UserDetail) -> UserDetail:
        """The new user gets a mail with a link to choose a password."""
        pk = writes.USERS.write_one(body, self.actor)
        letters.invite([pk])
        return reads.details([pk])[0]

    @operation("Delete users", query=DeleteQuery, answer=list[UserDetail])
    def delete(self, request: Request, query: DeleteQuery) -> list[UserDetail]:
        gone = UserDetail(activity_status="Disabled")
        return _changed(query.id or [], gone, self)


class UserCount(ApiView):
    @operation("How many users match", query=UserQuery, answer=Count)
    def get(self, request: Request, query: UserQuery) -> Count:
        return Count(count=reads.listed(query, self.actor).count())


class UserOne(ApiView):
    @operation("A user", answer=UserDetail)
    def get(self, request: Request, pk: int) -> UserDetail:
        return reads.detail_of(reads.user(pk))

    @operation("Replace a user", body=UserDetail, answer=UserDetail)
    def put(self, request: Request, pk: int, body: UserDetail) -> UserDetail:
        return _changed([pk], writes.whole(body), self)[0]

    @operation("Change the keys that are sent", body=UserDetail, answer=UserDetail)
    def patch(self, request: Request, pk: int, body: UserDetail) -> UserDetail:
        return _changed([pk], body, self)[0]

    @operation("Delete a user", answer=UserDetail)
    def delete(self, request: Request, pk: int) -> UserDetail:
        return _changed([pk], UserDetail(activity_status="Disabled"), self)[0]


class UserById(ApiView):
    @operation("A user", answer=UserDetail)
    def get(self, request: Request, pk: int) -> UserDetail:
        return reads.detail_of(reads.user(pk))


class UserStatus(ApiView):
    @operation("Lock, unlock, approve, close or delete a user", body=StatusChange, answer=UserDetail)
    def put(self, request: Request, pk: int, body: StatusChange) -> UserDetail:
        status = rules.user_status(body.activity_status)
        if not body.activity_status or status not in rules.SETTABLE_STATUSES:
            raise Refused(rules.STATUS_CHANGE_NOT_ALLOWED(value=body.activity_status))
        if reads.user(pk).activity_status == status:
            return reads.details([pk])[0]
        return _changed([pk], UserDetail(activity_status=status), self)[0]


class UserBulkUpdate(ApiView):
    @operation("The same change for several users", body=BulkUsers, answer=list[UserDetail])
    def put(self, request: Request, body: BulkUsers) -> list[UserDetail]:
        if not body.ids and not body.names:
            raise Refused(rules.USER_NAME_REQUIRED())
        wanted = [UserSummary(email_address=name) for name in body.names or []]
        found = reads.load_users(wanted)
        missing = [ref.email_address for ref in wanted if found.find(ref) is None]
        if missing:
            raise Refused(rules.SOME_NOT_FOUND.missing(key=", ".join(str(name) for name in missing)))
        named = [user.pk for ref in wanted if (user := found.find(ref)) is not None]
        patch = writes.bulk_patch(body.detail)
        return _changed([*(body.ids or []), *named], patch, self)


class UserDependents(ApiView):
    @operation("What keeps a user from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        return reads.dependents([reads.user(pk).pk])[pk]


class UserInstitute(ApiView):
    @operation("The institute of a user", answer=InstituteDetail)
    def get(self, request: Request, pk: int) -> InstituteDetail:
        return institute_details([reads.user(pk).institute])[0]


class CurrentUser(ApiView):
    @operation("Who is calling", answer=UserSummary)
    def get(self, request: Request) -> UserSummary:
        user = reads.user(self.actor.user_id)
        found = reads.summary(user)
        found.impersonated = True if self.actor.impersonated_by is not None else None
        found.days_before_password_expiry = expiry.days_left(user)
        return found


class CurrentUserRoles(ApiView):
    @operation("Roles of the caller", answer=list[SubjectRoleDetail])
    def get(self, request: Request) -> list[SubjectRoleDetail]:
        return roles_of(self.actor.user_id)


class CurrentUserState(ApiView):
    @operation("What the user interface keeps for the caller", answer=dict[str, Any])
    def get(self, request: Request) -> dict[str, Any]:
        state = User.objects.values_list("ui_state", flat=True).get(pk=self.actor.user_id)
        return {**state, "authToken": token_of(request)}

    @operation("Merge keys into what is kept", body=dict, answer=dict[str, Any])
    def put(self, request: Request, body: object) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise Refused(INVALID_REQUEST(reason="an object is expected"))
        return writes.keep_ui_state(self.actor.user_id, body)


class SignUp(ApiView):
    @operation("Ask for an account", body=UserDetail, answer=UserDetail, public=True)
    def post(self, request: Request, body: UserDetail) -> UserDetail:
        """The account is `Pending` until an administrator approves it, unless a setting approves everybody."""
        if not flag("administrative", "user_sign_up"):
            raise Refused(rules.SIGN_UP_NOT_ALLOWED())
        local = (body.domain_name or "").lower() == LOCAL_DOMAIN
        if local and not flag("administrative", "local_account_signups"):
            raise Refused(rules.LOCAL_SIGN_UP_NA())
        pk = writes.USERS.write_one(writes.applicant(body), system_actor("sign-up"))
        if flag("administrative", "auto_approve_sign_ups"):
            before = letters.statuses([pk])
            writes.change_all([pk], UserDetail(activity_status="Active"), system_actor("sign-up"))
            letters.tell_changes(before)
        else:
            user = User.objects.get(pk=pk)
            mail.signed_up(user, signin.administrators(user))
        return reads.details([pk])[0]


class Announcements(ApiView):
    @operation("Mail all recently active users", body=Announcement, answer=bool, effect=Effect.ACTION)
    def post(self, request: Request, body: Announcement) -> bool:
        self.actor.require_super()
        missing = [] if body.subject else [rules.ANN_SUBJECT_REQ()]
        missing += [] if body.message else [rules.ANN_MESSAGE_REQ()]
        if missing:
            raise Refused(*missing)
        active = reads.recently_active(number("administrative", "active_users_login_days"))
        mail.send(body.subject or "", body.message or "", active)
        return True


def _changed(pks: Sequence[int], detail: UserDetail, view: ApiView) -> list[UserDetail]:
    """The same change for users, all or none, and the mails that go with it."""
    before = letters.statuses(pks)
    written = writes.change_all(pks, detail, view.actor)
    letters.tell_changes(before)
    return reads.details(written)
