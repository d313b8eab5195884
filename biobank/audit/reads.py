"""Reading the history the triggers wrote: a fixed number of queries, whatever is asked (spec 01 §A.11)."""
# ruff: noqa: S608 - names of tables and columns come from models, values are always parameters

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import DateField, DateTimeField, Field

from biobank.access import Actor
from biobank.audit.detail import AuditChange, AuditedObject, AuditSummary, AuditUser, Revision
from biobank.audit.registry import Audited, Source, find
from biobank.audit.rules import ENTITY_NOT_FOUND, MAX_OBJECTS
from biobank.records import ActivityStatus
from biobank.wire.dates import day_millis, millis, parse_day, parse_instant
from biobank.wire.errors import ACCESS_DENIED, INVALID_INPUT, INVALID_REQUEST, Problem, Refused, refuse_if

Objects = Mapping[Audited, Sequence[int]]


# --- Which records ----------------------------------------------------------------------------------


def auditable(named: Sequence[AuditedObject], actor: Actor, *, addressed: bool) -> dict[Audited, list[int]]:
    """The records a call names, if the caller may read all of them; two queries a kind at most.

    Raises INVALID_REQUEST, AUDIT_ENTITY_NOT_FOUND, RBAC_ACCESS_DENIED. Deleted records exist for super administrators.
    """
    wanted = _by_kind(named, addressed)
    for kind, ids in wanted.items():
        known = _existing(kind, ids, actor)
        refuse_if(_missing(kind.name, pk, addressed) for pk in ids if pk not in known)
    if not actor.is_super:
        for kind, ids in wanted.items():
            if kind.readable(actor).filter(pk__in=ids).distinct().count() != len(ids):
                raise Refused(ACCESS_DENIED())
    return wanted


def _by_kind(named: Sequence[AuditedObject], addressed: bool) -> dict[Audited, list[int]]:
    if len(named) > MAX_OBJECTS:
        raise Refused(INVALID_INPUT(name="objects", value=f"more than {MAX_OBJECTS}"))
    wanted: dict[Audited, dict[int, None]] = {}
    for each in named:
        if not each.object_name or each.object_id is None:
            raise Refused(INVALID_REQUEST(reason="objectName and objectId are needed"))
        kind = find(each.object_name)
        if kind is None:
            raise Refused(_missing(each.object_name, each.object_id, addressed))
        wanted.setdefault(kind, {})[each.object_id] = None
    return {kind: list(ids) for kind, ids in wanted.items()}


def _missing(name: str, pk: int, addressed: bool) -> Problem:
    facts = {"name": name[:64], "id": pk}
    return ENTITY_NOT_FOUND.missing(**facts) if addressed else ENTITY_NOT_FOUND(**facts)


def _existing(kind: Audited, ids: Sequence[int], actor: Actor) -> set[int]:
    if actor.is_super:
        rows = kind.model.history.rel.related_model._default_manager.filter(pgh_obj_id__in=ids)  # type: ignore[attr-defined]
        return set(rows.values_list("pgh_obj_id", flat=True))
    rows = kind.model._default_manager.filter(pk__in=ids)
    if any(field.name == "activity_status" for field in kind.model._meta.fields):
        rows = rows.exclude(activity_status=ActivityStatus.DISABLED)
    return set(rows.values_list("pk", flat=True))


# --- Summaries --------------------------------------------------------------------------------------


def summaries(objects: Objects) -> list[AuditSummary]:
    """Who created and last changed each record; two queries."""
    if not objects:
        return []
    union, params, kinds = _rows(objects)
    newest = "ORDER BY at DESC, pgh_id DESC"
    found = _fetch(
        f"""
        WITH rows AS ({union}), ends AS (
            SELECT kind, object_id, count(DISTINCT revision) AS revisions, min(at) AS first, max(at) AS last,
                (array_agg(context_id ORDER BY at, pgh_id))[1] AS made,
                (array_agg(context_id {newest}))[1] AS changed
            FROM rows GROUP BY kind, object_id)
        SELECT kind, object_id, revisions, first, last, m.metadata, c.metadata FROM ends
        LEFT JOIN pghistory_context m ON m.id = made LEFT JOIN pghistory_context c ON c.id = changed
        """,
        params,
    )
    by_object = {(row[0], row[1]): (*row[2:5], _json(row[5]), _json(row[6])) for row in found}
    people = _people(facts for row in by_object.values() for facts in row[3:])
    answers = []
    for number, kind in enumerate(kinds):
        for pk in objects[kind]:
            answer = AuditSummary(object_name=kind.name, object_id=pk, revisions_count=0)
            row = by_object.get((number, pk))
            if row is not None:
                answer.revisions_count, answer.created_on, last, made, changed = row
                answer.created_by = people.who(made, "user")
                if answer.revisions_count != 1:
                    answer.last_updated_on, answer.last_updated_by = last, people.who(changed, "user")
            answers.append(answer)
    return answers


