"""Holds every answer of the tests against the OpenAPI document, undeclared keys included."""

import re
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema_rs import Draft202012Validator as FastValidator


@cache
def document() -> dict[str, Any]:
    """The document the server publishes: the committed copy, which test_openapi holds to be fresh.

    Making it anew takes seconds, in each worker. After a change of the API run `make openapi` first.
    """
    found: dict[str, Any] = orjson.loads((settings.BASE_DIR / "docs" / "openapi.json").read_bytes())
    return found


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), -len(path)))
    return [
        (re.compile("^" + re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path.rstrip("/"))) + "$"), path)
        for path in paths
    ]


@cache
def template_of(path: str) -> str | None:
    """The path template in the document that a request path falls under."""
    return next((template for pattern, template in _templates() if pattern.match(path)), None)


@cache
def _strict_components() -> dict[str, Any]:
    return {name: _closed(schema) for name, schema in document()["components"]["schemas"].items()}


def _closed(schema: Any) -> Any:
    """The schema with undeclared keys forbidden."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    if "properties" in found and "additionalProperties" not in found:
        found["additionalProperties"] = False
    return found


def _needed(schema: Any) -> dict[str, Any]:
    """The components a schema comes to, by their names."""
    found: dict[str, Any] = {}
    wanted = _named(schema)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _strict_components()[name]
            wanted += _named(found[name])
    return found


def _named(schema: Any) -> list[str]:
    """The components a schema refers to by itself."""
    if isinstance(schema, list):
        return [name for item in schema for name in _named(item)]
    if not isinstance(schema, dict):
        return []
    own = (
        [schema["$ref"].removeprefix("#/components/schemas/")] if isinstance(schema.get("$ref"), str) else []
    )
    return own + [name for value in schema.values() for name in _named(value)]


@cache
def _schema(method: str, template: str, status: int) -> dict[str, Any] | None:
    operation = document()["paths"][template].get(method)
    assert operation is not None, f"{method.upper()} {template} answers but is not in the OpenAPI document"
    answer = operation["responses"].get(str(status))
    assert answer is not None, f"{method.upper()} {template} answered {status}, which is not documented"
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    return {**_closed(schema), "components": {"schemas": _needed(schema)}}


@cache
def _validator(method: str, template: str, status: int) -> FastValidator | None:
    schema = _schema(method, template, status)
    return None if schema is None else FastValidator(schema)


def check(method: str, path: str, status: int, content_type: str, data: Any) -> None:
    """Fail the test when an answer below the REST base differs from its documented shape."""
    clean = re.sub(r"/{2,}", "/", path).rstrip("/")
    if clean.startswith("/rest/ng"):
        clean = settings.REST_PREFIX + clean.removeprefix("/rest/ng")
    template = template_of(clean)
    method = "get" if method == "head" else method
    if template is None or status in (405, 415) or method == "options":
        return
    validator = _validator(method, template, status)
    if validator is None or not content_type.startswith("application/json") or data is None:
        return
    if validator.is_valid(data):
        return
    schema = _schema(method, template, status)
    error = best_match(Draft202012Validator(schema or {}).iter_errors(data))  # slow, but says where
    told = f"{error.json_path} {error.message[:500]}" if error else "not of the documented shape"
    raise AssertionError(f"{method.upper()} {template} {status}: {told}")
