"""Two people design a study at once: one of two equal requests is refused by its code, nothing is had twice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from sessions_auth.models import User
from sessions_auth.tokens import issue
from specimens.protocol.models import Event, Requirement
from tests import designs
from tests.client import Answer, Api

pytestmark = pytest.mark.fault


@pytest.fixture
def api(committed: str) -> Api:
    return Api(issue(User.objects.get(login_name="admin")))


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """What the calls answer, each in a thread with a connection of its own."""
    start = threading.Barrier(len(calls))
    answers: list[Answer] = []

    def run(call: Callable[[], Answer]) -> None:
        start.wait()
        try:
            answers.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def outcome(api: Api, path: str, *bodies: dict[str, Any]) -> list[str]:
    """`done` or the code of each of the POSTs, sorted."""
    answers = at_once(*(lambda body=body: Api(api.token).post(path, body) for body in bodies))
    return sorted("done" if answer.status == 201 else answer.codes[0] for answer in answers)


def test_one_of_two_equal_requests_wins(api: Api) -> None:
    of = designs.protocol(api, shortTitle="BTC")
    path = f"/collection-protocols/{of['id']}"
    visit = designs.event(api, of)
    top = designs.requirement(api, visit)
    bank = designs.protocol(api, specimenCentric=True)
    api.post("/consent-statements", {"code": "A", "statement": "One"})

    unit = {"cpShortTitle": "BTC", "specimenClass": "Fluid", "quantityUnit": "µl"}
    assert outcome(api, "/specimen-type-units", unit, unit) == ["SPECIMEN_TYPE_UNIT_DUP", "done"]
    groups = [{"name": name, "cps": [{"id": of["id"]}]} for name in ("One", "Two")]
    assert outcome(api, "/collection-protocol-groups", *groups) == ["CP_GROUP_CP_IN_OTH_GRPS", "done"]
    aliquot = {"noOfAliquots": 1, "qtyPerAliquot": 6, "storageType": "Manual"}
    assert outcome(api, f"/specimen-requirements/{top['id']}/aliquots", aliquot, aliquot) == [
        "SR_INSUFFICIENT_QTY",
        "done",
    ]
    event = designs.event_body(of, "Week 1")
    assert outcome(api, "/collection-protocol-events", event, event) == ["CPE_DUP_LABEL", "done"]
    tier = {"statementCode": "A"}
    assert outcome(api, f"{path}/consent-tiers", tier, tier) == ["CP_DUP_CONSENT", "done"]
    same = designs.protocol_body(cpSites=[{"siteName": of["cpSites"][0]["siteName"]}])
    assert outcome(api, "/collection-protocols", same, same)[1] == "done"

    tube = {**designs.blood({"id": None}), "cpId": bank["id"]}
    assert outcome(api, "/specimen-requirements", tube, tube) == ["done", "done"]
    assert Event.objects.filter(protocol=bank["id"]).count() == 1
    assert Requirement.objects.filter(event__protocol=bank["id"]).count() == 2
