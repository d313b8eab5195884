"""The worked examples of the design of a study, as a client sends them one after the other (spec 02 §A6-§C5)."""

import pytest

from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

PROTOCOL = {
    "title": "Breast tissue cohort", "shortTitle": "BTC", "code": "BTC",
    "principalInvestigator": {"loginName": "jdoe", "domain": "openspecimen"},
    "cpSites": [{"siteName": "North Lab", "code": "NL"}], "startDate": "2024-01-15",
    "ppidFmt": "%CP_CODE%_%CP_UID(4)%", "specimenLabelFmt": "%PPI%.%SP_TYPE%%PPI_UID%",
    "derivativeLabelFmt": "%PSPEC_LABEL%.%SP_TYPE%", "aliquotLabelFmt": "%PSPEC_LABEL%_%PSPEC_UID%",
}  # fmt: skip
EVENT = {
    "eventLabel": "Baseline", "eventPoint": 0, "eventPointUnit": "DAYS", "collectionProtocol": "Breast tissue cohort",
    "defaultSite": "North Lab", "clinicalDiagnosis": "Not Specified", "clinicalStatus": "Not Specified",
    "activityStatus": "Active",
}  # fmt: skip
BLOOD = {
    "name": "EDTA blood", "code": "WB1", "specimenClass": "Fluid", "type": "Whole Blood",
    "anatomicSite": "Not Specified", "laterality": "Not Specified", "pathology": "Not Specified",
    "storageType": "Virtual", "initialQty": 10, "collectionProcedure": "Not Specified",
    "collectionContainer": "EDTA Vacutainer", "labelFmt": "%PPI%-%EVENT_CODE%-%SR_CODE%", "sortOrder": 1,
}  # fmt: skip
PLASMA = {
    "name": "Plasma", "specimenClass": "Fluid", "type": "Plasma", "quantity": 5, "storageType": "Manual",
    "code": "PLASMA",
}  # fmt: skip


def test_a_study_is_designed(api: Api, statuses: Statuses) -> None:
    factories.user(login="jdoe")
    site = factories.site("North Lab")
    protocol = api.post("/collection-protocols", PROTOCOL)
    assert protocol.status == statuses.created
    assert protocol.json["principalInvestigator"]["loginName"] == "jdoe"
    assert [(link["siteId"], link["code"]) for link in protocol.json["cpSites"]] == [(site.pk, "NL")]
    assert protocol.json["startDate"] == 1705276800000
    missing = {key: value for key, value in PROTOCOL.items() if key not in ("title", "cpSites")}
    assert api.post("/collection-protocols", missing).codes == [
        "CP_REPOSITORIES_REQUIRED",
        "CP_TITLE_REQUIRED",
    ]

    event = api.post("/collection-protocol-events", EVENT)
    assert event.status == statuses.created
    assert event.json == {
        **EVENT, "id": event.json["id"], "cpId": protocol.json["id"], "cpShortTitle": "BTC", "offset": 0,
        "offsetUnit": "DAYS",
    }  # fmt: skip

    blood = api.post("/specimen-requirements", {**BLOOD, "eventId": event.json["id"]})
    assert blood.status == statuses.created
    of_event = {"eventId": event.json["id"], "cpId": protocol.json["id"], "cpShortTitle": "BTC"}
    same = {
        "activityStatus": "Active",
        "services": [],
        "children": [],
        "preBarcodedTube": False,
        "quantityUnit": "ml",
    }
    assert blood.json == {
        **BLOOD, **of_event, **same, "id": blood.json["id"], "lineage": "New", "uid": f"sr_{blood.json['id']}",
    }  # fmt: skip

    plasma = api.post(f"/specimen-requirements/{blood.json['id']}/derived", PLASMA)
    assert plasma.status == statuses.created
    assert plasma.json == {
        **{key: value for key, value in PLASMA.items() if key != "quantity"}, **of_event, **same, "initialQty": 5,
        "id": plasma.json["id"], "lineage": "Derived", "uid": f"sr_{plasma.json['id']}",
        "parentUid": f"sr_{blood.json['id']}", "anatomicSite": "Not Specified", "laterality": "Not Specified",
        "pathology": "Not Specified", "collectionProcedure": "Not Specified", "collectionContainer": "EDTA Vacutainer",
    }  # fmt: skip

    spec = {"noOfAliquots": 3, "qtyPerAliquot": 1.5, "storageType": "Manual", "code": "PL"}
    aliquots = api.post(f"/specimen-requirements/{plasma.json['id']}/aliquots", spec)
    assert aliquots.status == statuses.created
    assert [(row["code"], row["lineage"], row["type"], row["initialQty"]) for row in aliquots.json] == [
        (code, "Aliquot", "Plasma", 1.5) for code in ("PL1", "PL2", "PL3")
    ]
    assert {row["parentUid"] for row in aliquots.json} == {plasma.json["uid"]}
    (tree,) = api.get(f"/specimen-requirements?eventId={event.json['id']}").json
    assert [leaf["code"] for leaf in tree["children"][0]["children"]] == ["PL1", "PL2", "PL3"]
    (bare,) = api.get(f"/specimen-requirements?eventId={event.json['id']}&includeChildReqs=false").json
    assert "children" not in bare


def test_quantities_as_the_checklist_says(api: Api) -> None:
    factories.user(login="jdoe")
    factories.site("North Lab")
    api.post("/collection-protocols", PROTOCOL)
    event = api.post("/collection-protocol-events", EVENT).json
    top = api.post("/specimen-requirements", {**BLOOD, "eventId": event["id"]}).json
    path = f"/specimen-requirements/{top['id']}/aliquots"
    each = {"qtyPerAliquot": 4, "storageType": "Manual"}
    assert api.post(path, {**each, "noOfAliquots": 3}).codes == ["SR_INSUFFICIENT_QTY"]
    assert len(api.post(path, {**each, "noOfAliquots": 2}).json) == 2
    assert api.post(path, {**each, "noOfAliquots": 1}).codes == ["SR_INSUFFICIENT_QTY"]
    other = api.post("/collection-protocol-events", {**EVENT, "eventLabel": "Week 1"}).json
    assert api.post("/specimen-requirements", {**BLOOD, "eventId": event["id"]}).codes == ["SR_DUP_CODE"]
    assert api.post("/specimen-requirements", {**BLOOD, "eventId": other["id"]}).status == 201
    assert api.post("/collection-protocol-events", {"eventLabel": "X", "cpId": event["cpId"]}).codes == [
        "CPE_CP_REQUIRED"
    ]
    assert api.post("/collection-protocol-events", {**EVENT, "eventLabel": "baseline"}).codes == [
        "CPE_DUP_LABEL"
    ]
    assert api.post(
        "/collection-protocol-events", {**EVENT, "eventLabel": "Y", "eventPointUnit": None}
    ).codes == ["CPE_POINT_UNIT_REQUIRED"]


@pytest.mark.parametrize("fmt", ["ABC", "%NOPE%", "%CP_UID(x)%"])
def test_texts_that_are_no_format(api: Api, fmt: str) -> None:
    factories.user(login="jdoe")
    factories.site("North Lab")
    assert api.post("/collection-protocols", {**PROTOCOL, "ppidFmt": fmt}).codes == ["CP_INVALID_PPID_FMT"]
