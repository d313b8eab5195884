"""Routes of specimens; fixed paths stand before `<pk>`."""

from biobank.wire.routing import route
from specimens.specimen import views

rest = [
    route("/visits/collect", views.VisitCollect),
    route("/specimens", views.SpecimenList),
    route("/specimens/bulk-update", views.SpecimenBulkUpdate),
    route("/specimens/status", views.SpecimenStatuses),
    route("/specimens/collect", views.SpecimenCollect),
    route("/specimens/search", views.SpecimenFind),
    route("/specimens/search/count", views.SpecimenFindCount),
    route("/specimens/<pk>", views.SpecimenOne),
    route("/specimens/<pk>/status", views.SpecimenStatus),
    route("/specimens/<pk>/dependent-entities", views.SpecimenDependents),
    route("/specimens/<pk>/events", views.SpecimenEvents),
    route("/specimens/<pk>/cpr-visit-ids", views.SpecimenAbove),
    route("/specimens/<pk>/primary-specimen-id", views.SpecimenPrimary),
]
