"""Reading registrations and participants: scopes, search, details, and look-ups for the packages below."""

from specimens.participant.reads.details import other_registrations, registration_details, with_parts, written
from specimens.participant.reads.lookups import Protocols, registrations_by_id, registrations_by_ppid
from specimens.participant.reads.scopes import (
    known_registrations,
    phi_protocols,
    registration,
    registrations_for,
    writable,
)
from specimens.participant.reads.search import listed, matching

__all__ = [
    "Protocols", "known_registrations", "listed", "matching", "other_registrations", "phi_protocols",
    "registration", "registration_details", "registrations_by_id", "registrations_by_ppid", "registrations_for",
    "with_parts", "writable", "written",
]  # fmt: skip
