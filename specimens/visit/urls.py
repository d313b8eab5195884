"""Routes of visits; fixed paths stand before `<pk>`."""

from biobank.wire.routing import route
from specimens.visit import views

rest = [
    route("/visits", views.VisitList),
    route("/visits/list", views.VisitsByName),
    route("/visits/bynamespr", views.VisitSearch),
    route("/visits/<pk>", views.VisitOne),
    route("/visits/<pk>/dependent-entities", views.VisitDependents),
    route("/collection-protocol-registrations/<pk>/latest-visit", views.LatestVisit),
]
