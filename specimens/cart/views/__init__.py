"""`/specimen-lists` and `/specimen-list-folders` (spec 03 §4.3, §4.4)."""

from biobank.wire.detail import Payload, WholeList
from biobank.wire.errors import INVALID_REQUEST, Refused

IDS = {"type": "array", "items": {"type": "integer"}}  # the body of calls that take ids


class _Ids(Payload):
    body: WholeList = None


def ids_of(body: object) -> list[int]:
    """The ids that a body lists, as numbers or digits. Raises INVALID_REQUEST."""
    found = _Ids.parse({"body": body}).body
    if found is None:
        raise Refused(INVALID_REQUEST(reason="a list of ids is expected"))
    return found