# --- Revisions --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """One row of history with the one before it."""

    kind: Audited
    source: Source
    object_id: int
    revision: str
    at: datetime
    facts: dict[str, Any]
    row_id: int
    label: str
    new: dict[str, Any]
    old: dict[str, Any]  # empty when there is none


def revisions(objects: Objects, actor: Actor, first: int, last: int) -> list[Revision]:
    """What was done to the records, newest first; two queries, and those that tell what the caller may see."""
    if not objects:
        return []
    union, params, kinds = _rows(objects)
    sources = [(kind, source) for kind in kinds for source in kind.sources]
    wanted = " UNION ALL ".join(_with_previous(number, source) for number, (_, source) in enumerate(sources))
    found = _fetch(
        f"""
        WITH rows AS ({union}), page AS (
            SELECT kind, object_id, revision, max(at) AS at, max(pgh_id) AS newest FROM rows
            GROUP BY kind, object_id, revision ORDER BY at DESC, newest DESC, object_id DESC LIMIT %s OFFSET %s),
        chosen AS (SELECT r.*, p.newest FROM page p JOIN rows r USING (kind, object_id, revision))
        SELECT w.source, w.object_id, w.revision, w.at, c.metadata, w.row_id, w.label, w.new, w.old
        FROM ({wanted}) w LEFT JOIN pghistory_context c ON c.id = w.context_id
        ORDER BY w.at DESC, w.newest DESC, w.object_id DESC, w.source, w.pgh_id
        """,
        [*params, last - first, first],
    )
    rows = []
    for number, object_id, revision, at, facts, row_id, label, new, old in found:
        kind, source = sources[number]
        texts = _json(facts), row_id, label, _json(new), _json(old)
        rows.append(_Row(kind, source, object_id, revision, at, *texts))
    people = _people(row.facts for row in rows)
    concealed = {kind: kind.concealed(actor, ids) for kind, ids in objects.items()}
    grouped: dict[tuple[str, int, str], list[_Row]] = {}
    for row in rows:
        grouped.setdefault((row.kind.name, row.object_id, row.revision), []).append(row)
    return [_revision(together, people, concealed) for together in grouped.values()]


def _with_previous(number: int, source: Source) -> str:
    return f"""
        SELECT r.source, r.object_id, r.revision, r.at, r.newest, r.context_id, r.pgh_id, h.pgh_obj_id AS row_id,
            h.pgh_label AS label, to_jsonb(h) AS new, to_jsonb(p) AS old
        FROM chosen r JOIN {source.table} h ON h.pgh_id = r.pgh_id
        LEFT JOIN LATERAL (SELECT * FROM {source.table} b WHERE b.pgh_obj_id = h.pgh_obj_id AND b.pgh_id < h.pgh_id
            ORDER BY b.pgh_id DESC LIMIT 1) p ON TRUE
        WHERE r.source = {number}"""


def _revision(
    rows: Sequence[_Row], people: "_People", concealed: Mapping[Audited, Mapping[int, Collection[str]]]
) -> Revision:
    top = rows[0]
    return Revision(
        id=top.revision,
        object_name=top.kind.name,
        object_id=top.object_id,
        operation=_operation(rows),
        changed_by=people.who(top.facts, "user"),
        changed_on=top.at,
        impersonated_by=people.who(top.facts, "impersonated_by"),
        door=top.facts.get("via"),
        ip_address=top.facts.get("ip"),
        op_comments=top.facts.get("reason"),
        changes=_changes(rows, concealed[top.kind][top.object_id]),
    )


