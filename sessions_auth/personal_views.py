"""`/user-notifications`, `/user-favorites`, and the custom forms of users (spec 01 §C.4, §C.11)."""

from rest_framework.request import Request

from biobank.access import Actor
from biobank.wire.errors import INVALID_INPUT, Refused
from biobank.wire.forms import FormRecords, LevelQuery, forms_of, records_of
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count, Paged
from biobank.wire.status import Effect
from sessions_auth import personal, reads
from sessions_auth.models import User
from sessions_auth.personal import FavoriteDetail, NotificationDetail, NotificationQuery

LEVELS = ("User", "UserProfile")


class Notifications(ApiView):
    @operation("What the caller was told, newest first", query=Paged, answer=list[NotificationDetail])
    def get(self, request: Request, query: Paged) -> list[NotificationDetail]:
        rows = query.page(personal.notifications(self.actor.user_id))
        return [personal.notification_detail(row) for row in rows]


class UnreadCount(ApiView):
    @operation("How many notifications the caller has not read", answer=Count)
    def get(self, request: Request) -> Count:
        return Count(count=personal.unread(self.actor.user_id).count())


class MarkAsRead(ApiView):
    @operation("Mark notifications as read", query=NotificationQuery, answer=Count, effect=Effect.ACTION)
    def put(self, request: Request, query: NotificationQuery) -> Count:
        """Answers how many became it."""
        return Count(count=personal.mark_read(self.actor.user_id, query.notifs_before))


class Favorites(ApiView):
    @operation("Pages the caller wants to find again", answer=list[FavoriteDetail])
    def get(self, request: Request) -> list[FavoriteDetail]:
        return [personal.favorite_detail(row) for row in personal.favorites(self.actor.user_id)]

    @operation("Remember a page", body=FavoriteDetail, answer=FavoriteDetail)
    def post(self, request: Request, body: FavoriteDetail) -> FavoriteDetail:
        return personal.favorite_detail(personal.add_favorite(self.actor.user_id, body))


class FavoriteOne(ApiView):
    @operation("Forget a page", answer=FavoriteDetail)
    def delete(self, request: Request, pk: int) -> FavoriteDetail:
        return personal.remove_favorite(self.actor.user_id, pk)


# --- Custom forms ---


def _readable(actor: Actor, pk: int) -> User:
    return reads.user(pk)


UserForms = forms_of(_readable, "user", LEVELS)
UserFormRecords = records_of(_readable, "user")


class UserRecords(ApiView):
    @operation("Records of all forms of a user", query=LevelQuery, answer=list[FormRecords])
    def get(self, request: Request, pk: int, query: LevelQuery) -> list[FormRecords]:
        if query.entity_type and query.entity_type not in LEVELS:
            raise Refused(INVALID_INPUT(name="entityType", value=query.entity_type))
        reads.user(pk)
        return []
