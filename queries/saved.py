"""Saved queries: finding, showing, writing and running them (spec 05 §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from biobank.access import Actor
from biobank.catalogue import catalogue
from biobank.records import ActivityStatus, stamp
from biobank.wire.errors import INVALID_REQUEST, Code, Refused
from queries import tree
from queries.access import require
from queries.aql import Definition, text_of, with_criteria
from queries.compiler import Request, compile_query
from queries.detail import (
    Criterion,
    ExpressionToken,
    QueryDetail,
    QueryFilter,
    QuerySummary,
    Reporting,
    SavedQueryFilter,
    SelectField,
)
from queries.errors import (
    DEPENDENTS_FOUND,
    INVALID_PAGE,
    NOT_FOUND,
    OP_NOT_ALLOWED,
    TITLE_REQUIRED,
    Malformed,
)
from queries.models import QueryFolder, SavedQuery, ScheduledJob
from queries.parser import parse
from queries.requests import Question, surroundings
from queries.scheduling import disable_jobs
from sessions_auth.detail import UserSummary
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol

PROTOCOL_NOT_FOUND = Code("CP_NOT_FOUND", "There is no collection protocol {id}")


# --- Finding ------------------------------------------------------------------------------------------


def living() -> QuerySet[SavedQuery]:
    """Queries that were not deleted."""
    return SavedQuery.objects.exclude(activity_status=ActivityStatus.DISABLED)


def saved_query(pk: int, actor: Actor) -> SavedQuery:
    """A query by id, whoever made it. Raises `QUERY_NOT_FOUND`."""
    require(actor, "Query", "Read")
    found = living().select_related("created_by", "last_modified_by").filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND.missing(id=pk))
    return found


def listed(wanted: SavedQueryFilter, actor: Actor) -> QuerySet[SavedQuery]:
    """The queries the caller may see in lists, newest first (spec 05 §4.1)."""
    require(actor, "Query", "Read")
    rows = living().filter(visible_to(actor)).exclude(protocol__activity_status=ActivityStatus.DISABLED)
    if wanted.cp_id is not None and wanted.cp_id != -1:
        rows = rows.filter(Q(protocol=wanted.cp_id) | Q(protocol=None))
    if wanted.user_id is not None and (actor.is_super or actor.is_institute_admin):
        rows = rows.filter(created_by=wanted.user_id)
    if wanted.search_string:
        matches = Q(title__icontains=wanted.search_string)
        if wanted.search_string.isdecimal():
            matches |= Q(pk=int(wanted.search_string) % 2**63)
        rows = rows.filter(matches)
    starred = SavedQuery.starred_by.through.objects.filter(savedquery=OuterRef("pk"), user=actor.user_id)
    rows = rows.annotate(is_starred=Exists(starred)).select_related("created_by", "last_modified_by")
    return rows.order_by(*(["-is_starred"] if wanted.order_by_starred else []), "-pk")


def visible_to(actor: Actor) -> Q:
    """A filter of saved queries: those the caller sees in lists."""
    if actor.is_super:
        return Q()
    shared = Q(folders__in=shared_folders(actor).values("pk"))
    ids = SavedQuery.objects.filter(shared).values("pk")
    if actor.is_institute_admin:
        return Q(created_by__institute=actor.institute_id) | Q(pk__in=ids)
    return Q(created_by=actor.user_id) | Q(pk__in=ids)


def shared_folders(actor: Actor) -> QuerySet[QueryFolder]:
    return QueryFolder.objects.filter(Q(shared_with_all=True) | Q(shared_with=actor.user_id)).distinct()


def page(wanted: SavedQueryFilter, rows: QuerySet[SavedQuery]) -> list[SavedQuery]:
    """One page; raises `QUERY_INVALID_PAGINATION_FILTER`."""
    start = next((n for n in (wanted.start_at, wanted.start) if n is not None), 0)
    size = next((n for n in (wanted.max_results, wanted.max) if n is not None), 25)
    if start < 0 or size <= 0:
        raise Refused(INVALID_PAGE())
    return list(rows[start : start + size])


def require_edit(saved: SavedQuery, actor: Actor) -> None:
    """Raise `QUERY_OP_NOT_ALLOWED` unless the caller may change the query."""
    if actor.is_super or saved.created_by_id == actor.user_id:
        return
    if actor.is_institute_admin and saved.created_by.institute_id == actor.institute_id:
        return
    if shared_folders(actor).filter(queries=saved, allow_edits_by_shared_users=True).exists():
        return
    raise Refused(OP_NOT_ALLOWED())


# --- Showing ------------------------------------------------------------------------------------------


def short(user: User) -> UserSummary:
    """A user as lists of queries show them."""
    return UserSummary(id=user.pk, first_name=user.first_name, last_name=user.last_name)


def summary(saved: SavedQuery, *, star: bool = False) -> QuerySummary:
    return QuerySummary(
        id=saved.pk,
        title=saved.title,
        created_by=short(saved.created_by),
        last_modified_by=short(saved.last_modified_by),
        last_modified_on=saved.last_modified_on,
        starred=True if star and getattr(saved, "is_starred", False) else None,
    )


def detail(saved: SavedQuery) -> QueryDetail:
    return QueryDetail(
        **dict(summary(saved)),
        cp_id=saved.protocol_id,
        cp_group_id=saved.cp_group_id,
        driving_form=saved.driving_form,
        select_list=[
            each if isinstance(each, str) else SelectField.parse(each) for each in saved.select_list
        ],
        filters=[QueryFilter.parse(each) for each in saved.filters],
        query_expression=[ExpressionToken.parse(each) for each in saved.query_expression],
        having_clause=saved.having_clause,
        reporting=Reporting.parse(saved.reporting) if saved.reporting else None,
        wide_row_mode=saved.wide_row_mode,
        output_column_exprs=saved.output_column_exprs,
        case_sensitive=saved.case_sensitive,
        dependent_queries=dependents(saved.pk),
    )


def dependents(pk: int) -> list[int]:
    """Ids of the queries that use this one as a sub-query."""
    users = living().filter(filters__contains=[{"subQueryId": pk}])
    return list(users.order_by("pk").values_list("pk", flat=True))


# --- Text ---------------------------------------------------------------------------------------------


def definition(saved: SavedQuery | QueryDetail) -> Definition:
    shown = saved if isinstance(saved, QueryDetail) else detail(saved)
    return Definition(
        select_list=tuple(shown.select_list or ()),
        filters=tuple(shown.filters or ()),
        query_expression=tuple(shown.query_expression or ()),
        having_clause=shown.having_clause,
        reporting=shown.reporting,
    )


def lookup(pk: int) -> Definition:
    """The definition of a sub-query; raises `QUERY_NOT_FOUND`."""
    found = living().select_related("created_by", "last_modified_by").filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND(id=pk))
    return definition(found)


def question(saved: SavedQuery, criteria: Iterable[Criterion] = (), **more: Any) -> Question:
    """The saved query as it is asked; `more` overrides what was saved with it."""
    asked = Question(
        aql=text_of(with_criteria(definition(saved), list(criteria)), lookup),
        cp_id=saved.protocol_id,
        cp_group_id=saved.cp_group_id,
        driving_form=saved.driving_form or "Participant",
        wide_row_mode=saved.wide_row_mode or "DEEP",
        output_column_exprs=saved.output_column_exprs,
        case_sensitive=saved.case_sensitive,
        saved_query_id=saved.pk,
    )
    return replace(asked, **more)


def _check_text(given: QueryDetail, actor: Actor) -> None:
    """Compile as upstream does on saving: root Participant, without the report. Raises Malformed."""
    text = text_of(definition(given), lookup, report=False)
    statement = parse(text)
    if not statement.columns:
        root_id = tree.Column(tree.Path("Participant.id"), None, "Participant.id")
        statement = replace(statement, columns=(root_id,))
    compile_query(Request(statement, surroundings(actor, Question(text))), catalogue)


# --- Writing ------------------------------------------------------------------------------------------


def create(given: QueryDetail, actor: Actor) -> SavedQuery:
    require(actor, "Query", "Create")
    saved = SavedQuery(created_by_id=actor.user_id)
    return _write(saved, given, actor)


def update(pk: int, given: QueryDetail, actor: Actor) -> SavedQuery:
    """Replace a query; an id in the body must be the path's."""
    require(actor, "Query", "Update")
    saved = saved_query(pk, actor)
    if given.id is not None and given.id != pk:
        raise Refused(INVALID_REQUEST(reason="the id in the body is not the one in the path"))
    require_edit(saved, actor)
    if pk in _used_by(given):
        raise Malformed(f"Query {pk} uses itself")
    return _write(saved, given, actor)


