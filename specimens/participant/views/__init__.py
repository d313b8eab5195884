"""`/collection-protocol-registrations` and `/participants` over HTTP (spec 03 §1)."""

from specimens.participant.views.consents import ConsentForm, RegistrationConsents
from specimens.participant.views.participants import (
    ParticipantMatches,
    ParticipantMultiMatches,
    ParticipantOne,
)
from specimens.participant.views.registrations import (
    RegistrationAnonymize,
    RegistrationBulk,
    RegistrationBulkUpdate,
    RegistrationCount,
    RegistrationDependents,
    RegistrationFind,
    RegistrationList,
    RegistrationMatches,
    RegistrationOne,
)

__all__ = [
    "ConsentForm", "ParticipantMatches", "ParticipantMultiMatches", "ParticipantOne", "RegistrationAnonymize",
    "RegistrationBulk", "RegistrationBulkUpdate", "RegistrationConsents", "RegistrationCount",
    "RegistrationDependents", "RegistrationFind", "RegistrationList", "RegistrationMatches", "RegistrationOne",
]  # fmt: skip
