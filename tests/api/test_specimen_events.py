"""Events of specimens as records of forms, and the calls about custom forms (spec 03 §4.1, 08 §B.2, §C.5)."""

from typing import Any

import pytest

from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses

TEN = 1710237600000
COLLECTION, RECEIPT, TRANSFER, DISPOSAL, CHILDREN, POOLED = range(1, 7)


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol())


def record(of: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"appData": {"id": of["id"]}, **fields}


# --- Reading ----------------------------------------------------------------------------------------


def test_the_built_in_event_forms_are_listed_with_their_records(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit)
    path = f"/specimens/{found['id']}"

    listed = {form["formName"]: form for form in api.get(f"{path}/forms?entityType=SpecimenEvent").json}
    assert listed["SpecimenCollectionEvent"]["noOfRecords"] == 1
    assert listed["SpecimenDisposalEvent"]["noOfRecords"] == 0
    assert all(form["sysForm"] for form in listed.values())
    context = listed["SpecimenCollectionEvent"]["formCtxtId"]
    assert api.get(f"{path}/forms/{context}/records").json["records"][0]["id"] == found["id"]
    assert api.get(f"{path}/forms/{DISPOSAL}/records").json["records"] == []


def test_no_custom_form_is_attached(api: Api, statuses: Statuses, visit: Any) -> None:
    path = f"/specimens/{cast.saved(api, visit)['id']}"

    assert api.get(f"{path}/forms?entityType=Specimen").json == []
    assert api.get(f"{path}/extension-records").json == []
    assert api.get("/specimens/extension-form?cpId=-1").json is None
    assert api.get(f"{path}/forms?entityType=Participant").codes == ["COMMON_INVALID_INPUT"]
    answer = api.get(f"{path}/forms/98765/records")
    assert (answer.status, answer.codes) == (statuses.not_found, ["FORMS_INVALID_FORM_CTXT"])


@pytest.mark.parametrize("path", ["forms", "forms/1/records", "extension-records", "events"])
def test_forms_are_read_with_the_specimens_rights(
    api: Api, as_user: Any, statuses: Statuses, visit: Any, path: str
) -> None:
    found = cast.saved(api, visit)
    stranger = as_user(factories.user())

    answer = stranger.get(f"/specimens/{found['id']}/{path}")
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    answer = stranger.get(f"/specimens/987654/{path}")
    assert (answer.status, answer.codes) == (statuses.not_found, ["SPECIMEN_NOT_FOUND"])


