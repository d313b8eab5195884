"""Where the apps are mounted."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerView

from biobank import dashboard, health
from biobank.wire.http import NotFoundView

APPS = (
    "biobank.configuration", "biobank.audit", "terminology", "sites", "sessions_auth", "specimens.protocol",
    "specimens.participant", "specimens.visit", "specimens.specimen", "specimens.cart", "specimens.printing",
    "importjobs", "queries", "exports",
)  # fmt: skip


def _routes(attribute: str) -> list[URLPattern | URLResolver]:
    """The `rest` or `root` routes of every app that has a urls.py; fixed paths stand before those with values."""
    found = [
        pattern
        for app in APPS
        if find_spec(f"{app}.urls")
        for pattern in getattr(import_module(f"{app}.urls"), attribute, [])
    ]
    return sorted(found, key=lambda pattern: "<" in str(pattern.pattern))


_schema: dict[str, Any] = {"authentication_classes": [], "permission_classes": []}
_base = settings.REST_PREFIX.strip("/")

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path(f"{_base}/openapi.json", SpectacularJSONAPIView.as_view(**_schema), name="openapi"),
    path(f"{_base}/docs", SpectacularSwaggerView.as_view(url_name="openapi", **_schema)),
    path(f"{_base}/redoc", SpectacularRedocView.as_view(url_name="openapi", **_schema)),
    path(f"{_base}/", include(_routes("rest"))),
    re_path(rf"^{_base}(/.*)?$", NotFoundView.as_view()),
    path("admin/figures/", dashboard.fresh, name="admin_figures"),
    path("admin/", admin.site.urls),
    *_routes("root"),
]