def _used_by(given: QueryDetail) -> set[int]:
    """Every query a definition uses, directly or through others."""
    found: set[int] = set()
    waiting = [each.sub_query_id for each in given.filters or [] if each.sub_query_id is not None]
    while waiting:
        pk = waiting.pop()
        if pk not in found:
            found.add(pk)
            waiting += [f.sub_query_id for f in lookup(pk).filters if f.sub_query_id is not None]
    return found


def _write(saved: SavedQuery, given: QueryDetail, actor: Actor) -> SavedQuery:
    if not given.title:
        raise Refused(TITLE_REQUIRED())
    _check_text(given, actor)
    cp_id = None if given.cp_id in (None, -1) else given.cp_id
    if cp_id is not None and not CollectionProtocol.objects.filter(pk=cp_id).exists():
        raise Refused(PROTOCOL_NOT_FOUND(id=cp_id))
    saved.title = given.title[:255]
    saved.protocol_id = cp_id
    saved.cp_group_id = None if given.cp_group_id == -1 else given.cp_group_id
    saved.driving_form = given.driving_form
    saved.select_list = _plain(given.select_list)
    saved.filters = _plain(given.filters)
    saved.query_expression = _plain(given.query_expression)
    saved.having_clause = given.having_clause
    saved.reporting = given.reporting.model_dump(mode="json", by_alias=True) if given.reporting else None
    saved.wide_row_mode = given.wide_row_mode
    saved.output_column_exprs = bool(given.output_column_exprs)
    saved.case_sensitive = bool(given.case_sensitive)
    saved.last_modified_by_id = actor.user_id
    saved.last_modified_on = timezone.now()
    with transaction.atomic():
        stamp(actor)
        saved.save()
    return saved_query(saved.pk, actor)


def _plain(items: Sequence[Any] | None) -> list[Any]:
    return [
        each if isinstance(each, str) else each.model_dump(mode="json", by_alias=True) for each in items or []
    ]


def delete(pk: int, actor: Actor) -> int:
    """Soft delete, with the jobs that run it; raises `QUERY_DEPS_FOUND` while other queries use it."""
    require(actor, "Query", "Delete")
    saved = saved_query(pk, actor)
    require_edit(saved, actor)
    users = dependents(pk)
    if users:
        raise Refused(DEPENDENTS_FOUND(ids=", ".join(map(str, users[:5]))))
    with transaction.atomic():
        stamp(actor)
        saved.activity_status = ActivityStatus.DISABLED
        saved.save(update_fields=["activity_status"])
        disable_jobs(ScheduledJob.objects.filter(saved_query=saved))
    return pk


def star(pk: int, actor: Actor, *, on: bool) -> None:
    """Put the caller's star on a query, or take it away."""
    saved = saved_query(pk, actor)
    if on:
        saved.starred_by.add(actor.user_id)
    else:
        saved.starred_by.remove(actor.user_id)
