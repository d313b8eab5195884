"""Every operation of the document, called with what the document allows and with what it does not.

No answer is a failure of ours, none lies outside the document, in both status modes. Schemathesis makes the calls;
ids and names in them are often those of records that exist, so that calls get past the door. Always the same calls:
FUZZ_EXAMPLES says how many for each operation (`make fuzz` takes many), FUZZ_SEED others.
"""

import contextlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from biobank.audit import reports
from queries import runs
from tests import contract_check, factories, specimen_cast, studies
from tests.client import Answer, Api

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
METHODS = ("get", "post", "put", "patch", "delete")
MODES = schemathesis.GenerationMode


def _groups() -> list[str]:
    return sorted({_group(path) for path in contract_check.document()["paths"]})


def _group(path: str) -> str:
    return path.removeprefix(django_settings.REST_PREFIX).strip("/").split("/")[0]


def _operations(group: str) -> list[Any]:
    document = contract_check.document()
    paths = {path: item for path, item in document["paths"].items() if _group(path) == group}
    schema: Any = schemathesis.openapi.from_dict({**document, "paths": paths})
    return [result.ok() for result in schema.get_all_operations()]


@pytest.fixture
def known(api: Api) -> dict[str, Any]:
    """Ids by the first part of a path, and values by the key that carries them."""
    protocol = studies.protocol()
    event = studies.event(protocol)
    requirement = specimen_cast.requirement(event)
    registration = studies.registration(protocol)
    visit = studies.visit(registration, event=event)
    specimen = specimen_cast.saved(api, visit)
    site = protocol.site_links.first().site if hasattr(protocol, "site_links") else factories.site()
    person = factories.user()
    return {
        "paths": {
            "collection-protocols": protocol.pk,
            "collection-protocol-events": event.pk,
            "specimen-requirements": requirement.pk,
            "collection-protocol-registrations": registration.pk,
            "participants": registration.participant_id,
            "visits": visit.pk,
            "specimens": specimen["id"],
            "sites": site.pk,
            "institutes": site.institute_id,
            "users": person.pk,
        },
        "keys": {
            "cpId": protocol.pk,
            "cpShortTitle": protocol.short_title,
            "shortTitle": protocol.short_title,
            "eventId": event.pk,
            "eventLabel": event.label,
            "cprId": registration.pk,
            "ppid": registration.ppid,
            "visitId": visit.pk,
            "visitName": visit.name,
            "reqId": requirement.pk,
            "specimenId": specimen["id"],
            "label": specimen["label"],
            "parentLabel": specimen["label"],
            "siteName": site.name,
            "instituteName": site.institute.name,
            "userId": person.pk,
            "loginName": person.login_name,
            "specimenClass": "Fluid",
            "type": "Plasma",
            "lineage": "Aliquot",
            "status": "Collected",
            "activityStatus": "Active",
        },
    }


def _with_known(value: Any, keys: dict[str, Any], choose: Any) -> Any:
    """The value with about half of its well-known keys set to what exists."""
    if isinstance(value, dict):
        return {
            key: keys[key] if key in keys and choose() else _with_known(item, keys, choose)
            for key, item in value.items()
        }
    return [_with_known(item, keys, choose) for item in value] if isinstance(value, list) else value


def _url(case: Any, known: dict[str, Any], choose: Any) -> str:
    parts = case.operation.path.split("/")
    group = _group(case.operation.path)
    values = dict(case.path_parameters or {})
    for before, part in pairwise(parts):
        name = part.strip("{}")
        if part.startswith("{") and choose():
            values[name] = known["paths"].get(before if before in known["paths"] else group, 1)
    path = "/".join(
        quote(str(values.get(part.strip("{}"), "x")), safe="") or "x" if part.startswith("{") else part
        for part in parts
    )
    query = {
        key: known["keys"][key] if key in known["keys"] and choose() else value
        for key, value in (case.query or {}).items()
    }
    return path + ("?" + urlencode(query, doseq=True, errors="surrogatepass") if query else "")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Thousands of refusals are nothing to log; failures are. Files that nobody makes are not waited for."""
    monkeypatch.setattr(reports, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(runs, "WAIT_SECONDS", 0.0)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _call(api: Api, case: Any, url: str, body: Any) -> Answer:
    if case.media_type == "multipart/form-data":
        return api.upload(url, "file.csv", b"Name\nx\n", base="")
    # As a client would that knows no bounds: numbers of any size, every kind of text.
    sent = None if body is schemathesis.core.NOT_SET else json.dumps(body, default=str).encode()
    return api.call(case.method, url, sent, base="")


@pytest.mark.parametrize("group", _groups())
def test_no_call_fails_or_leaves_the_document(
    group: str, api: Api, known: dict[str, Any], settings: Any
) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for operation in _operations(group):
        _hammer(operation, api, known, settings, found[operation.label])
    wrong = {label: problems for label, problems in found.items() if problems}
    assert not wrong, "\n".join(f"{label}\n    {problems[0]}" for label, problems in wrong.items())


def _hammer(
    operation: Any, api: Api, known: dict[str, Any], django_settings: Any, problems: list[str]
) -> None:
    strategy = st.one_of(
        operation.as_strategy(generation_mode=MODES.POSITIVE),
        operation.as_strategy(generation_mode=MODES.NEGATIVE),
    )

    @seed(SEED)
    @_bounded
    @given(
        case=strategy,
        random=st.randoms(use_true_random=False),
        mode=st.sampled_from(["documented", "upstream"]),
    )
    def calls(case: Any, random: Any, mode: str) -> None:
        django_settings.API_STATUS = mode

        def choose() -> bool:
            return bool(random.random() < 0.6)

        url = _url(case, known, choose)
        body = _with_known(case.body, known["keys"], choose)
        said = f"{case.method} {url} in mode {mode} with {body!r:.2000}"
        try:
            with _undone():
                answer = _call(api, case, url, body)
        except AssertionError as error:
            problems.append(f"{said}: {error}")
            return
        if answer.status >= 500:
            problems.append(f"{said}: {answer.status} {answer.body[:500]!r}")
        assert connection.in_atomic_block

    calls()


def _bounded(test: Any) -> Any:
    return settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(test)


def test_methods_the_document_does_not_know_are_refused(api: Api) -> None:
    wrong = []
    for path, item in contract_check.document()["paths"].items():
        if not path.startswith(django_settings.REST_PREFIX):
            continue
        url = "/".join("1" if part.startswith("{") else part for part in path.split("/"))
        missing = sorted(set(METHODS) - item.keys())
        if missing:
            method = missing[len(path) % len(missing)]  # one of them is enough, not always the same
            answer = api.call(method, url, {}, base="")
            if (answer.status, answer.codes) != (405, ["COMMON_METHOD_NOT_ALLOWED"]):
                wrong.append(f"{method.upper()} {path}: {answer.status}")
    assert wrong == []
