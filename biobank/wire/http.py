"""What every REST view is made of: parse, call, answer (spec 01 part A)."""

import html
import inspect
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast, get_args, get_origin
from uuid import uuid4

import orjson
from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpResponseBase, QueryDict
from pydantic import BaseModel
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from biobank.access import Actor
from biobank.wire import errors, openapi, status
from biobank.wire.errors import INVALID_REQUEST, Kind, Problem, Refused
from biobank.wire.status import Effect

log = logging.getLogger("biobank.wire")
F = TypeVar("F", bound=Callable[..., Any])
P = TypeVar("P", bound=BaseModel)


# --- JSON -------------------------------------------------------------------------------------------


def render(data: object) -> bytes:
    """JSON bytes of a detail, a list of details, or anything made of plain values."""
    if isinstance(data, BaseModel):
        return data.__pydantic_serializer__.to_json(data, by_alias=True)
    if isinstance(data, list | tuple) and data and isinstance(data[0], BaseModel):
        return b"[" + b",".join(render(item) for item in data) + b"]"
    return orjson.dumps(data, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class WireRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: object = None
    ) -> bytes:
        return b"" if data is EMPTY else render(data)


EMPTY = object()  # answers nothing at all: an empty body with status 200


class WireParser(BaseParser):
    """JSON whatever its parameters are; a missing body parses to None."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: object = None) -> Any:
        raw = stream.read()
        if not raw.strip():
            return None
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Refused(INVALID_REQUEST(reason=f"malformed JSON, {error}")) from None


# --- Views ------------------------------------------------------------------------------------------


class IsSignedIn(BasePermission):
    """Every call needs an actor, but for those declared `public`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        handler = getattr(view, (request.method or "").lower(), None)
        return request.auth is not None or bool(getattr(handler, "public", False))


