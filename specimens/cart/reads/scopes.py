"""Who may see which carts and folders (spec 03 §4.3, §4.4), and the caller's default cart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, Problem, Refused
from sessions_auth.models import UserGroup
from specimens.cart import rules
from specimens.cart.models import Cart, CartFolder

DEFAULT = 0  # as an id in a path: the caller's default cart


def known_carts() -> QuerySet[Cart]:
    """Carts that were not deleted."""
    return Cart.objects.exclude(activity_status="Disabled")


def carts_for(actor: Actor) -> QuerySet[Cart]:
    """The carts a caller may read and change: their own, and those shared with them; super users all."""
    rows = known_carts()
    if actor.is_super:
        return rows
    people = Cart.shared_with.through._default_manager.filter(cart=OuterRef("pk"), user=actor.user_id)
    groups = Cart.shared_with_groups.through._default_manager.filter(
        cart=OuterRef("pk"), usergroup__in=groups_of(actor.user_id)
    )
    return rows.filter(Q(owner=actor.user_id) | Exists(people) | Exists(groups))


def groups_of(user_id: int) -> QuerySet[UserGroup]:
    """The groups a user is a member of."""
    return UserGroup.objects.exclude(activity_status="Disabled").filter(users=user_id)


def cart(actor: Actor, pk: int) -> Cart:
    """The cart that a path addresses; 0 is the caller's default cart, made when there is none yet.

    Raises SPECIMEN_LIST_NOT_FOUND, then SPECIMEN_LIST_ACCESS_NOT_ALLOWED.
    """
    if pk == DEFAULT:
        return default_cart(actor)
    found = known_carts().select_related("owner").filter(pk=pk).first()
    if found is None:
        raise Refused(rules.NOT_FOUND.missing(key=pk))
    if not actor.is_super and found.owner_id != actor.user_id and not carts_for(actor).filter(pk=pk).exists():
        raise Refused(rules.ACCESS_NOT_ALLOWED())
    return found


def default_cart(actor: Actor) -> Cart:
    """The caller's default cart; two requests at once make one."""
    name = rules.default_name(actor.user_id)
    mine = known_carts().select_related("owner").filter(name=name, owner=actor.user_id)
    found = mine.first()
    if found is None:
        with transaction.atomic():
            stamp(actor)
            Cart.objects.bulk_create([Cart(name=name, owner_id=actor.user_id)], ignore_conflicts=True)
        found = mine.get()
    return found


@dataclass(frozen=True, slots=True)
class Reachable:
    """Which of some carts exist, and which of them the caller may use."""

    known: set[int]
    allowed: set[int]

    def problems(self, ids: Iterable[int]) -> Iterator[Problem]:
        """SPECIMEN_LIST_NOT_FOUND, or else SPECIMEN_LIST_ACCESS_NOT_ALLOWED, at most one."""
        wanted = set(ids)
        if missing := wanted - self.known:
            yield rules.NOT_FOUND(key=rules.few(sorted(missing)))
        elif wanted - self.allowed:
            yield rules.ACCESS_NOT_ALLOWED()


def reachable(actor: Actor, ids: Iterable[int]) -> Reachable:
    """What the caller can do with carts that a body names; two queries at most."""
    wanted = set(ids)
    known = set(known_carts().filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
    if actor.is_super or not known:
        return Reachable(known, known)
    return Reachable(known, set(carts_for(actor).filter(pk__in=wanted).values_list("pk", flat=True)))


# --- Folders --------------------------------------------------------------------------------------------


def known_folders() -> QuerySet[CartFolder]:
    """Folders that were not deleted."""
    return CartFolder.objects.exclude(activity_status="Disabled")


def folders_for(actor: Actor) -> QuerySet[CartFolder]:
    """The folders a caller may look into: their own, and those of their groups; super users all."""
    rows = known_folders()
    if actor.is_super:
        return rows
    groups = CartFolder.user_groups.through._default_manager.filter(
        cartfolder=OuterRef("pk"), usergroup__in=groups_of(actor.user_id)
    )
    return rows.filter(Q(owner=actor.user_id) | Exists(groups))


def folder(actor: Actor, pk: int, *, own: bool = False) -> CartFolder:
    """The folder that a path addresses; `own` where only its owner and super users may go on.

    Raises SPECIMEN_LISTS_FOLDER_NOT_FOUND, then RBAC_ACCESS_DENIED.
    """
    found = known_folders().filter(pk=pk).first()
    if found is None:
        raise Refused(rules.FOLDER_NOT_FOUND.missing(key=pk))
    allowed = actor.is_super or found.owner_id == actor.user_id
    if not allowed and (own or not folders_for(actor).filter(pk=pk).exists()):
        raise Refused(ACCESS_DENIED())
    return found
