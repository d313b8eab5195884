"""Collecting trees of specimens, alone and with their visit (spec 03 §2.8, §3.8, §5)."""

from decimal import Decimal
from typing import Any

import pytest

from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api, Statuses


@pytest.fixture
def visit(db: None) -> Any:
    protocol = studies.protocol()
    return cast.visit(protocol, studies.event(protocol))


@pytest.fixture
def plan(visit: Any) -> tuple[Any, Any, Any]:
    """Whole blood, plasma made of it, and aliquots of the plasma."""
    protocol = visit.protocol
    protocol.specimen_label_fmt, protocol.derivative_label_fmt = (
        "%PPI%.%PPI_UID%",
        "%PSPEC_LABEL%.D%PSPEC_UID%",
    )
    protocol.save()
    blood = cast.requirement(visit.event, code="WB", initial_qty=Decimal(10))
    plasma = cast.requirement(visit.event, code="PL", lineage="Derived", parent=blood, type="Plasma")
    part = cast.requirement(
        visit.event, code="AL", lineage="Aliquot", parent=plasma, type="Plasma", initial_qty=Decimal(1)
    )
    return blood, plasma, part


def left(api: Api, specimen: dict[str, Any]) -> Any:
    return api.get(f"/specimens/{specimen['id']}").json["availableQty"]


def test_a_nested_tree_is_saved_whole(api: Api, visit: Any, statuses: Statuses) -> None:
    answer = api.post(
        "/specimens/collect",
        [
            {
                **cast.body(visit, "P"),
                "uid": "row-1",
                "children": [
                    {
                        "lineage": "Derived", "type": "DNA", "label": "D", "initialQty": 4, "uid": "row-2",
                        "parentUid": "row-1", "children": [{"lineage": "Aliquot", "initialQty": 1, "label": ""}],
                    },
                    {"lineage": "Aliquot", "initialQty": 3, "label": ""},
                ],
            }
        ],
    )  # fmt: skip

    assert answer.status == statuses.created
    (top,) = answer.json
    assert (top["uid"], top["availableQty"]) == ("row-1", 7)
    derived, part = top["children"]
    assert (derived["uid"], derived["parentUid"], derived["availableQty"]) == ("row-2", "row-1", 3)
    assert (part["label"], derived["children"][0]["label"]) == ("P_1", "D_1")
    assert derived["createdOn"] == top["createdOn"]
    rows = Specimen.objects
    assert rows.get(label="D_1").primary_id == top["id"] and rows.get(label="D_1").parent_id == derived["id"]


def test_aliquots_below_a_stored_parent_close_it_when_asked(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, "P", initialQty=5)
    part = {"lineage": "Aliquot", "initialQty": 0.5, "incrParentFreezeThaw": 1}

    (found,) = api.post(
        "/specimens/collect",
        [{"id": parent["id"], "closeAfterChildrenCreation": True, "children": [part, part]}],
    ).json

    assert (found["activityStatus"], found["availableQty"], found["freezeThawCycles"]) == ("Closed", 4, 1)
    assert [one["label"] for one in found["children"]] == ["P_1", "P_2"]


def test_flat_aliquots_work_as_real_clients_send_them(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, "P")
    part = {
        "lineage": "Aliquot", "status": "Collected", "visitId": visit.pk, "parentId": parent["id"],
        "initialQty": "2", "label": "", "storageLocation": {},
    }  # fmt: skip

    answer = api.post("/specimens/collect", [part, part, part])

    assert [one["label"] for one in answer.json] == ["P_1", "P_2", "P_3"]
    assert left(api, parent) == 4


def test_what_is_collected_already_is_only_a_parent(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, comments="as it was")
    tree = {"id": parent["id"], "comments": "changed", "uid": "u"}

    (untouched,) = api.post("/specimens/collect", [tree]).json
    (updated,) = api.post("/specimens/collect", [{**tree, "update": True}]).json

    assert (untouched["comments"], untouched["uid"]) == ("as it was", "u")
    assert updated["comments"] == "changed"


