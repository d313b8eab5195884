"""Pooled specimens, deleted ones that come back, and protocols without participants (spec 03 §3.9, §3.10, §0.7)."""

from typing import Any

import pytest

from specimens.visit.models import Visit
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol())


def pooled(at: Any, *members: Any, **more: Any) -> dict[str, Any]:
    return cast.body(at, specimensPool=list(members), **more)


# --- Pools ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/specimens/pooled", "/specimens"])
def test_members_are_closed_and_the_pool_knows_them(
    api: Api, statuses: Statuses, visit: Any, path: str
) -> None:
    first, second, third = (cast.saved(api, visit) for _ in range(3))

    answer = api.post(
        path,
        pooled(
            visit,
            {"id": first["id"]},
            {"label": second["label"]},
            {"id": third["id"], "closeAfterPooledCreation": False},
            {"id": first["id"]},
            lineage="Aliquot",
            status="Pending",
        ),
    )

    assert answer.status == statuses.created, answer.json
    pool = answer.json
    assert (pool["lineage"], pool["status"], pool["poolSpecimen"]) == ("New", "Collected", True)
    assert [one["id"] for one in pool["specimensPool"]] == [first["id"], second["id"], third["id"]]
    assert [one["activityStatus"] for one in pool["specimensPool"]] == ["Closed", "Closed", "Active"]
    member = api.get(f"/specimens/{first['id']}").json
    assert [one["id"] for one in member["pooledSpecimens"]] == [pool["id"]]
    assert (member["pooledSpecimenId"], member["pooledSpecimenLabel"]) == (pool["id"], pool["label"])
    assert member["specimensPool"] is None
    assert cast.stored(first).disposal_reason == "Pooled"


def test_pooling_is_an_event_of_the_pool_and_its_members(api: Api, visit: Any) -> None:
    member = cast.saved(api, visit)
    pool = api.post("/specimens/pooled", pooled(visit, {"id": member["id"]})).json

    for one, told in ((pool, member["label"]), (member, pool["label"])):
        forms = {form["formName"]: form for form in api.get(f"/specimens/{one['id']}/events").json}
        [event] = forms["SpecimenPooledEvent"]["records"]
        assert event["fieldValues"][0]["value"] == told and event["user"]["id"] is not None


def test_members_must_be_collected_open_and_of_the_same_protocol(api: Api, visit: Any) -> None:
    pending = cast.saved(api, visit, status="Pending")
    closed = cast.saved(api, visit, activityStatus="Closed")
    elsewhere = cast.saved(api, cast.visit(studies.protocol()))
    good = cast.saved(api, visit)

    for members, code in (
        ([{"id": pending["id"]}], "SPECIMEN_NOT_COLLECTED"),
        ([{"id": closed["id"]}], "SPECIMEN_PROC_NOT_ALLOWED"),
        ([{"id": elsewhere["id"]}], "SPECIMEN_POOL_SAME_CP_REQ"),
        ([{"id": 987654}], "SPECIMEN_NOT_FOUND"),
        ([{"label": "nobody"}], "SPECIMEN_NOT_FOUND"),
        ([{}], "SPECIMEN_LABEL_REQUIRED"),
        ([], "COMMON_INVALID_INPUT"),
        ([{"id": good["id"]}, {"id": closed["id"]}], "SPECIMEN_PROC_NOT_ALLOWED"),
    ):
        assert api.post("/specimens/pooled", pooled(visit, *members)).codes == [code]
    assert api.get(f"/specimens/{good['id']}").json["activityStatus"] == "Active"


def test_a_deleted_pool_is_told_no_more(api: Api, visit: Any) -> None:
    member = cast.saved(api, visit)
    pool = api.post("/specimens/pooled", pooled(visit, {"id": member["id"]})).json
    api.delete(f"/specimens/{pool['id']}")

    assert api.get(f"/specimens/{member['id']}").json["pooledSpecimens"] is None


# --- Coming back ------------------------------------------------------------------------------------


def test_a_deleted_specimen_comes_back_with_its_names(api: Api, statuses: Statuses, visit: Any) -> None:
    found = cast.saved(api, visit, "BACK-1", barcode="BC-1", additionalLabel="AL-1")
    api.delete(f"/specimens/{found['id']}")

    answer = api.post("/specimens/undelete", {"id": found["id"], "reason": "by mistake"})

    assert answer.status == statuses.created
    assert answer.json == found
    assert api.get("/specimens?label=BACK-1&exactMatch=true").json[0]["id"] == found["id"]


@pytest.mark.parametrize("with_children", [False, True])
def test_children_come_back_if_wished(api: Api, visit: Any, with_children: bool) -> None:
    child = {"lineage": "Aliquot", "initialQty": 1}
    top = api.post("/specimens/collect", [cast.body(visit, children=[{**child, "children": [child]}])]).json[
        0
    ]
    api.delete(f"/specimens?id={top['id']}")

    back = api.post("/specimens/undelete", {"id": top["id"], "includeChildren": with_children}).json

    assert back["children"] == (top["children"] if with_children else [])


def test_a_closed_specimen_comes_back_closed(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit, activityStatus="Closed")
    api.delete(f"/specimens/{found['id']}")

    assert api.post("/specimens/undelete", {"id": found["id"]}).json["activityStatus"] == "Closed"


