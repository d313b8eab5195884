"""Protocols without participants: their one event is made on demand and never listed (spec 02 §A3, §B3, §C2)."""

from typing import Any

import orjson
import pytest

from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol, Event
from specimens.protocol.writes.hidden import hidden_events
from tests import designs, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocols"


@pytest.fixture
def bank(api: Api) -> dict[str, Any]:
    return designs.protocol(api, title="Bank", shortTitle="BANK", specimenCentric=True)


def tube(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A requirement that names its protocol and no event."""
    body = {**designs.blood({"id": None}), "cpId": of["id"], **more}
    del body["eventId"]
    return body


def test_a_requirement_names_the_protocol_alone(api: Api, bank: dict[str, Any], statuses: Statuses) -> None:
    made = api.post("/specimen-requirements", tube(bank, code="WB"))
    assert made.status == statuses.created, made.json
    hidden = Event.objects.get(pk=made.json["eventId"])
    assert (hidden.label, hidden.code) == (f"$$cp_event_{bank['id']}$$",) * 2
    by_name = api.post("/specimen-requirements", tube(bank, cpId=None, cpShortTitle="bank")).json
    assert by_name["eventId"] == hidden.pk
    assert len(api.get(f"/specimen-requirements?cpId={bank['id']}").json) == 2


def test_a_protocol_with_participants_needs_an_event(api: Api) -> None:
    made = designs.protocol(api)
    assert api.post("/specimen-requirements", tube(made)).codes == ["SR_CPE_REQUIRED"]
    assert not Event.objects.exists()


def test_events_stay_hidden_and_cannot_be_planned(api: Api, bank: dict[str, Any]) -> None:
    event = api.post("/specimen-requirements", tube(bank)).json["eventId"]
    assert api.get(f"/collection-protocol-events?cpId={bank['id']}").json == []
    assert api.post("/collection-protocol-events", designs.event_body(bank)).codes == ["CP_OP_NOT_ALLOWED_SC"]
    assert api.put(f"/collection-protocol-events/{event}", designs.event_body(bank)).codes == [
        "CP_OP_NOT_ALLOWED_SC"
    ]
    assert api.post(f"/collection-protocol-events/{event}/copy", {"eventLabel": "X"}).codes == [
        "CP_OP_NOT_ALLOWED_SC"
    ]
    assert api.delete(f"/collection-protocol-events/{event}").codes == ["CP_OP_NOT_ALLOWED_SC"]


def test_a_protocol_never_changes_its_kind(api: Api, bank: dict[str, Any]) -> None:
    body = designs.protocol_body(specimenCentric=False, ppidFmt="nonsense")
    assert api.put(f"{URL}/{bank['id']}", body).json["specimenCentric"] is True
    other = designs.protocol(api)
    body = designs.protocol_body(specimenCentric=True)
    assert api.put(f"{URL}/{other['id']}", body).json["specimenCentric"] is False


def test_the_event_is_made_once_and_for_specimen_centric_protocols_alone(
    api: Api, admin: User, bank: dict[str, Any]
) -> None:
    centric, usual = CollectionProtocol.objects.get(pk=bank["id"]), studies.protocol()
    first = hidden_events([centric, usual], actor_of(admin))
    again = hidden_events([centric], actor_of(admin))
    assert set(first) == {centric.pk}
    assert first[centric.pk].pk == again[centric.pk].pk


def test_copies_and_definitions_bring_the_requirements_along(api: Api, bank: dict[str, Any]) -> None:
    top = api.post("/specimen-requirements", tube(bank, code="WB")).json
    designs.plasma(api, top, code="PL")
    copied = api.post(f"{URL}/{bank['id']}/copy", {"title": "Second", "shortTitle": "SECOND"}).json
    definition = api.get(f"{URL}/{bank['id']}/definition").json
    definition |= {"title": "Third", "shortTitle": "THIRD"}
    imported = api.upload(f"{URL}/definition", "cp.json", orjson.dumps(definition)).json
    for new in (copied, imported):
        assert new["specimenCentric"] is True
        [tree] = api.get(f"/specimen-requirements?cpId={new['id']}").json
        assert (tree["code"], tree["children"][0]["code"]) == ("WB", "PL")
        assert Event.objects.get(pk=tree["eventId"]).label == f"$$cp_event_{new['id']}$$"