def test_one_bad_node_saves_nothing(api: Api, visit: Any) -> None:
    answer = api.post(
        "/specimens/collect",
        [{**cast.body(visit, "P"), "children": [{"lineage": "Aliquot", "initialQty": -1}]}],
    )

    assert answer.codes == ["SPECIMEN_INVALID_QTY"]
    assert not Specimen.objects.exists()


def test_an_unknown_node_is_refused(api: Api) -> None:
    assert api.post("/specimens/collect", [{"id": 987654}]).codes == ["SPECIMEN_NOT_FOUND"]


def test_a_parent_has_only_so_many_children(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, initialQty=1000)
    part = {"lineage": "Aliquot", "initialQty": 1}

    most = api.post("/specimens/collect", [{"id": parent["id"], "children": [part] * 99}])
    more = api.post("/specimens/collect", [{"id": parent["id"], "children": [part] * 2}])

    assert len(most.json[0]["children"]) == 99
    assert more.codes == ["SPECIMEN_CHILDREN_LIMIT_MAXED"]
    assert left(api, parent) == 901


def test_two_nodes_cannot_have_the_same_label(api: Api, visit: Any) -> None:
    answer = api.post("/specimens/collect", [cast.body(visit, "P"), cast.body(visit, "P")])

    assert answer.codes == ["SPECIMEN_DUP_LABEL"]


# --- Planned specimens ------------------------------------------------------------------------------


def test_collecting_a_planned_aliquot_makes_and_collects_its_ancestors(
    api: Api, visit: Any, plan: tuple[Any, Any, Any]
) -> None:
    blood, plasma, part = plan

    (found,) = api.post("/specimens/collect", [{"visitId": visit.pk, "reqId": part.pk}]).json

    tree = api.get(f"/specimens?cprId={visit.registration_id}&visitId={visit.pk}").json
    assert [tree[0]["reqId"], tree[0]["status"], tree[0]["label"]] == [
        blood.pk, "Collected", f"{visit.registration.ppid}.1",
    ]  # fmt: skip
    derived = tree[0]["children"][0]
    assert (derived["reqId"], derived["label"]) == (plasma.pk, f"{tree[0]['label']}.D1")
    assert derived["children"][0]["id"] == found["id"]
    assert found["label"] == f"{derived['label']}_1"
    assert Specimen.objects.count() == 3


def test_siblings_share_the_ancestors_that_were_made_for_them(
    api: Api, visit: Any, plan: tuple[Any, Any, Any]
) -> None:
    node = {"visitId": visit.pk, "reqId": plan[2].pk}

    one, other = api.post("/specimens/collect", [node, node]).json

    assert one["parentId"] == other["parentId"]
    assert Specimen.objects.count() == 4


def test_a_pending_specimen_is_completed_in_place(api: Api, visit: Any, plan: tuple[Any, Any, Any]) -> None:
    pending = api.post("/specimens", {"visitId": visit.pk, "reqId": plan[0].pk, "status": "Pending"}).json

    (found,) = api.post("/specimens/collect", [{"visitId": visit.pk, "reqId": plan[0].pk, "label": ""}]).json

    assert (found["id"], found["label"], found["status"]) == (pending["id"], pending["label"], "Collected")


def test_a_missing_format_for_an_ancestor_is_told(api: Api, visit: Any) -> None:
    top = cast.requirement(visit.event)
    part = cast.requirement(visit.event, lineage="Aliquot", parent=top, initial_qty=Decimal(1))

    answer = api.post("/specimens/collect", [{"visitId": visit.pk, "reqId": part.pk}])

    assert answer.codes == ["SPECIMEN_LABEL_REQUIRED"]
    assert not Specimen.objects.exists()


# --- A visit with its specimens -----------------------------------------------------------------------


def test_a_visit_is_collected_with_its_specimens(api: Api, visit: Any, statuses: Statuses) -> None:
    top = cast.requirement(visit.event)
    part = cast.requirement(visit.event, lineage="Aliquot", parent=top, initial_qty=Decimal(1))
    wanted = {
        "visit": {
            "cprId": visit.registration_id,
            "eventId": visit.event_id,
            "status": "Complete",
            "name": "NEW",
        },
        "specimens": [
            {"reqId": top.pk, "label": "P1", "status": "Collected", "children": [{"reqId": part.pk}]}
        ],
    }

    answer = api.post("/visits/collect", wanted)

    assert answer.status == statuses.created
    assert answer.json["visit"]["name"] == "NEW"
    (tree,) = answer.json["specimens"]
    assert (tree["visitName"], tree["label"]) == ("NEW", "P1")
    assert tree["children"][0]["label"] == "P1_1"