def test_what_cannot_come_back(api: Api, as_user: Any, statuses: Statuses, visit: Any) -> None:
    live = cast.saved(api, visit)
    gone = cast.saved(api, visit, "TAKEN", barcode="TAKEN-B", additionalLabel="TAKEN-A")
    child = api.post("/specimens", {"lineage": "Aliquot", "parentId": gone["id"], "initialQty": 1}).json
    api.delete(f"/specimens?id={gone['id']}")

    def refused(sent: dict[str, Any]) -> list[str]:
        return api.post("/specimens/undelete", sent).codes

    assert refused({}) == ["SPECIMEN_ID_REQUIRED"]
    assert refused({"id": 987654}) == refused({"id": live["id"]}) == ["SPECIMEN_DEL_NOT_FOUND"]
    assert refused({"id": child["id"]}) == ["SPECIMEN_PARENT_DELETED"]
    cast.saved(api, visit, "TAKEN", barcode="TAKEN-B", additionalLabel="TAKEN-A")
    assert refused({"id": gone["id"]}) == [
        "SPECIMEN_DUP_LABEL", "SPECIMEN_DUP_ADDL_LABEL", "SPECIMEN_DUP_BARCODE",
    ]  # fmt: skip
    answer = as_user(factories.user()).post("/specimens/undelete", {"id": gone["id"]})
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])


def test_a_specimen_of_a_deleted_visit_stays_deleted(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit)
    api.delete(f"/visits/{visit.pk}?forceDelete=true")

    assert api.post("/specimens/undelete", {"id": found["id"]}).codes == ["VISIT_NOT_FOUND"]


# --- Without participants ---------------------------------------------------------------------------


def tube(**more: Any) -> dict[str, Any]:
    return {"label": f"S{factories.number()}", "specimenClass": "Fluid", "type": "Plasma", **more}


def test_a_protocol_without_participants_takes_specimens_by_its_name(api: Api, statuses: Statuses) -> None:
    bank = studies.protocol(specimen_centric=True)

    answer = api.post("/specimens", tube(cpId=bank.pk, initialQty=3))
    by_title = api.post("/specimens", tube(cpShortTitle=bank.short_title.lower())).json

    assert answer.status == statuses.created, answer.json
    assert answer.json["cpId"] == bank.pk and answer.json["createdOn"] is not None
    assert answer.json["visitId"] == by_title["visitId"] == Visit.objects.get(protocol=bank).pk
    child = {"lineage": "Aliquot", "parentId": by_title["id"], "initialQty": 1}
    assert api.post("/specimens", child).json["visitId"] == by_title["visitId"]
    tree = api.post("/specimens/collect", [tube(cpId=bank.pk, children=[{**child, "parentId": None}])]).json
    assert tree[0]["children"][0]["visitId"] == by_title["visitId"]


def test_other_protocols_need_a_visit(api: Api, as_user: Any, statuses: Statuses) -> None:
    study, bank = studies.protocol(), studies.protocol(specimen_centric=True)

    assert api.post("/specimens", tube(cpId=study.pk)).codes == ["SPECIMEN_VISIT_REQUIRED"]
    assert api.post("/specimens", tube()).codes == ["SPECIMEN_VISIT_REQUIRED"]
    assert api.post("/specimens", tube(cpId=987654)).codes == ["CP_NOT_FOUND"]
    answer = as_user(factories.user()).post("/specimens", tube(cpId=bank.pk))
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert not Visit.objects.filter(protocol=bank).exists()


# --- Units ------------------------------------------------------------------------------------------


def test_quantities_come_with_the_units_of_their_type(api: Api, visit: Any) -> None:
    title = visit.protocol.short_title
    sent = {"specimenClass": "Fluid", "type": "Plasma", "quantityUnit": "µl", "concentrationUnit": "µg/µl"}
    assert api.post("/specimen-type-units", {"cpShortTitle": title, **sent}).status < 300

    plasma = cast.saved(api, visit)

    assert (plasma["quantityUnit"], plasma["concentrationUnit"]) == ("µl", "µg/µl")
    [listed] = api.get(f"/specimens?id={plasma['id']}").json
    assert listed["quantityUnit"] == "µl"


# --- Who may see primaries only ---------------------------------------------------------------------


def test_who_sees_primaries_only_is_told_of_no_others(api: Api, as_user: Any, visit: Any) -> None:
    user = factories.user(of=visit.protocol.protocol_sites.get().site.institute)
    factories.grant(user, {"PrimarySpecimen": ["Read"]}, protocol=visit.protocol)
    member = cast.saved(api, visit)
    child = api.post("/specimens", {"lineage": "Aliquot", "parentId": member["id"], "initialQty": 1}).json
    pool = api.post("/specimens/pooled", pooled(visit, {"id": member["id"]}, {"id": child["id"]})).json
    primaries = as_user(user)

    assert [one["id"] for one in primaries.get(f"/specimens/{pool['id']}").json["specimensPool"]] == [
        member["id"]
    ]
    [listed] = primaries.get(f"/specimens?id={pool['id']}&includeExtensions=true").json
    assert [one["id"] for one in listed["specimensPool"]] == [member["id"]] and listed["children"] is None
    for one in (pool, member):
        told = primaries.get(f"/specimens/{one['id']}/events").body.decode()
        assert child["label"] not in told
        assert child["label"] in api.get(f"/specimens/{one['id']}/events").body.decode()
