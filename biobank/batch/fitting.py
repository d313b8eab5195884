"""Which planned rows the database cannot take because a value does not fit its column.

PostgreSQL names one such row at a time and undoes the batch. So when it has named one, all that were planned are
looked at here, and those that cannot be written are left out together.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import models

_DEPTH = 4  # plans hold rows, or others that hold rows
_PLAIN = (str, bytes, int, float, complex, bool, type(None), Decimal)

Check = Callable[[Any], str | None]


def misfits(plans: Sequence[Any]) -> dict[int, str]:
    """For each plan (by its place) that would write a value too large, what PostgreSQL says of it.

    A row that several plans share belongs to the first of them: those that build on it are planned again without it.
    """
    seen: set[int] = set()
    found: dict[int, str] = {}
    for place, plan in enumerate(plans):
        for row in _rows(plan, seen, _DEPTH):
            reason = _misfit(row)
            if reason is not None:
                found.setdefault(place, reason)
    return found


def _rows(item: Any, seen: set[int], depth: int) -> Iterator[models.Model]:
    if isinstance(item, _PLAIN) or id(item) in seen:
        return
    seen.add(id(item))
    if isinstance(item, models.Model):
        yield item
    elif depth:
        for part in _parts(item):
            yield from _rows(part, seen, depth - 1)


def _parts(item: Any) -> Iterator[Any]:
    if isinstance(item, list | tuple):
        yield from item
    elif isinstance(item, dict):
        yield from item.values()
    else:
        for name in _slots(type(item)):
            yield getattr(item, name, None)
        yield from getattr(item, "__dict__", {}).values()


_known: dict[type, tuple[str, ...]] = {}


def _slots(kind: type) -> tuple[str, ...]:
    """The slots of a class of ours, those it inherits included."""
    if kind not in _known:
        _known[kind] = tuple(_own_slots(kind))
    return _known[kind]


def _own_slots(kind: type) -> Iterator[str]:
    if kind.__module__.split(".")[0] in ("builtins", "django", "datetime", "decimal", "functools", "re"):
        return
    for base in kind.__mro__:
        own = base.__dict__.get("__slots__", ())
        names = [own] if isinstance(own, str) else own
        yield from (name for name in names if name not in ("__dict__", "__weakref__"))


def _misfit(row: models.Model) -> str | None:
    values = row.__dict__
    for attribute, check in _checks(type(row)):
        value = values.get(attribute)
        if value is not None and (reason := check(value)) is not None:
            return reason
    return None


@cache
def _checks(model: type[models.Model]) -> tuple[tuple[str, Check], ...]:
    found = [(field.attname, _check(field)) for field in model._meta.concrete_fields]
    return tuple((name, check) for name, check in found if check is not None)


def _check(field: "models.Field[Any, Any]") -> Check | None:
    if isinstance(field, models.CharField) and field.max_length is not None:
        return _text_check(field.max_length)
    if isinstance(field, models.DecimalField) and field.max_digits is not None:
        return _number_check(Decimal(10) ** (field.max_digits - (field.decimal_places or 0)))
    kind = field.get_internal_type()
    for name, bits in (("Small", 15), ("Big", 63)):
        if name in kind and "Integer" in kind:
            return _whole_check("smallint" if bits == 15 else "bigint", bits)
    return _whole_check("integer", 31) if isinstance(field, models.IntegerField) else None


def _text_check(longest: int) -> Check:
    reason = f"value too long for type character varying({longest})"
    return lambda value: reason if isinstance(value, str) and len(value) > longest else None


def _number_check(limit: Decimal) -> Check:
    def check(value: Any) -> str | None:
        return "numeric field overflow" if isinstance(value, Decimal) and abs(value) >= limit else None

    return check


def _whole_check(kind: str, bits: int) -> Check:
    limit = 1 << bits

    def check(value: Any) -> str | None:
        if isinstance(value, int) and not -limit <= value < limit:
            return f'value "{value}" is out of range for type {kind}'
        return None

    return check