def test_a_bad_specimen_leaves_no_visit_behind(api: Api, visit: Any) -> None:
    answer = api.post(
        "/visits/collect",
        {
            "visit": {"cprId": visit.registration_id, "eventId": visit.event_id, "name": "NEW"},
            "specimens": [{"type": "Stone", "label": "P1"}],
        },
    )

    assert answer.codes == ["SPECIMEN_INVALID_SPECIMEN_TYPE"]
    assert not Visit.objects.filter(name="NEW").exists()


def test_collecting_a_stored_visit_again_updates_what_it_has(
    api: Api, visit: Any, plan: tuple[Any, Any, Any]
) -> None:
    pending = api.post("/specimens", {"visitId": visit.pk, "reqId": plan[0].pk, "status": "Pending"}).json
    wanted = {
        "visit": {
            "id": visit.pk,
            "cprId": visit.registration_id,
            "eventId": visit.event_id,
            "name": visit.name,
        },
        "specimens": [{"reqId": plan[0].pk, "label": ""}],
    }

    first = api.post("/visits/collect", wanted).json["specimens"]
    again = api.post("/visits/collect", wanted).json["specimens"]

    assert [first[0]["id"], again[0]["id"]] == [pending["id"]] * 2
    assert Specimen.objects.filter(requirement=plan[0]).count() == 1


# --- What visits do to specimens ----------------------------------------------------------------------


def test_missing_a_visit_uncollects_its_specimens_and_stores_the_plan(
    api: Api, visit: Any, plan: tuple[Any, Any, Any]
) -> None:
    collected = api.post("/specimens", {"visitId": visit.pk, "reqId": plan[0].pk}).json

    answer = api.put(
        f"/visits/{visit.pk}",
        {
            "cprId": visit.registration_id,
            "eventId": visit.event_id,
            "status": "Missed Collection",
            "name": visit.name,
        },
    )

    assert answer.status == 201, answer.json
    rows = Specimen.objects.order_by("pk")
    assert {row.status for row in rows} == {"Missed Collection"}
    assert [row.requirement_id for row in rows] == [one.pk for one in plan]
    assert cast.stored(collected).available_qty == 0 and cast.stored(collected).collection_time is None


def test_a_visit_created_as_missed_has_its_whole_plan_missed(
    api: Api, visit: Any, plan: tuple[Any, Any, Any]
) -> None:
    answer = api.post(
        "/visits",
        {"cprId": visit.registration_id, "eventId": visit.event_id, "status": "Not Collected", "name": "NC"},
    )

    rows = Specimen.objects.filter(visit=answer.json["id"])
    assert {row.status for row in rows} == {"Not Collected"} and rows.count() == 3


def test_labels_can_be_made_with_the_visit(api: Api, visit: Any, plan: tuple[Any, Any, Any]) -> None:
    visit.protocol.spmn_label_pre_print_mode = "ON_VISIT"
    visit.protocol.save()

    answer = api.post("/visits", {"cprId": visit.registration_id, "eventId": visit.event_id, "name": "EARLY"})

    rows = Specimen.objects.filter(visit=answer.json["id"]).order_by("pk")
    ppid = visit.registration.ppid
    assert [(row.status, row.label) for row in rows] == [
        ("Pending", f"{ppid}.1"), ("Pending", f"{ppid}.1.D1"), ("Pending", f"{ppid}.1.D1_1"),
    ]  # fmt: skip


def test_a_deleted_visit_takes_its_specimens_along(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit, "P")

    refused = api.delete(f"/visits/{visit.pk}")
    forced = api.delete(f"/visits/{visit.pk}?forceDelete=true")

    assert refused.codes == ["SPECIMEN_REF_ENTITY_FOUND"]
    assert forced.status == 200
    assert cast.stored(created).activity_status == "Disabled"
    assert cast.saved(api, cast.visit(), "P")["label"] == "P"


