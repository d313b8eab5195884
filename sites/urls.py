"""Routes of institutes and sites; fixed paths stand before `<pk>`."""

from biobank.wire.forms import extension_form
from biobank.wire.routing import route
from sites import views

rest = [
    route("/institutes", views.InstituteList),
    route("/institutes/count", views.InstituteCount),
    route("/institutes/byname", views.InstituteByName),
    route("/institutes/sites", views.InstituteSites),
    route("/institutes/<pk>", views.InstituteOne),
    route("/institutes/<pk>/dependent-entities", views.InstituteDependents),
    route("/sites", views.SiteList),
    route("/sites/count", views.SiteCount),
    route("/sites/byname", views.SiteByName),
    route("/sites/bulk-update", views.SiteBulkUpdate),
    route("/sites/extension-form", extension_form("site")),
    route("/sites/byid/<pk>", views.SiteOne),
    route("/sites/<pk>", views.SiteOne),
    route("/sites/<pk>/dependent-entities", views.SiteDependents),
]