def _operation(rows: Sequence[_Row]) -> str:
    own = [row for row in rows if not row.source.prefix]
    if any(row.label == "insert" for row in own):
        return "CREATE"
    removed = ActivityStatus.DISABLED.value
    for row in own:
        was = row.old.get("activity_status")
        if row.label == "delete" or (row.new.get("activity_status") == removed and was != removed):
            return "DELETE"
    return "UPDATE"


def _changes(rows: Sequence[_Row], concealed: Collection[str]) -> list[AuditChange]:
    """From before the transaction to after it, by key; values the caller may not see are left out, key and all."""
    found: dict[str, AuditChange] = {}
    for row in rows:
        before = row.new if row.label == "delete" else row.old if row.label == "update" else {}
        after = {} if row.label == "delete" else row.new
        prefix = f"{row.source.prefix}[{row.row_id}]." if row.source.prefix else ""
        for column, (key, declared) in row.source.columns.items():
            name = f"{row.source.prefix}.{declared.name}" if row.source.prefix else declared.name
            if name in concealed:
                continue
            old, new = before.get(column), after.get(column)
            change = found.get(prefix + key)
            if change is not None:
                change.new_value = _shown(declared, new)
            elif _differ(old, new):
                found[prefix + key] = AuditChange(
                    key=prefix + key, old_value=_shown(declared, old), new_value=_shown(declared, new)
                )
    return [change for change in found.values() if _differ(change.old_value, change.new_value)]


def _differ(old: Any, new: Any) -> bool:
    """Nothing, an empty list and an empty object are the same nothing."""
    return old != new and not (old in (None, [], {}) and new in (None, [], {}))


def _shown(declared: "Field[Any, Any]", content: Any) -> Any:
    """A value of the history as the wire writes it."""
    if content is None:
        return None
    if isinstance(declared, DateTimeField):
        moment = parse_instant(content)
        return None if moment is None else millis(moment)
    if isinstance(declared, DateField):
        day = parse_day(content)
        return None if day is None else day_millis(day)
    return int(content) if isinstance(content, float) and content.is_integer() else content


# --- Shared -----------------------------------------------------------------------------------------


def _rows(objects: Objects) -> tuple[str, list[Any], list[Audited]]:
    """SQL of all rows of history of the records, its values, and the kinds in the order of their numbers."""
    kinds = list(objects)
    parts, params, number = [], list[Any](), 0
    for place, kind in enumerate(kinds):
        for source in kind.sources:
            parts.append(
                f"SELECT {number} AS source, {place} AS kind, h.{source.owner}::bigint AS object_id, h.pgh_id,"
                f" h.pgh_created_at AS at, h.pgh_context_id AS context_id,"
                f" coalesce(h.pgh_context_id::text, '{number}-' || h.pgh_id) AS revision"
                f" FROM {source.table} h WHERE h.{source.owner} = ANY(%s)"
            )
            params.append(list(objects[kind]))
            number += 1
    return " UNION ALL ".join(parts), params, kinds


def _fetch(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _json(text: str | None) -> dict[str, Any]:
    """An object as Django's connections hand it out: as text."""
    return orjson.loads(text) if text else {}


@dataclass(frozen=True, slots=True)
class _People:
    by_id: Mapping[int, Any]

    def who(self, facts: Mapping[str, Any], key: str) -> AuditUser | None:
        """The user whom a context names."""
        pk = facts.get(key)
        user = self.by_id.get(pk) if isinstance(pk, int) else None
        if user is not None:
            return AuditUser(
                id=user.pk,
                first_name=user.first_name,
                last_name=user.last_name,
                login_name=user.login_name,
                email_address=user.email_address,
            )
        login = facts.get("login") if key == "user" else None
        return AuditUser(login_name=login) if login else None


def _people(contexts: Iterable[Mapping[str, Any]]) -> _People:
    """The users named by contexts; one query."""
    ids = {
        pk
        for facts in contexts
        for pk in (facts.get("user"), facts.get("impersonated_by"))
        if isinstance(pk, int)
    }
    return _People(get_user_model()._default_manager.in_bulk(ids) if ids else {})
