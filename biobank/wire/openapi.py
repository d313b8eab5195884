"""From details to the OpenAPI document: components, parameters, bodies, answers."""

import re
import types
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Union, cast, get_args, get_origin

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

_REF = "#/components/schemas/{model}"
_components: dict[str, Any] = {}
_ERRORS = {
    "type": "array",
    "minItems": 1,
    "items": {"$ref": "#/components/schemas/Problem"},
}
_PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Declared:
    """What `operation` was told about a view method. Schemas are made of it only when the document is asked for:
    a process that starts has better things to do."""

    summary: str
    description: str
    operation_id: str | None
    tags: list[str] | None
    public: bool
    body: Any
    upload: bool
    query: type[BaseModel] | None
    path_values: dict[str, type]
    answer: Any
    write: bool
    others: dict[int, str] | None

    @cached_property
    def parameters(self) -> list[OpenApiParameter]:
        return parameters(self.query, self.path_values)

    @cached_property
    def request_body(self) -> Any:
        return request_body(self.body, upload=self.upload)

    @cached_property
    def responses(self) -> dict[Any, Any]:
        return responses(self.answer, write=self.write, others=self.others)


class WireSchema(AutoSchema):
    """An operation as it was declared; without its own, operation id and tag come out of the path:
    `GET /sites/{pk}` is `get_sites_pk`, tag `sites`."""

    def get_operation_id(self) -> str:
        declared = self._declared
        return (declared.operation_id if declared else None) or re.sub(
            r"\W+", "_", f"{self.method.lower()}{self._below_base()}"
        ).strip("_")

    def get_tags(self) -> list[str]:
        declared = self._declared
        return (declared.tags if declared else None) or [self._below_base().strip("/").split("/")[0]]

    def get_description(self) -> str:  # type: ignore[override]
        return self._declared.description if self._declared else ""

    def get_summary(self) -> str | None:
        return self._declared.summary if self._declared else None

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{}] if self._declared and self._declared.public else cast(Any, super().get_auth())

    def get_override_parameters(self) -> Any:
        return self._declared.parameters if self._declared else []

    def get_request_serializer(self) -> Any:
        return self._declared.request_body if self._declared else None

    def get_response_serializers(self) -> Any:
        return self._declared.responses if self._declared else None

    @property
    def _declared(self) -> Declared | None:
        return getattr(getattr(self.view, self.method.lower(), None), "declared", None)

    def _below_base(self) -> str:
        return str(self.path).removeprefix(settings.REST_PREFIX)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The three ways to say who is calling (spec 01 §A.2)."""

    target_class = "sessions_auth.authentication.TokenAuthentication"
    name = ["token", "cookie", "basic"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [
            {"type": "apiKey", "in": "header", "name": "X-OS-API-TOKEN"},
            {"type": "apiKey", "in": "cookie", "name": "osAuthToken"},
            {"type": "http", "scheme": "basic"},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        return [{name: []} for name in self.name]


def schema_of(shape: Any) -> dict[str, Any]:
    """The JSON schema of a Python type; the models in it become components."""
    if isinstance(shape, dict):
        return shape
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        _collect_model(shape)
        return {"$ref": _REF.format(model=shape.__name__)}
    if get_origin(shape) is list:
        return {"type": "array", "items": schema_of(get_args(shape)[0])}
    if get_origin(shape) in (Union, types.UnionType):
        return {"anyOf": [schema_of(part) for part in get_args(shape)]}
    schema = TypeAdapter(shape).json_schema(ref_template=_REF)
    _collect(schema.pop("$defs", {}))
    return schema


@cache
def _collect_model(shape: type[BaseModel]) -> None:
    schema = shape.model_json_schema(by_alias=True, ref_template=_REF)
    _collect(schema.pop("$defs", {}))
    if "$ref" not in schema:
        _components.setdefault(shape.__name__, schema)


def _collect(definitions: dict[str, Any]) -> None:
    for name, schema in definitions.items():
        _components.setdefault(name, schema)


def request_body(body: Any, *, upload: bool) -> Any:
    if upload:
        return {
            "multipart/form-data": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    if body is None:
        return None
    return {"application/json": schema_of(body)}


def responses(answer: Any, *, write: bool, others: dict[int, str] | None) -> dict[Any, Any]:
    """The answers of one operation: its success in both status modes, and the error array."""
    if isinstance(answer, str):  # a media type: the answer is a file
        success: Any = OpenApiResponse(
            response={"type": "string", "format": "binary"}, description="The file"
        )
        found: dict[Any, Any] = {(200, answer): success}
    else:
        schema = {} if answer is None else schema_of(answer)
        codes = (200, 201) if write else (200,)
        found = {code: OpenApiResponse(response=schema, description="Done") for code in codes}
    statuses = {
        400: "Invalid input",
        403: "No right to do this",
        404: "No such record",
        500: "A failure here",
    }
    statuses[401] = "Not signed in, or with a token that is no longer valid"
    for code, description in {**statuses, **(others or {})}.items():
        found[code] = OpenApiResponse(response=_ERRORS, description=description)
    return found


def parameters(query: type[BaseModel] | None, path_values: dict[str, type]) -> list[OpenApiParameter]:
    """What path and query string carry."""
    found = [
        OpenApiParameter(name, type=int if kind is int else str, location=OpenApiParameter.PATH)
        for name, kind in path_values.items()
    ]
    if query is not None:
        found += [_parameter(name, field) for name, field in query.model_fields.items()]
    return found


def _parameter(name: str, field: FieldInfo) -> OpenApiParameter:
    schema = (
        _from_metadata(field) if field.metadata else TypeAdapter(cast(Any, field.annotation)).json_schema()
    )
    kind = schema.get("type", "string")
    kinds = [kind] if isinstance(kind, str) else [k for k in kind if k != "null"]
    schema = {**schema, "type": kinds[0]}
    default = field.default
    if default is not None and isinstance(default, str | int | bool):
        schema["default"] = default
    return OpenApiParameter(
        name=field.alias or name,
        location=OpenApiParameter.QUERY,
        required=False,
        type=schema,
        description=field.description or "",
    )


def _from_metadata(field: FieldInfo) -> dict[str, Any]:
    annotated: Any = Annotated[(field.annotation, *field.metadata)]
    schema: dict[str, Any] = TypeAdapter(annotated).json_schema()
    return schema


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular hook: put the collected details into the document."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    schemas.update({name: schema for name, schema in _components.items() if name not in schemas})
    components["schemas"] = dict(sorted(schemas.items()))
    return result
