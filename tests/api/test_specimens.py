"""`/specimens`: one specimen at a time (spec 03 §3.3 - §3.9)."""

from decimal import Decimal
from typing import Any

import pytest

from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses

NINE = 1710234900000  # 12 March 2024, 9:15 UTC
TEN = 1710237600000


@pytest.fixture
def visit(db: None) -> Any:
    protocol = studies.protocol()
    return cast.visit(protocol, studies.event(protocol))


def aliquot(of: dict[str, Any], quantity: float = 2, **more: Any) -> dict[str, Any]:
    return {"lineage": "Aliquot", "parentId": of["id"], "initialQty": quantity, **more}


# --- Creating ---------------------------------------------------------------------------------------


def test_a_specimen_comes_back_as_documented(api: Api, statuses: Statuses, visit: Any) -> None:
    answer = api.post(
        "/specimens",
        {
            "visitId": visit.pk,
            "lineage": "New",
            "status": "Collected",
            "label": "LC-0042-P1",
            "specimenClass": "Fluid",
            "type": "plasma",
            "anatomicSite": "blood",
            "pathology": "Non-Malignant",
            "initialQty": "10",
            "storageLocation": {},
            "collectionEvent": {"time": NINE, "procedure": "Venipuncture", "container": "EDTA Vacutainer"},
            "receivedEvent": {"time": TEN, "receivedQuality": "Acceptable"},
            "unknownKey": {"is": "ignored"},
        },
    )

    assert answer.status == statuses.created
    found = answer.json
    assert found["label"] == "LC-0042-P1"
    assert (found["type"], found["anatomicSite"], found["laterality"]) == ("Plasma", "Blood", "Not Specified")
    assert (found["initialQty"], found["availableQty"]) == (10, 10)
    assert found["availabilityStatus"] == "Available"
    assert found["createdOn"] == TEN
    assert found["storageLocation"]["id"] == -1 and found["storageLocation"]["name"] is None
    assert found["collectionEvent"]["procedure"] == "Venipuncture"
    assert found["collectionEvent"]["user"]["loginName"] == "admin"
    assert found["receivedEvent"]["time"] == TEN
    assert (found["cpId"], found["cprId"]) == (visit.protocol_id, visit.registration_id)
    assert (found["visitName"], found["visitDate"]) == (visit.name, NINE)
    assert found["children"] == [] and found["externalIds"] == [] and found["biohazards"] == []
    assert found["barcode"] is None and found["parentId"] is None and found["createdBy"] is None


def test_reading_it_again_tells_the_same(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit)

    assert api.get(f"/specimens/{created['id']}").json == created


def test_an_unknown_specimen_is_not_found(api: Api, statuses: Statuses) -> None:
    for answer in (
        api.get("/specimens/987654"),
        api.put("/specimens/987654", {"comments": "x"}),
        api.delete("/specimens/987654"),
    ):
        assert (answer.status, answer.codes) == (statuses.not_found, ["SPECIMEN_NOT_FOUND"])


def test_an_id_that_is_no_number_is_an_invalid_request(api: Api) -> None:
    answer = api.get("/specimens/abc")

    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


def test_what_is_not_said_about_collection_gets_defaults(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit)

    assert found["collectionEvent"]["procedure"] == found["collectionEvent"]["container"] == "Not Specified"
    assert found["collectionEvent"]["time"] == NINE
    assert found["receivedEvent"]["receivedQuality"] == "Acceptable"
    assert found["createdOn"] == NINE
    assert found["collectionContainer"] == "Not Specified" and found["collectionDate"] == NINE


def test_a_specimen_still_to_be_received_has_no_receiver(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit, receivedEvent={"receivedQuality": "to be received", "time": TEN})

    assert found["receivedEvent"]["receivedQuality"] == "To be Received"
    assert found["receivedEvent"]["time"] is None and found["receivedEvent"]["user"] is None


