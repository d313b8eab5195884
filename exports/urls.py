"""Routes of exports: repositories at the server root."""

from functools import partial

from django.urls import URLPattern, re_path

from exports import views
from exports.kinds import PROTOCOLS
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

root = [
    *_below(views.ExportView, "/(?P<version>[^/]+)/export"),
    re_path(f"^{PROTOCOLS.slug}/", NowhereView.as_view()),
]
