"""The door of folders, and what is in them (spec 03 §4.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, Problem, refuse_if
from sites.rules import too_long
from specimens.cart import rules
from specimens.cart.detail import CartFolderDetail
from specimens.cart.models import CartFolder
from specimens.cart.reads.scopes import Reachable, known_folders, reachable
from specimens.cart.writes.known import Groups, load_groups

_COLUMNS = ("name", "description", "activity_status")


class FolderRemoval(CartFolderDetail):
    """A folder that is to be deleted."""


@dataclass(slots=True)
class FolderPlan:
    """A folder as it will be; carts are only added."""

    row: CartFolder
    new: bool
    groups: list[int] | None = None
    carts: Sequence[int] = ()


def plan_folders(changes: Sequence[Change[CartFolderDetail]], actor: Actor) -> list[FolderPlan | Refusal]:
    """Decide what each folder would become."""
    stored = known_folders().in_bulk([change.pk for change in changes if change.pk is not None])
    groups = load_groups(ref for change in changes for ref in change.detail.user_groups or ())
    carts = reachable(actor, (pk for change in changes for pk in change.detail.cart_ids or ()))
    return [_plan(change, stored, groups, carts, actor) for change in changes]


def _plan(
    change: Change[CartFolderDetail],
    stored: dict[int, CartFolder],
    known: Groups,
    carts: Reachable,
    actor: Actor,
) -> FolderPlan | Refusal:
    detail = change.detail
    row = CartFolder(owner_id=actor.user_id) if change.pk is None else stored.get(change.pk)
    if row is None:
        return Refusal((rules.FOLDER_NOT_FOUND.missing(key=change.pk),))
    if not actor.is_super and row.owner_id != actor.user_id:
        return Refusal((ACCESS_DENIED(),))
    if isinstance(detail, FolderRemoval):
        row.activity_status = "Disabled"
        return FolderPlan(row, new=False)
    problems: list[Problem] = [*too_long(name=(detail.name, 255))]
    if not detail.name:
        problems.append(rules.FOLDER_NAME_REQUIRED())
    refs = detail.user_groups or []
    groups = [known.find(ref) for ref in refs]
    missing = [ref.id or ref.name for ref, one in zip(refs, groups, strict=True) if one is None]
    if missing:
        problems.append(rules.INVALID_GROUPS(keys=rules.few(missing)))
    problems += carts.problems(detail.cart_ids or ())
    if problems:
        return Refusal(tuple(problems))
    row.name, row.description = detail.name or "", detail.description or None
    return FolderPlan(
        row,
        row.pk is None,
        [one for one in groups if one is not None],
        list(dict.fromkeys(detail.cart_ids or ())),
    )


def apply_folders(plans: Sequence[FolderPlan], actor: Actor) -> list[int]:
    """Write the planned folders, their groups and the carts put into them; a fixed number of statements."""
    insert([plan.row for plan in plans if plan.new])
    update([plan.row for plan in plans if not plan.new], _COLUMNS)
    groups, carts = CartFolder.user_groups.through, CartFolder.carts.through
    given = [plan for plan in plans if plan.groups is not None]
    groups._default_manager.filter(cartfolder__in=[plan.row.pk for plan in given]).delete()
    groups._default_manager.bulk_create(
        [groups(cartfolder_id=plan.row.pk, usergroup_id=pk) for plan in given for pk in plan.groups or ()],
        ignore_conflicts=True,
    )
    carts._default_manager.bulk_create(
        [carts(cartfolder_id=plan.row.pk, cart_id=pk) for plan in plans for pk in plan.carts],
        ignore_conflicts=True,
    )
    return [plan.row.pk for plan in plans]


FOLDERS: Door[CartFolderDetail, FolderPlan] = Door("cart folder", plan_folders, apply_folders)


def delete_folder(pk: int, actor: Actor) -> int:
    """Delete a folder; the carts in it stay."""
    return FOLDERS.write_one(FolderRemoval(), actor, pk)


def change_carts(row: CartFolder, ids: Sequence[int], operation: str, actor: Actor) -> int:
    """Put carts into a folder or take them out; answers how many were put in or taken out.

    Raises SPECIMEN_LIST_NOT_FOUND, SPECIMEN_LIST_ACCESS_NOT_ALLOWED for carts to be put in.
    """
    wanted = list(dict.fromkeys(ids))
    if operation == rules.ADD:
        refuse_if(reachable(actor, wanted).problems(wanted))
    link = CartFolder.carts.through
    inside = link._default_manager.filter(cartfolder=row)
    with transaction.atomic():
        stamp(actor)
        CartFolder.objects.select_for_update(no_key=True).get(pk=row.pk)  # so that the counts are true
        if operation == rules.REMOVE:
            return inside.filter(cart__in=wanted).delete()[0]
        there = set(inside.filter(cart__in=wanted).values_list("cart", flat=True))
        fresh = [pk for pk in wanted if pk not in there]
        link._default_manager.bulk_create([link(cartfolder_id=row.pk, cart_id=pk) for pk in fresh])
        return len(fresh)