def test_creation_time_is_kept_by_the_minute(api: Api, visit: Any) -> None:
    assert cast.saved(api, visit, createdOn=TEN + 59_999)["createdOn"] == TEN


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"visitId": None}, "SPECIMEN_VISIT_REQUIRED"),
        ({"visitId": 987654}, "VISIT_NOT_FOUND"),
        ({"visitId": None, "visitName": "nowhere"}, "VISIT_NOT_FOUND"),
        ({"label": ""}, "SPECIMEN_LABEL_REQUIRED"),
        ({"label": "L" * 256}, "COMMON_VALUE_TOO_LONG"),
        ({"type": None, "specimenClass": None}, "SPECIMEN_SPECIMEN_TYPE_REQUIRED"),
        ({"type": "Stone"}, "SPECIMEN_INVALID_SPECIMEN_TYPE"),
        ({"specimenClass": "Mineral"}, "SPECIMEN_INVALID_SPECIMEN_CLASS"),
        ({"specimenClass": "Tissue"}, "SPECIMEN_INVALID_SPECIMEN_TYPE"),
        ({"type": "Not Specified", "specimenClass": None}, "SPECIMEN_SPECIMEN_CLASS_REQUIRED"),
        ({"anatomicSite": "Moon"}, "SPECIMEN_INVALID_ANATOMIC_SITE"),
        ({"laterality": "Up"}, "SPECIMEN_INVALID_LATERALITY"),
        ({"pathology": "Odd"}, "SPECIMEN_INVALID_PATHOLOGY_STATUS"),
        ({"biohazards": ["Glitter"]}, "SPECIMEN_INVALID_BIOHAZARDS"),
        ({"status": "Gone"}, "SPECIMEN_INVALID_COLL_STATUS"),
        ({"lineage": "Cousin"}, "SPECIMEN_INVALID_LINEAGE"),
        ({"lineage": "Derived"}, "SPECIMEN_PARENT_REQUIRED"),
        ({"lineage": "Derived", "parentId": 987654}, "SPECIMEN_NOT_FOUND"),
        ({"lineage": "Derived", "parentLabel": "nobody"}, "SPECIMEN_NOT_FOUND"),
        ({"initialQty": -1}, "SPECIMEN_INVALID_QTY"),
        ({"availableQty": 11}, "SPECIMEN_AVBL_QTY_GT_INIT_QTY"),
        ({"initialQty": 10**15}, "COMMON_UNFIT_VALUE"),
        ({"freezeThawCycles": -1}, "SPECIMEN_INVALID_FREEZE_THAW_CYCLES"),
        ({"externalIds": [{"name": "PACS"}]}, "SPECIMEN_EXT_ID_NO_NAME_VALUE"),
        (
            {"externalIds": [{"name": "P", "value": "1"}, {"name": "P", "value": "2"}]},
            "SPECIMEN_EXT_ID_DUP_NAME",
        ),
        ({"reqId": 987654}, "SR_NOT_FOUND"),
        ({"reqCode": "nothing"}, "SR_NOT_FOUND"),
        ({"collectionEvent": {"procedure": "Magic"}}, "SPECIMEN_INVALID_COLL_PROC"),
        ({"collectionEvent": {"container": "Bucket"}}, "SPECIMEN_INVALID_COLL_CONTAINER"),
        ({"collectionEvent": {"user": {"id": 987654}}}, "USER_NOT_FOUND"),
        ({"collectionEvent": {"user": {}}}, "USER_NOT_FOUND"),
        ({"receivedEvent": {"receivedQuality": "Shiny"}}, "SPECIMEN_INVALID_RECV_QUALITY"),
        ({"storageLocation": {"name": "Box-12"}}, "STORAGE_CONTAINER_NOT_FOUND"),
        ({"activityStatus": "Disabled"}, "SPECIMEN_CREATE_DISABLED_NA"),
        ({"activityStatus": "Sleeping"}, "ACTIVITY_STATUS_INVALID"),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(
    api: Api, visit: Any, sent: dict[str, Any], code: str
) -> None:
    answer = api.post("/specimens", cast.body(visit, **sent))

    assert (answer.status, answer.codes) == (400, [code])
    assert not Specimen.objects.exists()


def test_every_mistake_is_told_at_once(api: Api, visit: Any) -> None:
    answer = api.post("/specimens", cast.body(visit, type="Stone", laterality="Up", initialQty=-1))

    assert answer.codes == [
        "SPECIMEN_INVALID_SPECIMEN_TYPE",
        "SPECIMEN_INVALID_LATERALITY",
        "SPECIMEN_INVALID_QTY",
    ]


