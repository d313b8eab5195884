"""Routes of exports: published versions below the REST base, repositories at the server root."""

from functools import partial

from django.urls import URLPattern, re_path

from biobank.wire.routing import route
from exports import protocol_views, views
from exports.kinds import PROTOCOLS
from exports.objects.views import ExportJobOne, ExportJobOutput, ExportJobs
from exports.registry import ExportKind
from exports.root import NowhereView, RootView

_OWNERS = (r"orgs/(?P<org>[^/]+)", r"users/(?P<username>[^/]+)", "user")


def _mounted(kind: ExportKind, view: type[RootView], below: str) -> list[URLPattern]:  # type: ignore[type-arg]
    """The path of a view below a repository, for each way to name the owner; its last slash may be left out."""
    return [
        re_path(f"^{owner}/{kind.slug}/(?P<repo>[^/]+){below}/?$", view.as_view(slug=kind.slug))
        for owner in _OWNERS
    ]


_below = partial(_mounted, PROTOCOLS)

rest = [
    route("/export-jobs", ExportJobs),
    route("/export-jobs/<pk>", ExportJobOne),
    route("/export-jobs/<pk>/output", ExportJobOutput),
    route("/collection-protocols/<pk>/published-events", protocol_views.PublishedEvents),
    route("/collection-protocols/<pk>/published-versions/<event>", protocol_views.PublishedDefinition),
]

root = [
    *_below(views.RepositoryOne, ""),
    *_below(protocol_views.ProtocolVersionList, "/versions"),
    *_below(protocol_views.ProtocolVersionOne, "/(?P<version>[^/]+)"),
    *_below(views.ProcessingView, "/(?P<version>[^/]+)/processing"),
    *_below(views.ExportView, "/(?P<version>[^/]+)/export"),
    re_path(f"^{PROTOCOLS.slug}/", NowhereView.as_view()),
]
