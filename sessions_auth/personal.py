"""What belongs to one user alone: notifications and favourites (spec 01 §C.11)."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from biobank.wire.detail import Instant, Payload, SparseDetail, Text
from biobank.wire.errors import INVALID_REQUEST, Code, Refused, refuse_if
from sessions_auth.models import Favorite, Notification
from sites.rules import too_long

FAVORITE_NOT_FOUND = Code("USER_FAVORITE_NOT_FOUND", "There is no such favourite: {key}")
KEPT_FOR = timedelta(days=90)
MOST_FAVORITES = 1000


class NotificationDetail(SparseDetail):
    """Something the user was told; `status` is UNREAD or READ."""

    message: Text = None
    creation_time: Instant = None
    status: Text = None


class NotificationQuery(Payload):
    """`notifsBefore`: those that are not younger, all when it is left out."""

    notifs_before: Instant = None


class FavoriteDetail(SparseDetail):
    title: Text = None
    view_url: Text = None


def notifications(user_id: int) -> QuerySet[Notification]:
    """What a user was told, newest first."""
    return Notification.objects.filter(user=user_id).order_by("-id")


def notification_detail(row: Notification) -> NotificationDetail:
    return NotificationDetail(
        id=row.pk, message=row.message, creation_time=row.at, status="READ" if row.read_at else "UNREAD"
    )


def unread(user_id: int) -> QuerySet[Notification]:
    return Notification.objects.filter(user=user_id, read_at=None)


def mark_read(user_id: int, before: datetime | None) -> int:
    """Mark the user's notifications as read; returns how many became it."""
    rows = unread(user_id)
    return (rows.filter(at__lte=before) if before else rows).update(read_at=timezone.now())


def forget_old() -> int:
    """Remove notifications that are past their time; returns how many."""
    return Notification.objects.filter(at__lt=timezone.now() - KEPT_FOR).delete()[0]


def favorites(user_id: int) -> QuerySet[Favorite]:
    return Favorite.objects.filter(user=user_id).order_by("pk")


def favorite_detail(row: Favorite) -> FavoriteDetail:
    return FavoriteDetail(id=row.pk, title=row.title, view_url=row.view_url)


def add_favorite(user_id: int, wish: FavoriteDetail) -> Favorite:
    """Remember a page for the user; one that is remembered gets the new title."""
    url, title = wish.view_url, wish.title or wish.view_url
    if not url or not title:
        raise Refused(INVALID_REQUEST(reason="viewUrl is missing"))
    refuse_if(too_long(viewUrl=(url, 2000), title=(title, 255)))
    if favorites(user_id).count() >= MOST_FAVORITES:
        raise Refused(INVALID_REQUEST(reason=f"there are {MOST_FAVORITES} favourites already"))
    try:
        with transaction.atomic():
            return Favorite.objects.update_or_create(
                user_id=user_id, view_url=url, defaults={"title": title}
            )[0]
    except IntegrityError:  # the same page, added by two requests at once
        return Favorite.objects.get(user=user_id, view_url=url)


def remove_favorite(user_id: int, pk: int) -> FavoriteDetail:
    """Forget a page of the user. Raises USER_FAVORITE_NOT_FOUND."""
    row = favorites(user_id).filter(pk=pk).first()
    if row is None:
        raise Refused(FAVORITE_NOT_FOUND.missing(key=pk))
    found = favorite_detail(row)
    row.delete()
    return found
