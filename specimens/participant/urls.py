"""Routes of registrations and participants; fixed paths stand before `<pk>`."""

from biobank.wire.routing import route
from specimens.participant import views

rest = [
    route("/collection-protocol-registrations", views.RegistrationList),
    route("/collection-protocol-registrations/list", views.RegistrationFind),
    route("/collection-protocol-registrations/count", views.RegistrationCount),
    route("/collection-protocol-registrations/bulk-update", views.RegistrationBulkUpdate),
    route("/collection-protocol-registrations/<pk>", views.RegistrationOne),
    route("/collection-protocol-registrations/<pk>/dependent-entities", views.RegistrationDependents),
    route("/collection-protocol-registrations/<pk>/anonymize", views.RegistrationAnonymize),
    route("/collection-protocol-registrations/<pk>/consents", views.RegistrationConsents),
    route("/participants/match", views.ParticipantMatches),
    route("/participants/<pk>", views.ParticipantOne),
]
