"""Routes of the audit."""

from biobank.audit import views
from biobank.wire.routing import route

rest = [
    route("/audit", views.Audit),
    route("/audit/revisions", views.Revisions),
    route("/audit/revision-entities", views.RevisionEntities),
    route("/audit/export-revisions", views.ExportRevisions),
    route("/audit/revisions-file", views.RevisionsFile),
]
