"""Folders of saved queries, and with whom they are shared (spec 05 §5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import INVALID_INPUT, Refused
from queries import saved
from queries.access import require
from queries.detail import FolderDetail, FolderSummary, QuerySummary
from queries.errors import (
    FOLDER_NAME_REQUIRED,
    FOLDER_NOT_FOUND,
    OP_NOT_ALLOWED,
    QUERIES_NOT_ACCESSIBLE,
    SHARE_INVALID,
)
from queries.models import QueryFolder, SavedQuery
from sessions_auth.detail import UserSummary
from sessions_auth.models import User

OPERATIONS = ("ADD", "UPDATE", "REMOVE")


def visible(actor: Actor) -> QuerySet[QueryFolder]:
    """The folders the caller may see."""
    require(actor, "Query", "Read")
    rows = QueryFolder.objects.select_related("owner").order_by("name", "pk")
    if actor.is_super:
        return rows
    mine = Q(owner=actor.user_id) | Q(pk__in=saved.shared_folders(actor).values("pk"))
    if actor.is_institute_admin:
        mine |= Q(owner__institute=actor.institute_id)
    return rows.filter(mine)


def folder(pk: int, actor: Actor, *, change: bool = False) -> QueryFolder:
    """A folder by id. Raises `QUERY_FOLDER_NOT_FOUND`, then `QUERY_OP_NOT_ALLOWED`."""
    require(actor, "Query", "Update" if change else "Read")
    found = QueryFolder.objects.select_related("owner").filter(pk=pk).first()
    if found is None:
        raise Refused(FOLDER_NOT_FOUND.missing(id=pk))
    if not visible(actor).filter(pk=pk).exists() or (change and not _may_change(found, actor)):
        raise Refused(OP_NOT_ALLOWED())
    return found


def _may_change(found: QueryFolder, actor: Actor) -> bool:
    if actor.is_super or found.owner_id == actor.user_id:
        return True
    if actor.is_institute_admin and found.owner.institute_id == actor.institute_id:
        return True
    return found.allow_edits_by_shared_users and (
        found.shared_with_all or found.shared_with.filter(pk=actor.user_id).exists()
    )


def summary(found: QueryFolder) -> FolderSummary:
    return FolderSummary(
        id=found.pk,
        name=found.name,
        owner=saved.short(found.owner),
        shared_with_all=found.shared_with_all,
        allow_edits_by_shared_users=found.allow_edits_by_shared_users,
    )


def detail(found: QueryFolder, *, queries: bool = True) -> FolderDetail:
    return FolderDetail(
        **dict(summary(found)),
        shared_with=sharing(found),
        shared_with_groups=[],
        queries=[saved.summary(each) for each in contents(found)] if queries else None,
    )


def sharing(found: QueryFolder) -> list[UserSummary]:
    return [saved.short(user) for user in found.shared_with.order_by("pk")]


def contents(found: QueryFolder, text: str | None = None) -> QuerySet[SavedQuery]:
    """The folder's queries, newest first."""
    rows = saved.living().filter(folders=found).select_related("created_by", "last_modified_by")
    return (rows.filter(title__icontains=text) if text else rows).order_by("-pk")


# --- Writing ------------------------------------------------------------------------------------------


def create(given: FolderDetail, actor: Actor) -> QueryFolder:
    require(actor, "Query", "Create")
    return _write(QueryFolder(owner_id=actor.user_id), given, actor)


def update(pk: int, given: FolderDetail, actor: Actor) -> QueryFolder:
    """Replace name, queries and sharing; the owner stays."""
    return _write(folder(pk, actor, change=True), given, actor)


def _write(found: QueryFolder, given: FolderDetail, actor: Actor) -> QueryFolder:
    if not given.name:
        raise Refused(FOLDER_NAME_REQUIRED())
    query_ids = _known_queries(each.id for each in given.queries or [])
    user_ids = [] if given.shared_with_all else _known_users(each.id for each in given.shared_with or [])
    found.name = given.name[:255]
    found.shared_with_all = bool(given.shared_with_all)
    found.allow_edits_by_shared_users = bool(given.allow_edits_by_shared_users)
    with transaction.atomic():
        stamp(actor)
        found.save()
        found.queries.set(query_ids)
        found.shared_with.set([pk for pk in user_ids if pk != found.owner_id])
    return folder(found.pk, actor)


def _known_queries(ids: Iterable[int | None]) -> list[int]:
    wanted = {pk for pk in ids if pk is not None}
    known = set(saved.living().filter(pk__in=wanted).values_list("pk", flat=True))
    if wanted - known:
        raise Refused(QUERIES_NOT_ACCESSIBLE(ids=", ".join(map(str, sorted(wanted - known)))))
    return sorted(known)


def _known_users(ids: Iterable[int | None]) -> list[int]:
    wanted = {pk for pk in ids if pk is not None}
    known = set(
        User.objects.exclude(activity_status="Disabled").filter(pk__in=wanted).values_list("pk", flat=True)
    )
    if wanted - known:
        raise Refused(SHARE_INVALID(ids=", ".join(map(str, sorted(wanted - known)))))
    return sorted(known)


def delete(pk: int, actor: Actor) -> int:
    """Remove a folder; its queries stay."""
    found = folder(pk, actor, change=True)
    with transaction.atomic():
        stamp(actor)
        found.delete()
    return pk


def change_queries(pk: int, ids: Sequence[int], operation: str | None, actor: Actor) -> list[QuerySummary]:
    """Add, replace or remove queries; unknown ids are skipped (spec 05 §5)."""
    found = folder(pk, actor, change=True)
    rows = list(saved.living().select_related("created_by").filter(pk__in=ids))
    for each in rows:
        _require_access(each, actor)
    with transaction.atomic():
        stamp(actor)
        _change(found.queries, [each.pk for each in rows], operation)
    return [saved.summary(each) for each in contents(found)]


def _require_access(query: SavedQuery, actor: Actor) -> None:
    try:
        saved.require_edit(query, actor)
    except Refused:
        raise Refused(QUERIES_NOT_ACCESSIBLE(ids=query.pk)) from None


def change_users(pk: int, ids: Sequence[int], operation: str | None, actor: Actor) -> list[UserSummary]:
    """Share a folder with users, or stop sharing it."""
    found = folder(pk, actor, change=True)
    known = User.objects.exclude(activity_status="Disabled").filter(pk__in=ids).exclude(pk=found.owner_id)
    with transaction.atomic():
        stamp(actor)
        _change(found.shared_with, list(known.values_list("pk", flat=True)), operation)
    return sharing(found)


def _change(rows: Any, ids: list[int], operation: str | None) -> None:
    wanted = (operation or "UPDATE").upper()
    if wanted not in OPERATIONS:
        raise Refused(INVALID_INPUT(name="operation", value=operation))
    getattr(rows, {"ADD": "add", "REMOVE": "remove"}.get(wanted, "set"))(
        *([ids] if wanted == "UPDATE" else ids)
    )