# --- Labels of children, made with the primary --------------------------------------------------------------


@pytest.fixture
def tree(db: None) -> Any:
    """A planned tube with two planned aliquots, of a protocol that makes the labels."""

    def planned(mode: str) -> tuple[Any, Any, list[Any]]:
        protocol = studies.protocol(specimen_label_fmt="T-%SYS_UID%", spmn_label_pre_print_mode=mode)
        event = studies.event(protocol)
        top = cast.requirement(event, initial_qty=Decimal(8))
        below = [
            cast.requirement(event, lineage="Aliquot", parent=top, initial_qty=Decimal(1)) for _ in range(2)
        ]
        return cast.visit(protocol, event), top, below

    return planned


def stored_below(api: Api, pk: int) -> list[tuple[str, bool]]:
    """Status of the stored children of a specimen, and whether they have labels."""
    found = api.get(f"/specimens/{pk}").json["children"]
    return [(child["status"], bool(child["label"])) for child in found if child["id"] is not None]


def test_children_get_their_labels_when_the_primary_is_collected(api: Api, tree: Any) -> None:
    visit, top, below = tree("ON_PRIMARY_COLL")
    made = api.post("/specimens", {"visitId": visit.pk, "reqId": top.pk}).json

    assert stored_below(api, made["id"]) == [("Pending", True)] * 2
    waiting = made["children"][0]
    node = {"visitId": visit.pk, "reqId": below[0].pk, "parentId": made["id"]}
    [collected] = api.post("/specimens/collect", [node]).json
    assert (collected["id"], collected["label"]) == (waiting["id"], waiting["label"])


def test_what_a_tree_collects_itself_is_not_made_twice(api: Api, tree: Any) -> None:
    visit, top, below = tree("ON_PRIMARY_COLL")
    nested = {"visitId": visit.pk, "reqId": top.pk, "children": [{"visitId": visit.pk, "reqId": below[0].pk}]}
    [whole] = api.post("/specimens/collect", [nested]).json
    assert sorted(stored_below(api, whole["id"])) == [("Collected", True), ("Pending", True)]

    visit, top, below = tree("ON_PRIMARY_COLL")
    alone = api.post("/specimens", {"visitId": visit.pk, "reqId": below[0].pk}).json
    assert sorted(stored_below(api, alone["parentId"])) == [("Collected", True), ("Pending", True)]


def test_children_get_their_labels_when_the_primary_is_received(api: Api, tree: Any) -> None:
    visit, top, _ = tree("ON_PRIMARY_RECV")
    awaited = {"visitId": visit.pk, "reqId": top.pk, "receivedEvent": {"receivedQuality": "To be Received"}}
    made = api.post("/specimens", awaited).json
    assert stored_below(api, made["id"]) == []

    api.put(f"/specimens/{made['id']}", {"receivedEvent": {"receivedQuality": "Acceptable"}})
    assert stored_below(api, made["id"]) == [("Pending", True)] * 2


def test_no_labels_beforehand_where_nobody_asked(api: Api, tree: Any) -> None:
    visit, top, _ = tree("NONE")

    assert stored_below(api, api.post("/specimens", {"visitId": visit.pk, "reqId": top.pk}).json["id"]) == []


def test_a_tree_is_saved_however_deep_it_is(api: Api, visit: Any) -> None:
    tree: dict[str, Any] = {"lineage": "Aliquot", "initialQty": 1}
    for _ in range(60):
        tree = {"lineage": "Aliquot", "initialQty": 1, "children": [tree]}

    [top] = api.post("/specimens/collect", [cast.body(visit, "DEEP", children=[tree])]).json

    depth = 0
    while top["children"]:
        [top] = top["children"]
        depth += 1
    assert depth == 61


@pytest.mark.parametrize("levels", [400, 5000])
def test_a_tree_without_end_is_refused(api: Api, visit: Any, levels: int) -> None:
    inside = b'{"lineage":"Aliquot","initialQty":1,"children":[' * levels + b"]}" * levels

    answer = api.post("/specimens/collect", b'[{"label":"X","children":[' + inside + b"]}]")

    assert answer.status == 400 and not Specimen.objects.filter(visit=visit).exists()
