"""Views at the server root: `{"detail": …}` bodies, `Authorization: Token`, fixed statuses (spec 06 §1.4, §2.1)."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast
from uuid import uuid4

from django.http import Http404, HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from biobank.access import Actor
from biobank.wire.errors import Refused
from biobank.wire.http import WireParser, WireRenderer
from sessions_auth.authentication import TOKEN_COOKIE, TokenAuthentication

log = logging.getLogger("exports")
F = TypeVar("F", bound=Callable[..., Any])

DETAIL = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string"}},
    "additionalProperties": False,
}
_TEXTS = {
    400: "The request cannot be understood",
    401: "Authentication credentials were not provided or are not valid",
    403: "You do not have the right to do this",
    404: "Not found",
    405: "Not offered here",
    409: "Not possible now",
}


class RootError(Exception):
    """A refusal at the server root: an HTTP status and a text."""

    def __init__(self, status: int, detail: str = "", **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail or _TEXTS[status]
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class RootAuthentication(TokenAuthentication):
    """As below the REST base, and by `Authorization: Token <token>`, which goes before the cookie."""

    def authenticate(self, request: Request) -> Any:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "token":
            request._request.COOKIES[TOKEN_COOKIE] = token.strip()
        return super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class RootScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The scheme that is taken at the server root beside those of the REST base."""

    target_class = "exports.root.RootAuthentication"
    name = "authorization"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        text = "`Token <token>`, with the token of a sign-in"
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": text}

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        return [{name: []} for name in ("authorization", "token", "cookie", "basic")]


class RootView(APIView):
    """One path at the server root; everybody must have signed in, and that is looked at first."""

    authentication_classes = [RootAuthentication]
    renderer_classes = [WireRenderer]
    parser_classes = [WireParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.auth is None:
            raise RootError(401)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        return WireRenderer(), "application/json"

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return answer_error

    @property
    def actor(self) -> Actor:
        return cast(Actor, self.request.auth)


class NowhereView(RootView):
    """Paths that lack their owner: nothing is there for anybody."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise RootError(404)


def answer_error(error: Exception, context: dict[str, Any]) -> Response:
    """Every refusal and every failure at the server root, as `{"detail": text}`."""
    set_rollback()
    status, detail, headers = _refusal(error, context)
    response = Response({"detail": detail}, status=status)
    for name, value in headers.items():
        response[name] = value
    if status == 401:
        response["WWW-Authenticate"] = "Token"
    if status == 405:
        response.headers.setdefault("Allow", ", ".join(context["view"].allowed_methods))
    return response


def _refusal(error: Exception, context: dict[str, Any]) -> tuple[int, str, dict[str, str]]:
    if isinstance(error, RootError):
        return error.status, error.detail, error.headers
    if isinstance(error, Refused):
        return 400, "; ".join(problem.message for problem in error.problems), {}
    if isinstance(error, Http404):
        return 404, _TEXTS[404], {}
    if isinstance(error, exceptions.APIException):
        text = _TEXTS.get(error.status_code, "")
        return error.status_code, text or str(error.detail), {}
    incident = uuid4().hex[:12]
    log.error("incident %s", incident, exc_info=error)
    return 500, f"Something went wrong here; incident {incident}", {}


def root_operation(
    summary: str,
    answers: dict[int, tuple[str, Any]],
    *,
    query: Sequence[OpenApiParameter] = (),
    body: Any = None,
) -> Callable[[F], F]:
    """Declare a method of a `RootView` for the OpenAPI document.

    `answers` maps statuses to a description and what the body is: a JSON schema, a media type, or None for no
    body. Refusals that every method knows are added.
    """

    def decorate(method: F) -> F:
        refusals = {status: (_TEXTS[status], DETAIL) for status in (401, 403, 404)}
        refusals[500] = ("A failure here", DETAIL)
        found: dict[Any, Any] = {}
        for status, (description, shape) in {**refusals, **answers}.items():
            if isinstance(shape, str):
                file = OpenApiResponse({"type": "string", "format": "binary"}, description=description)
                found[(status, shape)] = file
            else:
                found[status] = OpenApiResponse(shape, description=description)
        declared = extend_schema(
            summary=summary,
            description=(method.__doc__ or "").strip(),
            parameters=list(query),
            request=None if body is None else {"application/json": body},
            responses=found,
        )
        return declared(method)

    return decorate


def truthy(request: HttpRequest | Request, name: str) -> bool:
    """A flag of the query string: `true`, `True` and `1` mean yes (spec 06 §1.9)."""
    return request.GET.get(name, "") in ("true", "True", "1")
