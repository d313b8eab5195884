"""Who is told that a cart was shared with them, or is no longer (spec 03 §4.3)."""

import logging
from collections.abc import Collection

from celery import current_app
from django.db import transaction

from biobank.access import Actor
from sessions_auth.mail import send
from sessions_auth.models import User
from specimens.cart import rules
from specimens.cart.models import Cart

log = logging.getLogger("biobank.carts")
TASK = "specimens.cart.tasks.tell"


def sharing_changed(
    cart: int, actor: Actor, *, users: tuple[Collection[int], Collection[int]], groups: Collection[int]
) -> None:
    """Have a worker tell the users that joined and those that left, and the members of groups that joined."""
    joined, left = users
    if not (joined or left or groups):
        return
    arguments = [cart, actor.user_id, sorted(joined), sorted(left), sorted(groups)]

    def now() -> None:
        try:
            current_app.send_task(TASK, args=arguments, retry=False)
        except Exception:  # the broker is away; the cart is shared all the same
            log.warning("nobody was told about the sharing of cart %s", cart)

    transaction.on_commit(now)


def tell(cart: int, by: int, joined: Collection[int], left: Collection[int], groups: Collection[int]) -> None:
    """Send the mails; nobody gets one about what they did themselves."""
    row = Cart.objects.select_related("owner").filter(pk=cart).first()
    if row is None:
        return
    default = row.name == rules.default_name(row.owner_id)
    name = f"default cart of {row.owner}" if default else f"cart {row.name}"
    name = " ".join(name.split())  # it stands in a header
    people = User.objects.filter(activity_status="Active").exclude(pk=by)
    here = set(people.filter(pk__in=joined).values_list("email_address", flat=True))
    here |= set(people.filter(user_groups__in=groups).values_list("email_address", flat=True))
    gone = set(people.filter(pk__in=left).values_list("email_address", flat=True)) - here
    send(f"The {name} was shared with you", "You may read and change it from now on.\n", sorted(here))
    send(f"The {name} is no longer shared with you", "You cannot open it any more.\n", sorted(gone))
