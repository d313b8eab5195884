"""What is in a cart: one statement whatever the number of specimens (spec 03 §4.3)."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from biobank.access import Actor
from biobank.records import stamp
from specimens.cart.models import Cart, CartItem, PickedSpecimen
from specimens.cart.reads.contents import readable
from specimens.specimen.reads import specimens_for

# Two requests that add the same specimen at once add it once; each counts what it added itself.
_ADD = """
    INSERT INTO cart_cartitem (cart_id, specimen_id)
    SELECT wanted.cart, wanted.specimen
    FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS wanted (cart, specimen, place)
    ORDER BY wanted.place
    ON CONFLICT (cart_id, specimen_id) DO NOTHING
"""
_ADD_BELOW = """
    WITH RECURSIVE below AS (
      SELECT child.id FROM specimen_specimen child
      JOIN cart_cartitem item ON item.specimen_id = child.parent_id AND item.cart_id = %s
      UNION
      SELECT child.id FROM specimen_specimen child JOIN below ON child.parent_id = below.id)
    INSERT INTO cart_cartitem (cart_id, specimen_id)
    SELECT %s, below.id FROM below WHERE below.id IN ({readable}) ORDER BY below.id
    ON CONFLICT (cart_id, specimen_id) DO NOTHING
"""


def add_items(pairs: Sequence[tuple[int, int]]) -> int:
    """Put specimens into carts, as (cart, specimen); answers how many were not there yet."""
    if not pairs:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [list(column) for column in zip(*pairs, strict=True)])
        return int(cursor.rowcount)


def add(row: Cart, ids: Sequence[int], actor: Actor) -> int:
    """Put specimens into a cart; answers how many were not there yet. Raises SPECIMEN_LIST_INVALID_SPECIMENS."""
    wanted = readable(ids, actor)
    with transaction.atomic():
        stamp(actor)
        touch(row)
        return add_items([(row.pk, pk) for pk in wanted])


def remove(row: Cart, ids: Sequence[int], actor: Actor) -> int:
    """Take specimens out of a cart, and off its pick lists; answers how many were there.

    Raises SPECIMEN_LIST_INVALID_SPECIMENS.
    """
    wanted = readable(ids, actor)
    with transaction.atomic():
        stamp(actor)
        touch(row)
        PickedSpecimen.objects.filter(pick_list__cart=row, specimen__in=wanted).delete()
        return CartItem.objects.filter(cart=row, specimen__in=wanted).delete()[0]


def add_children(row: Cart, actor: Actor) -> int:
    """Put in everything that was made of the cart's specimens and that the caller may read; answers how many."""
    scope, values = specimens_for(actor).values("pk").query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor:
        stamp(actor)
        touch(row)
        cursor.execute(_ADD_BELOW.format(readable=scope), [row.pk, row.pk, *values])
        return int(cursor.rowcount)


def touch(row: Cart) -> None:
    """The cart is changed now. Comes first: requests that change one cart wait for each other here, not later."""
    Cart.objects.filter(pk=row.pk).update(last_updated_on=timezone.now())
