"""From what a caller asks to a compiled query: settings, rights and text come together here (spec 05 §3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils import timezone

from biobank.access import Actor
from biobank.catalogue import catalogue
from biobank.configuration.reads import number, setting
from biobank.wire.dates import server_zone
from queries import tree
from queries.access import visibility
from queries.compiler import Compiled, Request, WideRows, compile_query
from queries.errors import Malformed
from queries.moments import Formats
from queries.parser import parse
from queries.values import Surroundings


@dataclass(frozen=True, slots=True)
class Question:
    """A query as it is asked, before anything is looked up."""

    aql: str
    cp_id: int | None = None
    cp_group_id: int | None = None
    driving_form: str = "Participant"
    wide_row_mode: str = "OFF"
    output_column_exprs: bool = False
    output_iso_date_time: bool = False
    case_sensitive: bool = True
    run_type: str = "Data"
    saved_query_id: int | None = None
    limit: tree.Limit | None = None  # put into the statement when it has none of its own


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that was understood and may be asked by this caller."""

    question: Question
    statement: tree.Statement
    compiled: Compiled


def prepare(question: Question, actor: Actor, client_zone: str | None = None) -> Prepared:
    """Parse, check rights and compile; raises `Refused` with the codes of spec 05 §1.14 and §3.9."""
    statement = parse(question.aql)
    if question.limit is not None and statement.limit is None:
        statement = tree.limited(statement, question.limit)
    return prepare_statement(question, statement, actor, client_zone)


def prepare_statement(
    question: Question, statement: tree.Statement, actor: Actor, client_zone: str | None = None
) -> Prepared:
    """As `prepare`, for a statement that was put together rather than written."""
    visible = visibility(actor, question.cp_id, question.cp_group_id)
    request = Request(
        statement=statement,
        around=surroundings(actor, question, client_zone),
        root=question.driving_form or "Participant",
        visible=visible,
        wide_rows=_wide_rows(question.wide_row_mode),
        output_exprs=question.output_column_exprs,
    )
    return Prepared(question, statement, compile_query(request, catalogue))


def surroundings(actor: Actor, question: Question, client_zone: str | None = None) -> Surroundings:
    return Surroundings(
        now=timezone.now(),
        user_id=actor.user_id,
        server_zone=server_zone(),
        user_zone=zone_of(actor, client_zone),
        formats=formats(),
        iso=question.output_iso_date_time,
        case_sensitive=question.case_sensitive,
        quantity_scale=max(0, min(number("query", "floating_point_precision"), 8)),
    )


def formats() -> Formats:
    """The locale's date and time patterns."""
    return Formats(setting("common", "date_format"), setting("common", "time_format"))


def zone_of(actor: Actor, client_zone: str | None = None) -> ZoneInfo:
    """The caller's own time zone, else that of their client, else the server's (spec 01 §A.2)."""
    name = client_zone if actor.time_zone in ("", settings.TIME_ZONE) else actor.time_zone
    try:
        return ZoneInfo(name) if name else server_zone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return server_zone()


def _wide_rows(mode: str) -> WideRows:
    try:
        return WideRows(mode)
    except ValueError:
        raise Malformed(f"Unknown wideRowMode: {mode[:40]}") from None
