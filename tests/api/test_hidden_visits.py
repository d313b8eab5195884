"""Specimen-centric protocols have no participants to see: one hidden visit each (spec 02 §P4, 03 §0.7)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.visit.models import Visit
from specimens.visit.writes.hidden import hidden_visits
from tests import factories, studies
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db

CPR = "/collection-protocol-registrations"
REFUSED = ["CP_OP_NOT_ALLOWED_SC"]


@pytest.fixture
def bank(db: None) -> CollectionProtocol:
    return studies.protocol("BANK", specimen_centric=True)


@pytest.fixture
def hidden(bank: CollectionProtocol) -> Visit:
    return hidden_visits([bank], factories.SYSTEM)[bank.pk]


def test_the_hidden_visit_is_made_once(bank: CollectionProtocol, hidden: Visit) -> None:
    assert hidden.name == f"$$cp_visit_{bank.pk}$$"
    assert (hidden.registration.ppid, hidden.status) == (f"$$cp_reg_{bank.pk}$$", "Complete")
    assert hidden.event is not None and hidden.event.label == f"$$cp_event_{bank.pk}$$"
    assert hidden_visits([bank], factories.SYSTEM)[bank.pk].pk == hidden.pk
    assert (Participant.objects.count(), Registration.objects.count(), Visit.objects.count()) == (1, 1, 1)


def test_many_protocols_cost_what_one_costs(bank: CollectionProtocol) -> None:
    ordinary = studies.protocol()

    def cost(*protocols: CollectionProtocol) -> int:
        with CaptureQueriesContext(connection) as counted:
            found = hidden_visits([*protocols, ordinary], factories.SYSTEM)
        assert found.keys() == {protocol.pk for protocol in protocols}
        return len(counted)

    one = cost(bank)
    assert cost(*(studies.protocol(specimen_centric=True) for _ in range(4))) == one
    assert cost(bank) == 1
    assert hidden_visits([ordinary], factories.SYSTEM) == {}


def test_neither_lists_nor_counts_nor_searches_show_it(
    api: Api, bank: CollectionProtocol, hidden: Visit
) -> None:
    registration = hidden.registration_id
    for search in ({}, {"cpId": bank.pk}, {"ids": [registration]}, {"searchStr": "cp_reg"}, {"ppid": "$$"}):
        assert api.post(f"{CPR}/list", search).json == []
        assert api.post(f"{CPR}/count", search).json == {"count": 0}
    assert api.get(f"{CPR}?id={registration}").json == []
    assert api.get(f"/visits?cprId={registration}").json == []
    assert api.get("/visits/list").json == api.get(f"/visits/list?name={hidden.name}").json == []
    assert api.get(f"/visits/bynamespr?visitName={hidden.name}").codes == ["VISIT_NOT_FOUND"]
    assert api.get(f"{CPR}/{registration}/latest-visit").body == b""


def test_no_call_may_change_it(api: Api, bank: CollectionProtocol, hidden: Visit, statuses: Statuses) -> None:
    cpr, visit = f"{CPR}/{hidden.registration_id}", f"/visits/{hidden.pk}"
    other = studies.registration(studies.protocol())
    answers: dict[str, Answer] = {
        "register": api.post(CPR, studies.registration_body(bank)),
        "change": api.put(cpr, {"barcode": "B"}),
        "delete": api.delete(cpr),
        "delete many": api.delete(f"{CPR}?id={hidden.registration_id}"),
        "anonymize": api.put(f"{cpr}/anonymize"),
        "consents": api.put(f"{cpr}/consents", {"comments": "x"}),
        "visit": api.post("/visits", {"cprId": hidden.registration_id}),
        "replace": api.put(visit, {"cprId": hidden.registration_id}),
        "move away": api.put(visit, {"cprId": other.pk}),
        "move in": api.put(
            f"/visits/{studies.visit(other).pk}", {"cprId": hidden.registration_id, "name": "V"}
        ),
        "delete visit": api.delete(f"{visit}?forceDelete=true"),
        "collect": api.post("/visits/collect", {"visit": {"cprId": hidden.registration_id}, "specimens": []}),
        "report": api.upload(f"{visit}/spr-file", "r.txt", b"x"),
        "words": api.put(f"{visit}/spr-text", {"sprText": "x"}),
        "lock": api.put(f"{visit}/spr-lock", {"locked": True}),
        "no report": api.delete(f"{visit}/spr-file"),
    }
    assert {name: (a.status, a.codes) for name, a in answers.items()} == dict.fromkeys(
        answers, (400, REFUSED)
    )
    hidden.refresh_from_db()
    assert hidden.activity_status == "Active"


def test_its_name_cannot_be_taken_before(api: Api, bank: CollectionProtocol) -> None:
    somebody = studies.registration(studies.protocol())
    body: dict[str, Any] = {"cprId": somebody.pk, "name": f"$$cp_visit_{bank.pk}$$"}
    assert api.post("/visits", body).codes == ["VISIT_INVALID_NAME"]