@pytest.mark.parametrize("place", [None, {}, {"id": -1}, {"id": "-1", "name": ""}])
def test_a_virtual_place_means_not_stored(api: Api, visit: Any, place: Any) -> None:
    assert cast.saved(api, visit, storageLocation=place)["storageLocation"]["id"] == -1


def test_the_class_follows_from_the_type(api: Api, visit: Any) -> None:
    assert cast.saved(api, visit, type="DNA", specimenClass=None)["specimenClass"] == "Molecular"


def test_texts_of_every_script_survive(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit, '标本-Ω\t"1",2\\N', comments="zwei\nZeilen\r\nund \\ mehr")

    assert found["label"] == '标本-Ω\t"1",2\\N'
    assert found["comments"] == "zwei\nZeilen\r\nund \\ mehr"


# --- Labels and barcodes ----------------------------------------------------------------------------


def test_labels_and_barcodes_are_unique_everywhere(api: Api, visit: Any) -> None:
    cast.saved(api, visit, "L1", barcode="B1", additionalLabel="A1")
    elsewhere = cast.visit()

    answer = api.post("/specimens", cast.body(elsewhere, "L1", barcode="B1", additionalLabel="A1"))

    assert answer.codes == ["SPECIMEN_DUP_LABEL", "SPECIMEN_DUP_ADDL_LABEL", "SPECIMEN_DUP_BARCODE"]


def test_the_label_check_finds_labels_in_use(api: Api, statuses: Statuses, visit: Any) -> None:
    cast.saved(api, visit, "L1")
    title = visit.protocol.short_title

    assert api.head("/specimens?label=L1").status == 200
    assert api.head(f"/specimens?label=L1&cpShortTitle={title}").status == 200
    assert api.head("/specimens?label=L1&cpShortTitle=other").status == statuses.not_found
    assert api.head("/specimens?label=L2").status == statuses.not_found
    assert api.head("/specimens").status == statuses.not_found


def test_labels_are_generated_where_the_protocol_says_how(api: Api) -> None:
    visit = cast.visit(studies.protocol(specimen_label_fmt="%PPI%.%SP_TYPE%%PPI_UID%"), ppid="X1")

    labels = [cast.saved(api, visit, "")["label"] for _ in range(2)]

    assert labels == ["X1.PL1", "X1.PL2"]


def test_a_generated_label_cannot_be_given(api: Api) -> None:
    visit = cast.visit(studies.protocol(specimen_label_fmt="%PPI%.%PPI_UID%"))

    assert api.post("/specimens", cast.body(visit, "mine")).codes == ["SPECIMEN_MANUAL_LABEL_NOT_ALLOWED"]


def test_a_typed_label_must_fit_the_format(api: Api) -> None:
    protocol = studies.protocol(specimen_label_fmt="%PPI%-%PPI_UID%", manual_spec_label_enabled=True)
    visit = cast.visit(protocol, ppid="X1")

    assert api.post("/specimens", cast.body(visit, "Y1-1")).codes == ["SPECIMEN_INVALID_LABEL"]
    assert api.post("/specimens", cast.body(visit, "")).codes == ["SPECIMEN_LABEL_REQUIRED"]
    assert cast.saved(api, visit, "X1-77")["label"] == "X1-77"


def test_a_pending_child_is_counted_where_labels_are_typed(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, "P")
    child = {"lineage": "Derived", "parentId": parent["id"], "status": "Pending", "type": "Serum"}

    labels = [api.post("/specimens", child).json["label"] for _ in range(2)]

    assert labels == ["P_1", "P_2"]


def test_a_pending_primary_needs_a_typed_label(api: Api, visit: Any) -> None:
    answer = api.post("/specimens", cast.body(visit, "", status="Pending"))

    assert answer.codes == ["SPECIMEN_LABEL_REQUIRED"]


def test_barcodes_are_generated_where_barcoding_is_on(api: Api) -> None:
    protocol = studies.protocol(barcoding_enabled=True, specimen_barcode_fmt="%PPI%+%PPI_UID%")
    visit = cast.visit(protocol, ppid="X1")

    assert cast.saved(api, visit)["barcode"] == "X1+1"
    answer = api.post("/specimens", cast.body(visit, barcode="mine"))
    assert answer.codes == ["SPECIMEN_MANUAL_BARCODE_NOT_ALLOWED"]


# --- Children ---------------------------------------------------------------------------------------