def test_aliquots_of_one_request_are_one_event(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    aliquots = [{"lineage": "Aliquot", "initialQty": 1, "createdOn": TEN} for _ in range(3)]
    api.post("/specimens/collect", [{"id": parent["id"], "children": aliquots}])

    forms = {form["formName"]: form for form in api.get(f"/specimens/{parent['id']}/events").json}
    [event] = forms["SpecimenChildrenEvent"]["records"]
    told = {field["name"]: field["value"] for field in event["fieldValues"]}
    assert event["updateTime"] == TEN
    assert told["lineage"] == "Aliquot" and len(told["children"].split(", ")) == 3


# --- Recording --------------------------------------------------------------------------------------


def test_a_collection_is_recorded(api: Api, statuses: Statuses, visit: Any) -> None:
    found = cast.saved(api, visit)
    sent = record(found, time=TEN, procedure="venipuncture", container="EDTA Vacutainer", comments="left arm")

    answer = api.post(f"/specimen-events/{COLLECTION}", [sent])

    assert answer.status == statuses.created
    assert answer.json == [{**sent, "id": found["id"], "containerId": COLLECTION}]
    event = api.get(f"/specimens/{found['id']}").json["collectionEvent"]
    assert (event["time"], event["procedure"]) == (TEN, "Venipuncture")
    assert (event["container"], event["comments"]) == ("EDTA Vacutainer", "left arm")


def test_a_receipt_is_recorded_for_several_at_once(api: Api, visit: Any, admin: Any) -> None:
    first, second = cast.saved(api, visit), cast.saved(api, visit)

    answer = api.post(
        f"/specimen-events/{RECEIPT}",
        [
            {"appData": {"objectId": str(first["id"])}, "quality": "Frozen", "user": admin.pk},
            record(second, quality="Clotted", user=admin.email_address, time="2024-03-12T10:00:00Z"),
        ],
    )

    assert [one["id"] for one in answer.json] == [first["id"], second["id"]]
    told = [api.get(f"/specimens/{one['id']}").json["receivedEvent"] for one in (first, second)]
    assert [event["receivedQuality"] for event in told] == ["Frozen", "Clotted"]
    assert told[1]["time"] == TEN and told[1]["user"]["id"] == admin.pk


def test_a_disposal_closes_and_can_be_corrected(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit)

    api.post(f"/specimen-events/{DISPOSAL}", [record(found, reason="Not Specified", comments="broken")])
    closed = api.get(f"/specimens/{found['id']}").json
    api.post(f"/specimen-events/{DISPOSAL}", [record(found, comments="fell down", time=TEN)])

    assert closed["activityStatus"] == "Closed"
    [event] = api.get(f"/specimens/{found['id']}/forms/{DISPOSAL}/records").json["records"]
    told = {field["name"]: field["value"] for field in event["fieldValues"]}
    assert event["updateTime"] == TEN and told["comments"] == "fell down"


def test_collecting_by_a_record_collects_what_was_pending(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit, status="Pending")

    api.post(f"/specimen-events/{COLLECTION}", [record(found, time=TEN)])

    assert api.get(f"/specimens/{found['id']}").json["status"] == "Collected"


def test_nothing_sent_is_nothing_saved(api: Api) -> None:
    assert api.post(f"/specimen-events/{COLLECTION}", []).json == []


@pytest.mark.parametrize(
    ("form", "fields", "code"),
    [
        (COLLECTION, {"procedure": "Magic"}, "SPECIMEN_INVALID_COLL_PROC"),
        (COLLECTION, {"container": "Hat"}, "SPECIMEN_INVALID_COLL_CONTAINER"),
        (COLLECTION, {"user": "nobody@nowhere.example"}, "USER_NOT_FOUND"),
        (RECEIPT, {"quality": "Odd"}, "SPECIMEN_INVALID_RECV_QUALITY"),
        (DISPOSAL, {"reason": "Boredom"}, "SPECIMEN_INV_DISPOSE_REASON"),
        (TRANSFER, {}, "SPECIMEN_LOC_NOT_SPECIFIED"),
        (TRANSFER, {"toContainer": "Box-1"}, "STORAGE_CONTAINER_NOT_FOUND"),
        (CHILDREN, {}, "FORMS_SYS_REC_EDIT_NOT_ALLOWED"),
        (POOLED, {}, "FORMS_SYS_REC_EDIT_NOT_ALLOWED"),
        (COLLECTION, {"appData": {}}, "FORMS_INVALID_DATA"),
        (COLLECTION, {"appData": {"id": 987654}}, "SPECIMEN_NOT_FOUND"),
        (COLLECTION, {"time": "soon"}, "INVALID_REQUEST"),
    ],
)
def test_a_record_is_refused_like_the_change_it_is(
    api: Api, visit: Any, form: int, fields: dict[str, Any], code: str
) -> None:
    found = cast.saved(api, visit)

    answer = api.post(f"/specimen-events/{form}", [{**record(found), **fields}])

    assert (answer.status, answer.codes) == (400, [code])


def test_an_unknown_form_is_not_found(api: Api, statuses: Statuses) -> None:
    answer = api.post("/specimen-events/98765", [])

    assert (answer.status, answer.codes) == (statuses.not_found, ["FORMS_NOT_FOUND"])


def test_only_primaries_are_collected_and_received(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    child = api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1}).json

    for form in (COLLECTION, RECEIPT):
        assert api.post(f"/specimen-events/{form}", [record(child)]).codes == ["FORMS_INVALID_DATA"]


def test_one_bad_record_saves_none(api: Api, visit: Any) -> None:
    good, bad = cast.saved(api, visit), cast.saved(api, visit)

    api.post(f"/specimen-events/{DISPOSAL}", [record(good), record(bad, reason="Boredom")])

    assert api.get(f"/specimens/{good['id']}").json["activityStatus"] == "Active"


def test_recording_needs_the_right_to_change(api: Api, as_user: Any, statuses: Statuses, visit: Any) -> None:
    found = cast.saved(api, visit)

    answer = as_user(factories.user()).post(f"/specimen-events/{TRANSFER}", [record(found)])

    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
