"""Codes and decisions of pick lists (spec 01 part F)."""

from collections.abc import Iterator

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, INVALID_INPUT, Code, Problem
from terminology.detail import PvWish

VALUE_REQUIRED = Code("PV_VALUE_REQUIRED", "A value given as text needs its attribute, a pick list a value")
NOT_FOUND = Code("PV_NOT_FOUND", "There is no such permissible value: {value}")
ATTR_NAME_REQUIRED = Code("PV_ATTR_NAME_REQUIRED", "To which pick list does the value belong?")
PARENT_NOT_FOUND = Code("PV_PARENT_ATTR_NOT_FOUND", "There is no such value to stand below: {value}")
PARENT_BELOW = Code("PV_PARENT_ATTR_NOT_FOUND", "A value cannot stand below itself: {value}")
DUP_VALUE = Code("PV_DUP_VALUE", "This value is on the list already: {value}")
IN_USE = Code("PV_IN_USE", "Records or other values still use {value}; it can be closed instead")
TOO_LONG = Code("COMMON_VALUE_TOO_LONG", "{name} is longer than {limit} characters")

STATUSES = ("Active", "Closed", "Disabled")
_LENGTHS = {"attribute": 100, "value": 255, "concept_code": 64}


def value_problems(wish: PvWish) -> Iterator[Problem]:
    """What is wrong with a value, before look-ups."""
    if not wish.attribute:
        yield ATTR_NAME_REQUIRED()
    if not wish.value:
        yield VALUE_REQUIRED()
    for name, limit in _LENGTHS.items():
        if len(getattr(wish, name) or "") > limit:
            yield TOO_LONG(name=name, limit=limit)
    if wish.activity_status and wish.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=wish.activity_status)
    if wish.sort_order is not None and abs(wish.sort_order) >= 2**31:
        yield INVALID_INPUT(name="sortOrder", value=wish.sort_order)
    if any(not isinstance(value, str) for value in (wish.props or {}).values()):
        yield INVALID_INPUT(name="props", value="other than texts")