class ApiView(APIView):
    """One path; its methods are decorated with `operation`."""

    permission_classes = [IsSignedIn]
    renderer_classes = [WireRenderer]
    parser_classes = [WireParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any("\0" in text for name, texts in request.query_params.lists() for text in (name, *texts)):
            raise Refused(INVALID_REQUEST(reason="a parameter contains a NUL character"))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """JSON is all there is: an unusual `Accept` header is no reason to refuse."""
        return WireRenderer(), "application/json"

    @property
    def actor(self) -> Actor:
        return cast(Actor, self.request.auth)


class NotFoundView(ApiView):
    """Catches paths below the REST base that are nothing: 401 without credentials, else 404."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Refused(errors.UNKNOWN_PATH(path=request.path))


def operation(
    summary: str,
    *,
    answer: Any = None,
    body: Any = None,
    query: type[BaseModel] | None = None,
    effect: Effect | None = None,
    public: bool = False,
    body_optional: bool = False,
    upload: bool = False,
    description: str = "",
    operation_id: str | None = None,
    tags: Iterable[str] | None = None,
    answers: dict[int, str] | None = None,
) -> Callable[[F], F]:
    """Declare a view method: its shapes for the OpenAPI document, and the parsing and answering around it.

    The method receives `(request, *path values)` and, when declared, keyword arguments `body` (a detail, or a
    list of details for `list[X]`) and `query`. Path values annotated `int` arrive as numbers; other text there
    is `INVALID_REQUEST`. It returns a detail, a list, plain JSON values, or a Django response.
    `effect` defaults to READ for GET and DELETE and to WRITE for POST, PUT (ACTION must be said).
    """

    def decorate(method: F) -> F:
        name = method.__name__
        path_values = _path_values(method)
        outcome = effect or (Effect.WRITE if name in ("post", "put") else Effect.READ)
        is_list = get_origin(body) is list
        shape = get_args(body)[0] if is_list else body

        @wraps(method)
        def call(view: ApiView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            for key, kind in path_values.items():
                if kind is int:
                    kwargs[key] = whole(kwargs[key])
            if query is not None:
                kwargs["query"] = parse_query(query, request.query_params)
            if body is not None:
                data = _data(request, body_optional)
                kwargs["body"] = _parse_body(data, shape, is_list)
                _note_reason(request, data)
            result = method(view, request, *args, **kwargs)
            if isinstance(result, HttpResponseBase):
                return result
            return Response(result, status=status.of_success(outcome))

        call.public = public  # type: ignore[attr-defined]
        call.declared = openapi.Declared(  # type: ignore[attr-defined]
            summary=summary,
            description=description or inspect.cleandoc(method.__doc__ or ""),
            operation_id=operation_id,
            tags=list(tags) if tags else None,
            public=public,
            body=body,
            upload=upload,
            query=query,
            path_values=path_values,
            answer=answer,
            write=outcome is Effect.WRITE,
            others=answers,
        )
        return cast(F, call)

    return decorate


def _path_values(method: Callable[..., Any]) -> dict[str, type]:
    """Names and types of what the path gives to a view method."""
    names = list(inspect.signature(method).parameters.values())[2:]
    return {p.name: p.annotation for p in names if p.name not in ("body", "query")}


def whole(text: object) -> int:
    """A number out of a path. Raises `Refused(INVALID_REQUEST)` for anything else."""
    try:
        found = int(str(text))
    except ValueError:
        raise Refused(INVALID_REQUEST(reason=f"{text} is not a number")) from None
    return found if abs(found) < 2**63 else -1


def _data(request: Request, optional: bool) -> object:
    """The decoded body; an empty one is None, or an empty object where the body may be left out."""
    empty = not int(request.META.get("CONTENT_LENGTH") or 0)
    return ({} if optional else None) if empty else request.data


def _note_reason(request: Request, data: object) -> None:
    """`opComments` of a body, or of the `detail` in it, is why the caller does this (spec 01 §A.8)."""
    if not isinstance(data, dict) or not isinstance(request.auth, Actor):
        return
    inner = data.get("detail")
    for text in (data.get("opComments"), inner.get("opComments") if isinstance(inner, dict) else None):
        if isinstance(text, str) and text.strip():
            request.auth = replace(request.auth, reason=text.replace("\0", "").strip())
            return


def _parse_body(data: object, shape: Any, is_list: bool) -> object:
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return data
    parse: Callable[[object], object] = cast(Any, shape).parse
    if not is_list:
        return parse(data)
    if not isinstance(data, list):
        raise Refused(INVALID_REQUEST(reason="a list is expected"))
    return [parse(item) for item in data]


def parse_query(shape: type[P], params: QueryDict) -> P:
    """Build the query object; list parameters may repeat or be comma separated (spec 01 §A.1)."""
    data: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        key = field.alias or name
        values = params.getlist(key)
        if not values:
            continue
        if _is_list(field.annotation):
            data[key] = [part for value in values for part in value.split(",") if part.strip()]
        else:
            data[key] = values[-1]
    return cast(P, cast(Any, shape).parse(data))


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(get_origin(arg) is list for arg in get_args(annotation))


# --- Errors -----------------------------------------------------------------------------------------


def answer_error(error: Exception, context: dict[str, Any]) -> Response:
    """Every refusal and every failure below the REST base, as the error array (spec 01 §A.3)."""
    set_rollback()
    problems = _problems(error, context)
    response = Response(
        [{"code": p.code, "message": html.escape(p.message, quote=False)} for p in problems],
        status=status.of_refusal(problems[0].kind, problems[0].code),
    )
    headers = getattr(context.get("request"), "headers", {})
    if response.status_code == 401 and headers.get("X-OS-API-CLIENT") != "webui":
        response["WWW-Authenticate"] = 'Basic realm="OpenSpecimen"'
    if problems[0].kind in (Kind.UNAUTHENTICATED, Kind.SIGN_IN_FAILED):
        for cookie in ("osAuthToken", "osImpersonateUser"):
            response.delete_cookie(cookie)
    if isinstance(error, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def _problems(error: Exception, context: dict[str, Any]) -> tuple[Problem, ...]:
    request = context.get("request")
    if isinstance(error, Refused):
        return error.problems
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return (errors.UNAUTHENTICATED(),)
    if isinstance(error, exceptions.PermissionDenied):
        return (errors.ACCESS_DENIED(),)
    if isinstance(error, exceptions.MethodNotAllowed):
        return (errors.METHOD_NOT_ALLOWED(method=getattr(request, "method", "")),)
    if isinstance(error, exceptions.UnsupportedMediaType):
        return (errors.MEDIA_TYPE(type=getattr(request, "content_type", "") or "(none)"),)
    if isinstance(error, Http404 | exceptions.NotFound):
        return (errors.UNKNOWN_PATH(path=getattr(request, "path", "")),)
    if isinstance(error, exceptions.ParseError | RequestDataTooBig | UnicodeDecodeError):
        return (INVALID_REQUEST(reason="the body cannot be read"),)
    if isinstance(error, IntegrityError):
        from biobank.wire.constraints import problem_of

        found = problem_of(error)
        if found is not None:
            return (found,)
    return (_incident(error),)


def _incident(error: Exception) -> Problem:
    """A failure of ours: logged with a number, never with the data of the request."""
    incident = uuid4().hex[:12]
    level = logging.WARNING if isinstance(error, OperationalError) else logging.ERROR
    log.log(level, "unexpected failure, incident %s", incident, exc_info=error)
    return errors.SERVER_ERROR(incident=incident)
