"""Writing pick lists (spec 03 §4.4)."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import refuse_if
from sessions_auth.actor import system_actor
from sites.rules import too_long
from specimens.cart import rules
from specimens.cart.models import Cart, PickedSpecimen, PickList

_PICK = """
    INSERT INTO cart_pickedspecimen (pick_list_id, specimen_id, picked_by_id, pickup_time)
    SELECT %s, wanted.id, %s, %s FROM unnest(%s::bigint[]) AS wanted (id)
    ON CONFLICT (pick_list_id, specimen_id) DO NOTHING
"""


def _named(name: str | None) -> str:
    """Raises SPECIMEN_LIST_PICK_LIST_NAME_REQ, COMMON_VALUE_TOO_LONG."""
    refuse_if([rules.PICK_LIST_NAME_REQUIRED()] if not name else too_long(name=(name, 255)))
    return name or ""


def create_pick_list(row: Cart, name: str | None, actor: Actor) -> PickList:
    """Begin a round of fetching."""
    made = PickList(cart=row, name=_named(name), creator_id=actor.user_id)
    with transaction.atomic():
        stamp(actor)
        made.save()
    return made


def rename_pick_list(row: PickList, name: str | None, actor: Actor) -> None:
    row.name, row.last_used = _named(name), timezone.now()
    with transaction.atomic():
        stamp(actor)
        row.save(update_fields=["name", "last_used"])


def delete_pick_list(row: PickList, actor: Actor) -> None:
    """Forget a pick list; the cart stays as it is."""
    with transaction.atomic():
        stamp(actor)
        PickList.objects.filter(pk=row.pk).delete()


def pick(row: PickList, ids: Sequence[int], actor: Actor, *, fetched: bool) -> None:
    """Mark specimens as fetched, or as still to be fetched; who fetched first stays."""
    with transaction.atomic():
        stamp(actor)
        PickList.objects.filter(pk=row.pk).update(last_used=timezone.now())  # others wait here, not below
        if fetched:
            with connection.cursor() as cursor:
                cursor.execute(_PICK, [row.pk, actor.user_id, timezone.now(), list(ids)])
        else:
            PickedSpecimen.objects.filter(pick_list=row, specimen__in=ids).delete()


def forget_idle() -> int:
    """Remove pick lists that nobody used for 90 days; answers how many."""
    past = timezone.now() - timedelta(days=rules.IDLE_DAYS)
    with transaction.atomic():
        stamp(system_actor())
        idle = PickList.objects.filter(last_used__lt=past)
        count = idle.count()
        idle.delete()
    return count
