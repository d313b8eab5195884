"""Routes of printing."""

from biobank.wire.routing import route
from specimens.printing import views

rest = [
    route("/specimen-label-printer", views.SpecimenLabelPrinter),
    route("/specimen-label-printer/tokens", views.SpecimenLabelTokens),
    route("/specimen-label-printer/output-file", views.SpecimenLabelFile),
    route("/visit-name-printer", views.VisitNamePrinter),
    route("/visit-name-printer/tokens", views.VisitNameTokens),
]
