"""Writing participants, registrations and consents; everything goes through the doors."""

from specimens.participant.writes.consents import CONSENTS
from specimens.participant.writes.registrations import (
    REGISTRATIONS,
    anonymize,
    delete_registration,
    delete_registrations,
    update_many,
)

__all__ = [
    "CONSENTS",
    "REGISTRATIONS",
    "anonymize",
    "delete_registration",
    "delete_registrations",
    "update_many",
]
