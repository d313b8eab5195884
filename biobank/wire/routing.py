"""Paths as clients write them: both bases, doubled and trailing slashes, no redirects (spec 01 §A.1)."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from rest_framework.views import APIView

Next = Callable[[HttpRequest], HttpResponse]
_SLASHES = re.compile(r"/{2,}")
_METHODS = "POST, GET, HEAD, PUT, DELETE, PATCH, OPTIONS"
_REQUEST_HEADERS = (
    "Origin, Accept, Content-Type, X-OS-API-TOKEN, X-OS-API-CLIENT, X-OS-IMPERSONATE-USER, "
    "X-OS-CLIENT-TZ, X-OS-SURVEY-TOKEN, Idempotency-Key, "
    "Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset, Upload-Checksum"
)
_RESPONSE_HEADERS = (
    "Content-Disposition, Content-Length, Content-Type, Location, "
    "Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, "
    "Upload-Length, Upload-Offset, Upload-Expires, Upload-Metadata"
)
_options: dict[str, Callable[[], dict[str, str]]] = {}


def also_answer_options(prefix: str, headers: Callable[[], dict[str, str]]) -> None:
    """Have OPTIONS of all paths below `prefix` answer these headers, too."""
    _options[prefix] = headers


def route(template: str, view: type[APIView], name: str | None = None) -> URLPattern:
    """Mount a view below the REST base; `template` starts with a slash and has none at its end."""
    return path(template.lstrip("/"), view.as_view(), name=name)


def rest_path(path_info: str) -> str | None:
    """The canonical path below the REST base, or None when the path is not one of ours."""
    clean = _SLASHES.sub("/", path_info)
    for prefix in (settings.REST_PREFIX, *settings.REST_ALIASES):
        if clean == prefix or clean.startswith(prefix + "/"):
            return settings.REST_PREFIX + clean[len(prefix) :].rstrip("/")
    return None


class WirePathMiddleware:
    """Rewrites every spelling of a REST path to the canonical one, so that each route exists once."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        canonical = rest_path(request.path_info)
        if canonical is not None:
            request.path_info = request.path = canonical
        return self.get_response(request)


class WireHeadersMiddleware:
    """CORS and caching headers of the REST base; answers OPTIONS before anybody signs in."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(settings.REST_PREFIX):
            return self.get_response(request)
        origin = request.headers.get("Origin")
        if origin and not _is_allowed(origin, request):
            response = _refuse_origin(origin)
        elif request.method == "OPTIONS":
            response = HttpResponse(status=200, headers=_offers(request.path_info))
        else:
            response = self.get_response(request)
        response["Cache-Control"] = "no-cache, no-store, must-revalidate"
        response["Pragma"] = "no-cache"
        response["Expires"] = "Thu, 01 Jan 1970 00:00:00 GMT"
        if origin and response.status_code != 405:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Credentials"] = "true"
            response["Access-Control-Allow-Methods"] = _METHODS
            response["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
            response["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS
            response["Vary"] = "Origin"
        return response


def _offers(path_info: str) -> dict[str, str]:
    below = path_info.removeprefix(settings.REST_PREFIX)
    found = (headers() for prefix, headers in _options.items() if below.startswith(prefix))
    return next(found, {})


def _is_allowed(origin: str, request: HttpRequest) -> bool:
    from biobank.configuration.reads import setting

    if urlsplit(origin).netloc == request.get_host():
        return True
    allowed = [
        entry.strip() for entry in setting("common", "allowed_req_origins").split(",") if entry.strip()
    ]
    return "*" in allowed or origin in allowed


def _refuse_origin(origin: str) -> HttpResponse:
    from biobank.wire.http import render

    body = [{"code": "COMMON_ORIGIN_NOT_ALLOWED", "message": "Requests from this origin are not allowed"}]
    return HttpResponse(render(body), status=405, content_type="application/json")
