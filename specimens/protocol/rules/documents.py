"""Names of SOP documents: as stored `<uuid>_<original>`, as shown `<protocol id>_<original>` (spec 02 §A3)."""

import re

_STORED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[^/\\]+")


def is_stored_name(name: str) -> bool:
    """Whether a name may be one that an upload was answered with."""
    return _STORED.fullmatch(name) is not None


def shown_name(protocol_id: int | None, stored: str | None) -> str | None:
    """What clients see of a stored name; the file itself never moves, so no failure can part it from its record."""
    return f"{protocol_id}_{stored.split('_', 1)[-1]}" if stored else None
