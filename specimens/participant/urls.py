"""Routes of registrations and participants; fixed paths stand before `<pk>`."""

from biobank.wire.forms import extension_form, extension_records_of, forms_of, records_of
from biobank.wire.routing import route
from specimens.participant import views
from specimens.participant.reads import registration

_LEVELS = ("Participant", "CommonParticipant")  # those of a protocol, those of all protocols

rest = [
    route("/collection-protocol-registrations", views.RegistrationList),
    route("/collection-protocol-registrations/list", views.RegistrationFind),
    route("/collection-protocol-registrations/count", views.RegistrationCount),
    route("/collection-protocol-registrations/bulk-update", views.RegistrationBulkUpdate),
    route("/collection-protocol-registrations/bulk", views.RegistrationBulk),
    route("/collection-protocol-registrations/matches", views.RegistrationMatches),
    route("/collection-protocol-registrations/<pk>", views.RegistrationOne),
    route("/collection-protocol-registrations/<pk>/dependent-entities", views.RegistrationDependents),
    route("/collection-protocol-registrations/<pk>/anonymize", views.RegistrationAnonymize),
    route("/collection-protocol-registrations/<pk>/consents", views.RegistrationConsents),
    route("/collection-protocol-registrations/<pk>/consent-form", views.ConsentForm),
    route("/collection-protocol-registrations/<pk>/forms", forms_of(registration, "registration", _LEVELS)),
    route(
        "/collection-protocol-registrations/<pk>/forms/<context>/records",
        records_of(registration, "registration"),
    ),
    route(
        "/collection-protocol-registrations/<pk>/extension-records",
        extension_records_of(registration, "registration"),
    ),
    route("/participants/extension-form", extension_form("participant")),
    route("/participants/match", views.ParticipantMatches),
    route("/participants/multi-match", views.ParticipantMultiMatches),
    route("/participants/<pk>", views.ParticipantOne),
]
