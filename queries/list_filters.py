"""What a caller looks for in a column of a list, as a condition of the query language (spec 02 §A10)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from biobank.wire.dates import from_millis, server_zone
from biobank.wire.errors import INVALID_INPUT, Refused
from queries import tree
from queries.list_detail import FilterColumn
from queries.values import Type, Value

CONTAINS, EQUALS, RANGE = "CONTAINS", "EQUALS", "RANGE"
_DIGITS = re.compile(r"-?\d{9,}$")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|$)")


def condition_of(expr: tree.Expr, wanted: FilterColumn, found: Value) -> tree.Condition | None:
    """None when nothing is looked for. Texts are found by a part of them unless several, or EQUALS, are given.

    Dates are epoch milliseconds, ISO or as the server writes them; a day stands for all of it. Raises
    COMMON_INVALID_INPUT.
    """
    given = wanted.values or []
    present = [text for text in given if text is not None and text.strip()]
    if not present:
        return None
    kind = (wanted.search_type or "").upper()
    if kind not in ("", CONTAINS, EQUALS, RANGE):
        raise Refused(INVALID_INPUT(name="searchType", value=(wanted.search_type or "")[:40]))
    if kind == RANGE:
        return _range(expr, given, found)
    if found.type is Type.STRING and (kind == CONTAINS or (not kind and len(present) == 1)):
        either = tuple(tree.TextMatch(expr, "contains", text) for text in present)
        return either[0] if len(either) == 1 else tree.Logic("or", either)
    literals = tuple(_literal(text, found) for text in present)
    if found.type is Type.STRING or found.type is Type.DATE:
        return tree.InList(expr, False, literals)
    equal = tuple(tree.Compare("=", expr, literal) for literal in literals)
    return equal[0] if len(equal) == 1 else tree.Logic("or", equal)


def _range(expr: tree.Expr, given: Sequence[str | None], found: Value) -> tree.Condition | None:
    ends: list[tree.Condition] = []
    operators: tuple[tree.CompareOp, tree.CompareOp] = (">=", "<=")
    for text, operator in zip(given, operators, strict=False):
        if text is not None and text.strip():
            ends.append(tree.Compare(operator, expr, _literal(text, found)))
    if not ends:
        return None
    return ends[0] if len(ends) == 1 else tree.Logic("and", tuple(ends))


def _literal(text: str, found: Value) -> tree.Literal:
    clean = text.strip()
    match found.type:
        case Type.STRING:
            return tree.Literal(clean)
        case Type.DATE:
            return tree.Literal(_date(clean))
        case Type.BOOLEAN:
            return tree.Literal(_flag(clean))
    try:
        number = Decimal(clean)
    except InvalidOperation:
        raise Refused(INVALID_INPUT(name="values", value=clean[:40])) from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise Refused(INVALID_INPUT(name="values", value=clean[:40]))
    return tree.Literal(int(number) if number == number.to_integral_value() else number)


def _date(text: str) -> str:
    if _DIGITS.match(text):
        try:
            return f"{from_millis(int(text)).astimezone(server_zone()):%Y-%m-%d}"
        except (ValueError, OverflowError):
            raise Refused(INVALID_INPUT(name="values", value=text[:40])) from None
    iso = _ISO.match(text)
    return iso.group() if iso else text


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise Refused(INVALID_INPUT(name="values", value=text[:40]))
    return text.lower() in ("true", "1")
