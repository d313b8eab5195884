"""Values as the text of a result cell (spec 05 §3.3)."""

from __future__ import annotations

from biobank.catalogue import Kind
from queries.moments import postgres_format
from queries.sql import Sql, sql, value
from queries.values import Surroundings, Type, Value, local

ISO_DAY, ISO_MOMENT = "YYYY-MM-DD", 'YYYY-MM-DD"T"HH24:MI:SS'
DAYS = (Kind.DAY, Kind.INSTANT_DAY)


def cell(found: Value, around: Surroundings) -> Sql:
    """The value as text; null stays null."""
    match found.type:
        case Type.STRING:
            return found.sql if found.literal is not None else sql("({})::text", found.sql)
        case Type.DATE:
            return _date(found, around)
        case Type.BOOLEAN:
            return sql("({})::text", found.sql)
    if found.scale:
        return sql(f"round(({{}})::numeric, {found.scale})::text", found.sql)
    if found.whole:
        return sql("({})::text", found.sql)
    return _fraction(found.sql)


def _fraction(number: Sql) -> Sql:
    """An integer without decimals, anything else with two."""
    exact = sql("({})::numeric", number)
    return sql(
        "(CASE WHEN min_scale({}) = 0 THEN trunc({}) ELSE round({}, 2) END)::text", exact, exact, exact
    )


def _date(found: Value, around: Surroundings) -> Sql:
    if found.field is not None and found.field.kind in DAYS:
        pattern = ISO_DAY if around.iso else postgres_format(around.formats.day)
    else:
        pattern = ISO_MOMENT if around.iso else postgres_format(around.formats.moment)
    return sql("to_char({}, {})", local(found, around.user_zone), value(pattern))
