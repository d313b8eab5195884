"""Routes of specimens; fixed paths stand before `<pk>`."""

from biobank.wire.forms import extension_form, extension_records_of
from biobank.wire.routing import route
from specimens.specimen import views
from specimens.specimen.reads import specimen

rest = [
    route("/visits/collect", views.VisitCollect),
    route("/specimens", views.SpecimenList),
    route("/specimens/bulk-update", views.SpecimenBulkUpdate),
    route("/specimens/status", views.SpecimenStatuses),
    route("/specimens/collect", views.SpecimenCollect),
    route("/specimens/pooled", views.SpecimenPooled),
    route("/specimens/undelete", views.SpecimenUndo),
    route("/specimens/search", views.SpecimenFind),
    route("/specimens/search/count", views.SpecimenFindCount),
    route("/specimens/extension-form", extension_form("specimen")),
    route("/specimens/<pk>", views.SpecimenOne),
    route("/specimens/<pk>/status", views.SpecimenStatus),
    route("/specimens/<pk>/dependent-entities", views.SpecimenDependents),
    route("/specimens/<pk>/events", views.SpecimenEvents),
    route("/specimens/<pk>/forms", views.SpecimenForms),
    route("/specimens/<pk>/forms/<context>/records", views.SpecimenFormRecords),
    route("/specimens/<pk>/extension-records", extension_records_of(specimen, "specimen")),
    route("/specimen-events/<form>", views.SpecimenEventRecords),
    route("/specimens/<pk>/cpr-visit-ids", views.SpecimenAbove),
    route("/specimens/<pk>/primary-specimen-id", views.SpecimenPrimary),
]
