"""The door of carts: create, replace, change, delete (spec 03 §4.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models.functions import Lower
from django.utils import timezone

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.records import disable
from biobank.wire.errors import INVALID_INPUT, Problem
from sessions_auth.reads import Users, load_users
from specimens.cart import rules
from specimens.cart.detail import CartDetail, CartPatch
from specimens.cart.models import Cart
from specimens.cart.reads.scopes import carts_for, known_carts
from specimens.cart.writes.contents import add_items
from specimens.cart.writes.known import Groups, load_groups
from specimens.cart.writes.sharing import save_sharing
from specimens.specimen.reads import specimens_for

_COLUMNS = ("name", "description", "owner_id", "send_digest_notifs", "last_updated_on", "activity_status")


class CartRemoval(CartDetail):
    """A cart that is to be deleted."""


@dataclass(slots=True)
class CartPlan:
    """A cart as it will be; sharing that is None stays as it is."""

    row: Cart
    new: bool = False
    gone: bool = False
    people: list[int] | None = None
    groups: list[int] | None = None
    specimens: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch of carts: one query each."""

    stored: dict[int, Cart]
    allowed: set[int]
    names: dict[str, int]
    users: Users
    groups: Groups
    specimens: set[int]
    actor: Actor


def plan_carts(changes: Sequence[Change[CartDetail]], actor: Actor) -> list[CartPlan | Refusal]:
    """Decide what each cart would become; rows of the batch see each other."""
    details = [change.detail for change in changes]
    pks = [change.pk for change in changes if change.pk is not None]
    names = {(detail.name or "").lower() for detail in details} - {""}
    taken = Cart.objects.annotate(low=Lower("name")).filter(low__in=names)
    specimens = {pk for detail in details for pk in detail.specimen_ids or ()}
    known = _Known(
        stored=known_carts().select_for_update(no_key=True).in_bulk(pks) if pks else {},
        allowed=set(carts_for(actor).filter(pk__in=pks).values_list("pk", flat=True)) if pks else set(),
        names=dict(taken.values_list("low", "pk")) if names else {},
        users=load_users(
            [ref for detail in details for ref in detail.shared_with or ()] + [d.owner for d in details]
        ),
        groups=load_groups(ref for detail in details for ref in detail.shared_with_groups or ()),
        specimens=set(specimens_for(actor).filter(pk__in=specimens).values_list("pk", flat=True))
        if specimens
        else set(),
        actor=actor,
    )
    return [_plan(change, known) for change in changes]


def _plan(change: Change[CartDetail], known: _Known) -> CartPlan | Refusal:
    detail, actor = change.detail, known.actor
    row = Cart(owner_id=actor.user_id) if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((rules.NOT_FOUND.missing(key=change.pk),))
    if row.pk is not None and row.pk not in known.allowed:
        return Refusal((rules.ACCESS_NOT_ALLOWED(),))
    if isinstance(detail, CartRemoval):
        return CartPlan(row, gone=True)
    sent = detail.model_fields_set if isinstance(detail, CartPatch) else set(CartDetail.model_fields)
    plan = CartPlan(row, new=row.pk is None)
    problems = [*_named(row, detail, sent, known), *_owned(row, detail, known)]
    if "description" in sent:
        row.description = detail.description or None
    if "send_digest_notifs" in sent:
        row.send_digest_notifs = bool(detail.send_digest_notifs)
    problems += _shared(plan, detail, sent, known)
    plan.specimens = list(dict.fromkeys(detail.specimen_ids or ()))
    unknown = [pk for pk in plan.specimens if pk not in known.specimens]
    if unknown:
        problems.append(rules.INVALID_SPECIMENS(ids=rules.few(unknown)))
    return Refusal(tuple(problems)) if problems else plan


def _named(row: Cart, detail: CartDetail, sent: set[str], known: _Known) -> Iterator[Problem]:
    if "name" not in sent:
        return
    name = detail.name or ""
    wrong = list(rules.name_problems(name, row.name or None))
    if not wrong and known.names.get(name.lower(), row.pk) != row.pk:
        wrong.append(rules.DUP_NAME(name=name))
    if not wrong:
        row.name = name
        known.names[name.lower()] = row.pk or -1
    yield from wrong


def _owned(row: Cart, detail: CartDetail, known: _Known) -> Iterator[Problem]:
    """Whose cart it will be: a change may give it away, where it is the caller's to give."""
    if not isinstance(detail, CartPatch) or not detail.sent("owner"):
        return
    owner = known.users.find(detail.owner) if detail.owner is not None else None
    if detail.owner is None:
        yield rules.OWNER_REQUIRED()
    elif owner is None:
        yield rules.OWNER_NOT_FOUND(key=detail.owner.id or detail.owner.email_address)
    elif owner.pk != row.owner_id:
        if not known.actor.is_super and row.owner_id != known.actor.user_id:
            yield rules.ACCESS_NOT_ALLOWED()
        elif rules.is_reserved(row.name):
            yield INVALID_INPUT(name="owner", value=owner.pk)
        else:
            row.owner_id = owner.pk


def _shared(plan: CartPlan, detail: CartDetail, sent: set[str], known: _Known) -> Iterator[Problem]:
    if "shared_with" in sent:
        refs = detail.shared_with or []
        people = [known.users.find(ref) for ref in refs]
        unknown = [ref.id or ref.email_address for ref, one in zip(refs, people, strict=True) if one is None]
        if unknown:
            yield rules.INVALID_USERS(keys=rules.few(unknown))
        plan.people = [one.pk for one in people if one is not None and one.pk != plan.row.owner_id]
    if "shared_with_groups" in sent:
        given = detail.shared_with_groups or []
        groups = [known.groups.find(ref) for ref in given]
        missing = [ref.id or ref.name for ref, one in zip(given, groups, strict=True) if one is None]
        if missing:
            yield rules.INVALID_GROUPS(keys=rules.few(missing))
        plan.groups = [one for one in groups if one is not None]


def apply_carts(plans: Sequence[CartPlan], actor: Actor) -> list[int]:
    """Write the planned carts, their sharing and what is added to them; a fixed number of statements."""
    disable([plan.row for plan in plans if plan.gone], name=255)
    for plan in plans:
        plan.row.last_updated_on = timezone.now()
    insert([plan.row for plan in plans if plan.new])
    update([plan.row for plan in plans if not plan.new], _COLUMNS)
    save_sharing(
        {plan.row.pk: plan.people for plan in plans if plan.people is not None},
        {plan.row.pk: plan.groups for plan in plans if plan.groups is not None},
        actor,
    )
    add_items([(plan.row.pk, pk) for plan in plans for pk in plan.specimens])
    return [plan.row.pk for plan in plans]


CARTS: Door[CartDetail, CartPlan] = Door("cart", plan_carts, apply_carts)


def delete_carts(pks: Sequence[int], actor: Actor) -> list[int]:
    """Delete carts, all or none; their names are free again."""
    return CARTS.write([Change(CartRemoval(), pk) for pk in pks], actor)
