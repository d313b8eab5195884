"""Routes of visits; fixed paths stand before `<pk>`."""

from biobank.wire.forms import extension_form, extension_records_of, forms_of, records_of
from biobank.wire.routing import route
from specimens.visit import views
from specimens.visit.reads import visit

rest = [
    route("/visits", views.VisitList),
    route("/visits/list", views.VisitsByName),
    route("/visits/bynamespr", views.VisitSearch),
    route("/visits/match", views.VisitMatches),
    route("/visits/extension-form", extension_form("visit")),
    route("/visits/<pk>", views.VisitOne),
    route("/visits/<pk>/dependent-entities", views.VisitDependents),
    route("/visits/<pk>/spr-file", views.ReportFile),
    route("/visits/<pk>/spr-text", views.ReportTexts),
    route("/visits/<pk>/spr-lock", views.ReportLocks),
    route("/visits/<pk>/forms", forms_of(visit, "visit", ("SpecimenCollectionGroup",))),
    route("/visits/<pk>/forms/<context>/records", records_of(visit, "visit")),
    route("/visits/<pk>/extension-records", extension_records_of(visit, "visit")),
    route("/collection-protocol-registrations/<pk>/latest-visit", views.LatestVisit),
]