def test_an_aliquot_takes_after_its_parent(api: Api, visit: Any) -> None:
    parent = cast.saved(
        api, visit, "P", anatomicSite="Blood", pathology="Malignant", biohazards=["toxic"], concentration=3
    )

    found = api.post("/specimens", aliquot(parent, type="DNA", anatomicSite="Liver", createdOn=TEN)).json

    for key in (
        "specimenClass",
        "type",
        "anatomicSite",
        "laterality",
        "pathology",
        "biohazards",
        "concentration",
    ):
        assert found[key] == parent[key], key
    assert found["label"] == "P_1" and found["parentLabel"] == "P"
    assert (found["parentId"], found["visitId"]) == (parent["id"], visit.pk)
    assert found["createdOn"] == TEN and found["createdBy"]["loginName"] == "admin"
    assert found["collectionEvent"]["time"] == NINE


def test_aliquots_draw_from_their_parent_down_to_nothing(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, initialQty=5)

    for taken, left in ((2, 3), ("2.5", 0.5), (9, 0), (1, 0)):
        assert api.post("/specimens", aliquot(parent) | {"initialQty": taken}).json["availableQty"] == float(
            taken
        )
        assert api.get(f"/specimens/{parent['id']}").json["availableQty"] == left


def test_an_aliquot_needs_a_quantity(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)

    answer = api.post("/specimens", aliquot(parent) | {"initialQty": None})

    assert answer.codes == ["SPECIMEN_ALIQUOT_QTY_REQ"]


def test_a_parent_without_quantity_keeps_none(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, initialQty=None)
    api.post("/specimens", aliquot(parent))

    assert api.get(f"/specimens/{parent['id']}").json["availableQty"] is None


def test_a_derivative_has_its_own_type_and_draws_nothing(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, anatomicSite="Blood")
    derived = {
        "lineage": "Derived",
        "parentLabel": parent["label"],
        "type": "DNA",
        "label": "D1",
        "initialQty": 40,
    }

    found = api.post("/specimens", {**derived, "anatomicSite": "Not Specified"}).json

    assert (found["specimenClass"], found["type"], found["anatomicSite"]) == ("Molecular", "DNA", "Blood")
    assert api.get(f"/specimens/{parent['id']}").json["availableQty"] == 10


def test_a_child_belongs_to_its_parents_visit(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)

    answer = api.post("/specimens", aliquot(parent, visitId=cast.visit().pk))

    assert answer.codes == ["SPECIMEN_INVALID_VISIT"]


