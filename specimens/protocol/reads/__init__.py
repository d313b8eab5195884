"""Reading protocols, their events, requirements and consents; what packages below look up stands here."""

from specimens.protocol.reads.lookups import (
    allowed_among,
    events_by_id,
    events_by_label,
    find_event,
    find_protocol,
    protocols_by_id,
    protocols_by_short_title,
    protocols_by_title,
    requirements_by_code,
    requirements_by_id,
    requirements_of,
    sites_of,
)
from specimens.protocol.reads.scopes import protocols_for, within
from specimens.protocol.reads.units import NO_UNITS, Units, units_for

__all__ = [
    "NO_UNITS", "Units", "allowed_among", "events_by_id", "events_by_label", "find_event", "find_protocol",
    "protocols_by_id", "protocols_by_short_title", "protocols_by_title", "protocols_for", "requirements_by_code",
    "requirements_by_id", "requirements_of", "sites_of", "units_for", "within",
]  # fmt: skip
