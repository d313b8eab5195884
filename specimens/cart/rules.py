"""Codes and decisions about carts, pick lists and folders (spec 03 §4.3, §4.4)."""

import re
from collections.abc import Iterable, Iterator

from biobank.wire.errors import INVALID_INPUT, Code, Kind, Problem, Refused
from sites.rules import too_long

NAME_REQUIRED = Code("SPECIMEN_LIST_NAME_REQUIRED", "A cart needs a name")
DUP_NAME = Code("SPECIMEN_LIST_DUP_NAME", "A cart with the same name exists already: {name}")
NOT_FOUND = Code("SPECIMEN_LIST_NOT_FOUND", "There is no such cart: {key}")
ACCESS_NOT_ALLOWED = Code(
    "SPECIMEN_LIST_ACCESS_NOT_ALLOWED", "The cart is neither yours nor shared with you", Kind.FORBIDDEN
)
INVALID_SPECIMENS = Code(
    "SPECIMEN_LIST_INVALID_SPECIMENS", "These specimens do not exist, or are not yours to read: {ids}"
)
INVALID_USERS = Code("SPECIMEN_LIST_INVALID_USERS_LIST", "There are no such users: {keys}")
INVALID_GROUPS = Code("SPECIMEN_LIST_INVALID_GROUPS_LIST", "There are no such user groups: {keys}")
OWNER_REQUIRED = Code("SPECIMEN_LIST_OWNER_REQUIRED", "A cart needs an owner")
OWNER_NOT_FOUND = Code("SPECIMEN_LIST_OWNER_NOT_FOUND", "There is no such user: {key}")
TOO_MANY_TO_SORT = Code(
    "SPECIMEN_LIST_EXCEEDS_REL_SORT_SIZE", "At most {limit} specimens can be sorted by relationship"
)
PICK_LIST_NAME_REQUIRED = Code("SPECIMEN_LIST_PICK_LIST_NAME_REQ", "A pick list needs a name")
PICK_LIST_NOT_FOUND = Code("SPECIMEN_LIST_PICK_LIST_NOT_FOUND", "There is no such pick list: {key}")
NOT_IN_CART = Code("SPECIMEN_LIST_INV_CART_SPECIMENS", "These specimens are not in the cart: {keys}")
FOLDER_NAME_REQUIRED = Code("SPECIMEN_LISTS_FOLDER_NAME_REQ", "A folder needs a name")
FOLDER_NOT_FOUND = Code("SPECIMEN_LISTS_FOLDER_NOT_FOUND", "There is no such folder: {key}")

REL_SORT_LIMIT = 250
IDLE_DAYS = 90  # then a pick list is forgotten
ADD, REMOVE, UPDATE = "ADD", "REMOVE", "UPDATE"
PICK, UNPICK = "PICK", "UNPICK"
_RESERVED = re.compile(r"\$\$\$\$user_\d+", re.IGNORECASE)


def default_name(user_id: int) -> str:
    """The stored name of a user's default cart."""
    return f"$$$$user_{user_id}"


def is_reserved(name: str) -> bool:
    """Whether only a default cart can have the name."""
    return _RESERVED.fullmatch(name) is not None


def name_problems(name: str | None, stored: str | None) -> Iterator[Problem]:
    """What is wrong with a cart's name, before look-ups; `stored` is the name it has."""
    if not name:
        yield NAME_REQUIRED()
        return
    yield from too_long(name=(name, 255))
    if name != stored and is_reserved(name):
        yield DUP_NAME(name=name)


def operation(text: str | None, *allowed: str) -> str:
    """The operation that is meant; the first of `allowed` when none is named. Raises COMMON_INVALID_INPUT."""
    wanted = (text or allowed[0]).upper()
    if wanted not in allowed:
        raise Refused(INVALID_INPUT(name="operation", value=text))
    return wanted


def few(keys: Iterable[object], limit: int = 10) -> str:
    """The first keys, as a message may show them."""
    found = [str(key) for key in keys]
    return ", ".join(found[:limit]) + (", ..." if len(found) > limit else "")