def test_nothing_is_made_of_a_closed_specimen(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    api.put(f"/specimens/{parent['id']}/status", {"status": "Closed"})

    assert api.post("/specimens", aliquot(parent)).codes == ["SPECIMEN_PROC_NOT_ALLOWED"]


def test_thawing_is_counted_on_the_parent(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    api.post("/specimens", aliquot(parent, incrParentFreezeThaw=2))

    assert api.get(f"/specimens/{parent['id']}").json["freezeThawCycles"] == 2


# --- Requirements -----------------------------------------------------------------------------------


def test_a_requirement_fills_in_what_is_not_sent(api: Api, visit: Any) -> None:
    planned = cast.requirement(
        visit.event, code="WB", anatomic_site="Blood", pathology="Malignant", initial_qty=Decimal(8), name="Tube",
        collection_procedure="Venipuncture",
    )  # fmt: skip

    found = api.post("/specimens", {"visitId": visit.pk, "reqCode": "WB", "label": "R1"}).json

    assert (found["reqId"], found["reqLabel"], found["storageType"]) == (planned.pk, "Tube", "Manual")
    assert (found["type"], found["anatomicSite"], found["pathology"]) == ("Whole Blood", "Blood", "Malignant")
    assert (found["initialQty"], found["collectionEvent"]["procedure"]) == (8, "Venipuncture")


def test_a_specimen_must_be_what_its_requirement_asks_for(api: Api, visit: Any) -> None:
    planned = cast.requirement(visit.event)
    elsewhere = cast.visit(visit.protocol)

    other_type = api.post("/specimens", cast.body(visit, reqId=planned.pk))
    other_event = api.post("/specimens", cast.body(elsewhere, reqId=planned.pk, type="Whole Blood"))
    parent = cast.saved(api, visit)
    other_lineage = api.post(
        "/specimens",
        cast.body(visit, reqId=planned.pk, type="Whole Blood", lineage="Derived", parentId=parent["id"]),
    )

    assert other_type.codes == ["SPECIMEN_REQ_TYPE_MISMATCH"]
    assert other_event.codes == ["SPECIMEN_INVALID_VISIT"]
    assert other_lineage.codes == ["SPECIMEN_REQ_LINEAGE_MISMATCH"]


def test_a_planned_aliquot_finds_its_planned_parent(api: Api, visit: Any) -> None:
    top = cast.requirement(visit.event)
    below = cast.requirement(visit.event, lineage="Aliquot", parent=top, initial_qty=Decimal(1))
    parent = api.post(
        "/specimens", {"visitId": visit.pk, "reqId": top.pk, "label": "P", "initialQty": 5}
    ).json
    stranger = cast.saved(api, visit)

    found = api.post("/specimens", {"visitId": visit.pk, "reqId": below.pk}).json
    wrong = api.post("/specimens", {"visitId": visit.pk, "reqId": below.pk, "parentId": stranger["id"]})

    assert (found["parentId"], found["label"]) == (parent["id"], "P_1")
    assert "SPECIMEN_REQ_PARENT_MISMATCH" in wrong.codes


# --- Changing ---------------------------------------------------------------------------------------


def test_only_what_is_sent_changes(api: Api, visit: Any, statuses: Statuses) -> None:
    created = cast.saved(api, visit, comments="first", concentration=2)

    answer = api.put(f"/specimens/{created['id']}", {"comments": "second", "concentration": None})

    assert answer.status == statuses.created
    assert answer.json == {**created, "comments": "second", "concentration": None}


def test_sending_back_what_was_read_changes_nothing(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit, biohazards=["Toxic"], externalIds=[{"name": "PACS", "value": "7"}])
    api.post("/specimens", aliquot(created))
    before = api.get(f"/specimens/{created['id']}").json
    child = before["children"][0]

    assert api.put(f"/specimens/{created['id']}", before).json == before
    assert api.put(f"/specimens/{child['id']}", child).json == child


def test_the_path_names_the_specimen_whatever_the_body_says(api: Api, visit: Any) -> None:
    one, other = cast.saved(api, visit), cast.saved(api, visit)

    api.put(f"/specimens/{one['id']}", {"id": other["id"], "comments": "mine"})

    assert cast.stored(one).comments == "mine" and cast.stored(other).comments is None


def test_the_lineage_never_changes(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit)

    answer = api.put(f"/specimens/{created['id']}", {"lineage": "Aliquot"})

    assert answer.codes == ["SPECIMEN_CANNOT_CHG_LINEAGE"]


def test_a_label_in_use_cannot_be_taken_by_a_change(api: Api, visit: Any) -> None:
    one, other = cast.saved(api, visit), cast.saved(api, visit)

    answer = api.put(f"/specimens/{one['id']}", {"label": other["label"]})

    assert answer.codes == ["SPECIMEN_DUP_LABEL"]
    assert cast.stored(one).label == one["label"]


def test_edits_of_a_parent_reach_its_children(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, anatomicSite="Blood", concentration=1)
    part = api.post("/specimens", aliquot(parent)).json
    own = api.post("/specimens", aliquot(parent, concentration=9)).json
    derived = api.post(
        "/specimens", {"lineage": "Derived", "parentId": parent["id"], "type": "DNA", "label": "D"}
    ).json

    api.put(f"/specimens/{parent['id']}", {"type": "Serum", "anatomicSite": "Liver", "concentration": 4})

    found = {one["id"]: one for one in api.get(f"/specimens/{parent['id']}").json["children"]}
    assert (found[part["id"]]["type"], found[part["id"]]["concentration"]) == ("Serum", 4)
    assert found[own["id"]]["concentration"] == 9
    assert (found[derived["id"]]["type"], found[derived["id"]]["anatomicSite"]) == ("DNA", "Liver")


def test_a_primary_moves_to_another_visit_with_all_that_was_made_of_it(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    child = api.post("/specimens", aliquot(parent)).json
    elsewhere = cast.visit()

    refused = api.put(f"/specimens/{child['id']}", {"visitId": elsewhere.pk})
    moved = api.put(f"/specimens/{parent['id']}", {"visitName": elsewhere.name}).json

    assert refused.codes == ["SPECIMEN_VISIT_CHG_NOT_ALLOWED"]
    assert moved["cpId"] == moved["children"][0]["cpId"] == elsewhere.protocol_id
    assert moved["children"][0]["visitId"] == elsewhere.pk


# --- Collection status ------------------------------------------------------------------------------


def test_what_was_collected_and_is_missed_has_nothing_left(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    child = api.post("/specimens", aliquot(parent)).json

    found = api.put(f"/specimens/{parent['id']}", {"status": "Missed Collection"}).json

    assert (found["status"], found["availableQty"], found["createdOn"]) == ("Missed Collection", 0, None)
    assert found["collectionEvent"] is None and found["availabilityStatus"] == "Missed Collection"
    assert [one["status"] for one in found["children"]] == ["Missed Collection"]
    assert cast.stored(child).available_qty == 0


@pytest.mark.parametrize(
    ("visit_status", "status", "code"),
    [
        ("Pending", "Missed Collection", "VISIT_COMPL_OR_MISSED_VISIT_REQ"),
        ("Pending", "Not Collected", "VISIT_COMPL_OR_NC_VISIT_REQ"),
        ("Missed Collection", "Pending", "VISIT_COMPL_OR_PENDING_VISIT_REQ"),
    ],
)
def test_a_status_must_suit_the_visit(api: Api, visit_status: str, status: str, code: str) -> None:
    visit = cast.visit(status=visit_status)
    created = cast.saved(api, visit)

    assert api.put(f"/specimens/{created['id']}", {"status": status}).codes == [code]


@pytest.mark.parametrize(
    ("of_both", "child_goes", "code"),
    [
        ("Missed Collection", "Not Collected", "SPECIMEN_COLL_OR_NC_PARENT_REQ"),
        ("Missed Collection", "Pending", "SPECIMEN_COLL_OR_PENDING_PARENT_REQ"),
        ("Pending", "Missed Collection", "SPECIMEN_COLL_OR_MISSED_PARENT_REQ"),
    ],
)
def test_a_status_must_suit_the_parent(
    api: Api, visit: Any, statuses: Statuses, of_both: str, child_goes: str, code: str
) -> None:
    parent = cast.saved(api, visit, status=of_both)
    child = api.post("/specimens", aliquot(parent, status=of_both)).json

    answer = api.put(f"/specimens/{child['id']}", {"status": child_goes})

    assert (answer.status, answer.codes) == (400, [code])
    assert api.get(f"/specimens/{child['id']}").json["status"] == of_both


def test_collecting_an_aliquot_collects_what_it_was_made_of(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, status="Pending")
    assert parent["collectionEvent"] is None and parent["availabilityStatus"] == "Pending"

    child = api.post("/specimens", aliquot(parent)).json

    found = api.get(f"/specimens/{parent['id']}").json
    assert (found["status"], found["availableQty"]) == ("Collected", 8)
    assert found["receivedEvent"]["receivedQuality"] == "Acceptable"
    assert child["status"] == "Collected"


def test_missing_a_planned_specimen_stores_its_whole_plan(api: Api, visit: Any) -> None:
    top = cast.requirement(visit.event)
    derived = cast.requirement(visit.event, lineage="Derived", parent=top, type="Plasma")
    cast.requirement(visit.event, lineage="Aliquot", parent=derived, type="Plasma", initial_qty=Decimal(1))

    answer = api.post("/specimens", {"visitId": visit.pk, "reqId": top.pk, "status": "Missed Collection"})

    tree = answer.json
    assert [tree["label"], tree["status"]] == [None, "Missed Collection"]
    aliquots = tree["children"][0]["children"]
    assert [(one["lineage"], one["status"], one["availableQty"]) for one in aliquots] == [
        ("Aliquot", "Missed Collection", 0)
    ]
    assert Specimen.objects.count() == 3


# --- Closing, reopening, deleting -------------------------------------------------------------------


def test_closing_keeps_the_reason_and_reopening_forgets_it(api: Api, visit: Any, statuses: Statuses) -> None:
    created = cast.saved(api, visit)
    path = f"/specimens/{created['id']}/status"

    closed = api.put(path, {"status": "Closed", "reason": "damaged", "comments": "tube broken", "date": TEN})

    assert (closed.status, closed.json["availabilityStatus"]) == (statuses.created, "Closed")
    assert closed.json["availableQty"] == 10
    row = cast.stored(created)
    assert (row.disposal_reason, row.disposal_comments) == ("Damaged", "tube broken")
    assert api.put(path, {"status": "Active"}).json["activityStatus"] == "Active"
    assert cast.stored(created).disposal_reason is None


def test_an_unknown_reason_is_refused(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit)

    answer = api.put(f"/specimens/{created['id']}/status", {"status": "Closed", "reason": "bored"})

    assert answer.codes == ["SPECIMEN_INV_DISPOSE_REASON"]
    assert cast.stored(created).activity_status == "Active"


def test_closing_empties_where_the_protocol_says_so(api: Api) -> None:
    visit = cast.visit(studies.protocol(set_qty_to_zero=True))
    created = cast.saved(api, visit)

    assert api.put(f"/specimens/{created['id']}", {"activityStatus": "Closed"}).json["availableQty"] == 0


def test_statuses_of_several_are_changed_by_name(api: Api, visit: Any) -> None:
    one, other = cast.saved(api, visit), cast.saved(api, visit, barcode="B2")

    answer = api.put(
        "/specimens/status",
        [{"name": one["label"], "status": "Closed"}, {"barcode": "B2", "status": "Closed"}],
    )
    unknown = api.put("/specimens/status", [{"name": one["label"], "status": "Active"}, {"name": "nobody"}])

    assert [found["activityStatus"] for found in answer.json] == ["Closed", "Closed"]
    assert unknown.codes == ["SPECIMEN_NOT_FOUND"]
    assert cast.stored(other).activity_status == cast.stored(one).activity_status == "Closed"


def test_a_specimen_with_collected_children_stays_unless_forced(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, "P")
    child = api.post("/specimens", aliquot(parent)).json

    refused = api.delete(f"/specimens/{parent['id']}")
    dependents = api.get(f"/specimens/{parent['id']}/dependent-entities")
    forced = api.delete(f"/specimens/{parent['id']}?forceDelete=true")

    assert refused.codes == ["SPECIMEN_REF_ENTITY_FOUND"]
    assert dependents.json == [{"name": "specimen", "count": 1}]
    assert (forced.status, forced.json["activityStatus"]) == (200, "Disabled")
    assert forced.json["label"].startswith("P_")
    assert cast.stored(child).activity_status == "Disabled"
    assert cast.saved(api, visit, "P")["label"] == "P"


def test_deleting_several_takes_their_children_and_skips_the_unknown(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    child = api.post("/specimens", aliquot(parent)).json

    answer = api.delete(f"/specimens?id={parent['id']}&id=987654,{child['id']}&reason=spilt")

    assert answer.status == 200
    assert [found["activityStatus"] for found in answer.json] == ["Disabled", "Disabled"]
    assert answer.json[1]["label"].count("_") == child["label"].count("_") + 1
    assert not Specimen.objects.exclude(activity_status="Disabled").exists()


# --- Many at once -----------------------------------------------------------------------------------


def test_a_list_of_changes_is_made_whole_or_not_at_all(api: Api, visit: Any, statuses: Statuses) -> None:
    one, other = cast.saved(api, visit), cast.saved(api, visit, barcode="B2")

    done = api.put(
        "/specimens",
        [{"label": one["label"], "comments": "a"}, {"barcode": "B2", "comments": "b"}],
    )
    failed = api.put(
        "/specimens", [{"id": one["id"], "comments": "c"}, {"id": other["id"], "initialQty": -1}]
    )

    assert done.status == statuses.created
    assert [found["comments"] for found in done.json] == ["a", "b"]
    assert failed.codes == ["SPECIMEN_INVALID_QTY"]
    assert cast.stored(one).comments == "a"
    assert api.put("/specimens", [{"comments": "x"}]).codes == ["SPECIMEN_LABEL_REQUIRED"]


def test_the_same_change_is_made_to_many(api: Api, visit: Any) -> None:
    ids = [cast.saved(api, visit)["id"] for _ in range(3)]

    answer = api.put("/specimens/bulk-update", {"ids": ids, "detail": {"laterality": "left"}})
    too_many = api.put("/specimens/bulk-update", {"ids": list(range(101)), "detail": {}})

    assert [found["laterality"] for found in answer.json] == ["Left"] * 3
    assert too_many.codes == ["SPECIMEN_UPDATE_LIMIT_MAXED"]


# --- Rights -----------------------------------------------------------------------------------------


def test_rights_are_held_by_protocol(api: Api, as_user: Any, visit: Any, statuses: Statuses) -> None:
    created = cast.saved(api, visit)
    stranger = as_user(factories.user())
    reader = factories.user(of=visit.protocol.protocol_sites.get().site.institute)
    factories.grant(reader, {"Specimen": ["Read"]}, protocol=visit.protocol)

    for answer in (
        stranger.get(f"/specimens/{created['id']}"),
        stranger.post("/specimens", cast.body(visit)),
        as_user(reader).put(f"/specimens/{created['id']}", {"comments": "x"}),
        as_user(reader).delete(f"/specimens/{created['id']}"),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert as_user(reader).get(f"/specimens/{created['id']}").json["id"] == created["id"]


def test_primary_rights_end_at_primaries(api: Api, as_user: Any, visit: Any, statuses: Statuses) -> None:
    parent = cast.saved(api, visit)
    child = api.post("/specimens", aliquot(parent)).json
    person = factories.user(of=visit.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"PrimarySpecimen": ["Create", "Read", "Update"]}, protocol=visit.protocol)
    nurse = as_user(person)

    assert nurse.get(f"/specimens/{parent['id']}").json["children"] == []
    assert nurse.put(f"/specimens/{parent['id']}", {"comments": "mine"}).status == statuses.created
    assert nurse.post("/specimens", cast.body(visit)).status == statuses.created
    for answer in (nurse.get(f"/specimens/{child['id']}"), nurse.post("/specimens", aliquot(parent))):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


def test_accession_numbers_are_for_those_who_may_see_people(api: Api, as_user: Any) -> None:
    visit = cast.visit(surgical_pathology_number="SP-1")
    created = cast.saved(api, visit)
    person = factories.user(of=visit.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"Specimen": ["Read"]}, protocol=visit.protocol)

    assert api.get(f"/specimens/{created['id']}").json["sprNo"] == "SP-1"
    assert as_user(person).get(f"/specimens/{created['id']}").json["sprNo"] == "###"


# --- What stands above ------------------------------------------------------------------------------


def test_a_specimen_knows_what_stands_above_it(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit)
    child = api.post("/specimens", aliquot(parent)).json

    assert api.get(f"/specimens/{child['id']}/primary-specimen-id").json == {"id": parent["id"]}
    assert api.get(f"/specimens/{child['id']}/cpr-visit-ids").json == {
        "cpId": visit.protocol_id, "cprId": visit.registration_id, "visitId": visit.pk, "specimenId": child["id"],
    }  # fmt: skip


def test_a_specimen_tells_what_happened_to_it(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit, collectionEvent={"procedure": "Venipuncture"})
    api.put(f"/specimens/{created['id']}/status", {"status": "Closed", "reason": "Damaged"})

    forms = api.get(f"/specimens/{created['id']}/events").json

    assert [form["formCaption"] for form in forms] == [
        "SpecimenCollectionEvent", "SpecimenReceivedEvent", "SpecimenDisposalEvent",
    ]  # fmt: skip
    told = {one["name"]: one["value"] for form in forms for one in form["records"][0]["fieldValues"]}
    assert (told["procedure"], told["quality"], told["reason"]) == ("Venipuncture", "Acceptable", "Damaged")
    assert forms[0]["records"][0]["user"]["id"] == created["collector"]["id"]


def test_a_closed_specimen_cannot_be_stored(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit, activityStatus="Closed")

    answer = api.put(f"/specimens/{found['id']}", {"storageLocation": {"name": "Box-1"}})

    assert answer.codes == ["SPECIMEN_STORE_NOT_ALLOWED"]
    assert api.put(f"/specimens/{found['id']}", {"storageLocation": {}}).status < 300


def test_a_comment_that_was_there_before_is_no_reason_to_close(api: Api, visit: Any) -> None:
    first, second = (cast.saved(api, visit, comments="as ever") for _ in range(2))

    api.put(f"/specimens/{first['id']}", {**first, "activityStatus": "Closed"})
    api.put(f"/specimens/{second['id']}", {"activityStatus": "Closed", "comments": "tube broken"})

    assert cast.stored(first).disposal_comments is None
    assert cast.stored(second).disposal_comments == "tube broken"
