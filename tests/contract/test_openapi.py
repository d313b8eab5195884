"""The OpenAPI document: complete, free of warnings, and committed."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from biobank.wire.http import ApiView, NotFoundView
from tests import contract_check

COPY = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_copy_is_fresh_and_the_document_has_no_warnings() -> None:
    call_command("openapi", "--check", stdout=StringIO())


def test_it_is_openapi_3_1_and_every_reference_resolves() -> None:
    text = COPY.read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    known = set(document["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= known


def _views(patterns: list[URLPattern | URLResolver]) -> set[type]:
    found: set[type] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found |= _views(pattern.url_patterns)
        elif isinstance(view := getattr(pattern.callback, "view_class", None), type):
            found.add(view)
    return found


def test_every_rest_method_declares_its_shapes() -> None:
    views = {view for view in _views(get_resolver().url_patterns) if issubclass(view, ApiView)} - {
        NotFoundView
    }
    assert len(views) > 10
    bare = [
        f"{view.__name__}.{method}"
        for view in views
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view, method) and not hasattr(getattr(view, method), "public")
    ]
    assert bare == []


def test_bodies_and_answers_of_writes_are_typed() -> None:
    untyped = [
        f"{method} {path}"
        for path, item in contract_check.document()["paths"].items()
        for method, operation in item.items()
        if method in ("post", "put", "patch")
        for media, content in operation.get("requestBody", {}).get("content", {}).items()
        if media == "application/json" and not content["schema"]
    ]
    assert untyped == []


@pytest.mark.django_db
def test_the_document_and_its_page_are_served_without_signing_in(anonymous) -> None:  # type: ignore[no-untyped-def]
    answer = anonymous.get("/openapi.json")
    assert answer.status == 200 and json.loads(answer.body)["openapi"].startswith("3.1")
    page = anonymous.get("/docs")
    assert page.status == 200 and b"swagger" in page.body
    assert b"https://" not in re.sub(rb'https://(www\.)?w3\.org[^"]*', b"", page.body)
