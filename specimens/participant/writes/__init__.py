"""Writing participants, registrations and consents; everything goes through the doors."""

from specimens.participant.writes.consents import CONSENTS
from specimens.participant.writes.empty import register_many
from specimens.participant.writes.participants import PARTICIPANTS
from specimens.participant.writes.registrations import (
    REGISTRATIONS,
    anonymize,
    delete_registration,
    delete_registrations,
    update_many,
)

__all__ = [
    "CONSENTS",
    "PARTICIPANTS",
    "REGISTRATIONS",
    "anonymize",
    "delete_registration",
    "delete_registrations",
    "register_many",
    "update_many",
]
