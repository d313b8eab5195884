"""Specimen requirements over HTTP (spec 02 part C)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.configuration.models import SettingValue
from sessions_auth.models import User
from specimens.protocol.models import Event, Requirement
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from terminology.models import PermissibleValue
from tests import designs, factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/specimen-requirements"
Body = dict[str, Any]


@pytest.fixture
def visit(api: Api) -> Body:
    """The event Baseline of a protocol."""
    return designs.event(api, designs.protocol(api))


def collected(requirement_id: int, status: str = "Collected") -> Specimen:
    """A specimen of the requirement."""
    requirement = Requirement.objects.select_related("event__protocol").get(pk=requirement_id)
    of = requirement.event.protocol
    n = factories.number()
    from specimens.participant.models import Participant, Registration

    registration = Registration.objects.create(
        protocol=of, participant=Participant.objects.create(), ppid=f"P{n}", registration_date="2024-01-01"
    )
    visit = Visit.objects.create(
        registration=registration, protocol=of, event=requirement.event, name=f"V{n}"
    )
    return Specimen.objects.create(
        protocol=of, visit=visit, requirement=requirement, label=f"L{n}", specimen_class="Fluid", type="Plasma",
        status=status,
    )  # fmt: skip


def test_a_requirement_is_created_and_read_back(api: Api, visit: Body, statuses: Statuses) -> None:
    answer = api.post(
        f"{URL}/",
        designs.blood(
            visit, code=" WB1 ", specimenClass="fluid", type="whole blood", initialQty="10.50", sortOrder=1,
            labelFmt="%PPI%-%EVENT_CODE%-%SR_CODE%", collector={"id": 1}, lineage="Aliquot",
        ),
    )  # fmt: skip
    assert answer.status == statuses.created
    made = answer.json
    collector = made.pop("collector")
    assert collector["id"] == 1
    assert made == {
        "id": made["id"], "name": "EDTA blood", "code": "WB1", "lineage": "New", "specimenClass": "Fluid",
        "type": "Whole Blood", "anatomicSite": "Not Specified", "laterality": "Not Specified",
        "pathology": "Not Specified", "storageType": "Virtual", "initialQty": 10.5,
        "collectionProcedure": "Not Specified", "collectionContainer": "EDTA Vacutainer",
        "labelFmt": "%PPI%-%EVENT_CODE%-%SR_CODE%", "sortOrder": 1, "preBarcodedTube": False,
        "eventId": visit["id"], "cpId": visit["cpId"], "cpShortTitle": visit["cpShortTitle"], "children": [],
        "activityStatus": "Active", "quantityUnit": "ml", "services": [], "uid": f"sr_{made['id']}",
    }  # fmt: skip
    assert api.get(f"{URL}/{made['id']}").json == {**made, "collector": collector}


def test_every_missing_key_is_named_at_once(api: Api, visit: Body) -> None:
    assert set(api.post(URL, {"eventId": visit["id"]}).codes) == {
        "SR_SPECIMEN_CLASS_REQUIRED", "SR_SPECIMEN_TYPE_REQUIRED", "SR_ANATOMIC_SITE_REQUIRED",
        "SR_LATERALITY_REQUIRED", "SR_PATHOLOGY_STATUS_REQUIRED", "SR_STORAGE_TYPE_REQUIRED",
        "SR_COLL_PROC_REQUIRED", "SR_COLL_CONT_REQUIRED",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"specimenClass": "Gas"}, "SR_INVALID_SPECIMEN_CLASS"),
        ({"specimenClass": "Plasma"}, "SR_INVALID_SPECIMEN_CLASS"),
        ({"type": "DNA"}, "SR_INVALID_SPECIMEN_TYPE"),
        ({"type": "Fluid"}, "SR_INVALID_SPECIMEN_TYPE"),
        ({"anatomicSite": "Soul"}, "SR_INVALID_ANATOMIC_SITE"),
        ({"laterality": "Top"}, "SR_INVALID_LATERALITY"),
        ({"pathology": "Odd"}, "SR_INVALID_PATHOLOGY_STATUS"),
        ({"collectionProcedure": "Wish"}, "SR_INVALID_COLL_PROC"),
        ({"collectionContainer": "Hat"}, "SR_INVALID_COLL_CONT"),
        ({"initialQty": -1}, "SR_INVALID_QTY"),
        ({"initialQty": "1e25"}, "SR_INVALID_QTY"),
        ({"concentration": -0.5}, "SR_CONCENTRATION_MUST_BE_POSITIVE"),
        ({"collector": {"id": 999999}}, "SR_COLLECTOR_NOT_FOUND"),
        ({"receiver": {"emailAddress": "nobody@example.org"}}, "SR_RECEIVER_NOT_FOUND"),
        ({"labelFmt": "%NOPE%"}, "SR_INVALID_LABEL_FMT"),
        ({"labelAutoPrintMode": "LATER"}, "CP_INVALID_SPMN_LABEL_PRINT_MODE"),
        ({"activityStatus": "Gone"}, "ACTIVITY_STATUS_INVALID"),
        ({"eventId": 999999}, "CPE_NOT_FOUND"),
        ({"eventId": None}, "SR_CPE_REQUIRED"),
        ({"eventId": None, "cpShortTitle": "NOPE", "eventLabel": "Baseline"}, "CPE_NOT_FOUND"),
        ({"defCustomFieldValuesJson": "[1]"}, "INVALID_REQUEST"),
        ({"initialQty": "plenty"}, "INVALID_REQUEST"),
        ({"code": "x" * 33}, "COMMON_VALUE_TOO_LONG"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_code(
    api: Api, visit: Body, sent: Body, code: str
) -> None:
    answer = api.post(URL, designs.blood(visit, **sent))
    assert (answer.status, answer.codes) == (400, [code])
    assert not Requirement.objects.exists()


def test_the_event_may_be_named_by_protocol_and_label(api: Api, visit: Body) -> None:
    body = designs.blood(
        visit, eventId=None, cpShortTitle=visit["cpShortTitle"].lower(), eventLabel="baseline"
    )
    made = api.post(URL, body).json
    assert made["eventId"] == visit["id"]
    assert "eventLabel" not in made


def test_not_specified_belongs_to_the_class_that_is_named(api: Api, visit: Body) -> None:
    made = designs.requirement(api, visit, specimenClass="Tissue", type="not specified")
    assert (made["specimenClass"], made["type"]) == ("Tissue", "Not Specified")


@pytest.mark.parametrize("values", [{"a": "\0"}, {"a": {"b": [["\0"]]}}])
def test_default_values_that_no_column_can_hold(api: Api, visit: Body, values: Body) -> None:
    body = designs.blood(visit, defaultCustomFieldValues=values)
    assert api.post(URL, body).codes == ["INVALID_REQUEST"]
    made = designs.requirement(api, visit, defCustomFieldValuesJson='{"a": 1}')
    assert made["defaultCustomFieldValues"] == {"a": 1}
    assert api.put(f"{URL}/{made['id']}", body).codes == ["INVALID_REQUEST"]


def test_generations_are_limited(api: Api, visit: Body) -> None:
    event = Event.objects.get(pk=visit["id"])
    parent = None
    for _ in range(50):
        parent = Requirement.objects.create(
            event=event, parent=parent, lineage="Derived" if parent else "New", specimen_class="Fluid", type="Plasma",
            storage_type="Manual",
        )  # fmt: skip
    assert parent is not None
    spec = {"specimenClass": "Fluid", "type": "Plasma", "storageType": "Manual"}
    assert api.post(f"{URL}/{parent.pk}/derived", spec).codes == ["INVALID_REQUEST"]
    assert len(api.get(f"{URL}?eventId={event.pk}").json) == 1


def test_an_anatomic_site_is_a_leaf_of_its_list(api: Api, visit: Body) -> None:
    group = PermissibleValue.objects.create(attribute="anatomic_site", value="Digestive organs")
    PermissibleValue.objects.create(attribute="anatomic_site", value="Pylorus", parent=group)
    assert designs.requirement(api, visit, anatomicSite="pylorus")["anatomicSite"] == "Pylorus"
    refused = api.post(URL, designs.blood(visit, anatomicSite="Digestive organs"))
    assert refused.codes == ["SR_INVALID_ANATOMIC_SITE"]


def test_codes_are_unique_within_the_event(api: Api, visit: Body) -> None:
    top = designs.requirement(api, visit, code="WB")
    assert api.post(URL, designs.blood(visit, code="WB")).codes == ["SR_DUP_CODE"]
    plasma = {"specimenClass": "Fluid", "type": "Plasma", "storageType": "Manual", "code": "WB"}
    assert api.post(f"{URL}/{top['id']}/derived", plasma).codes == ["SR_DUP_CODE"]
    other = designs.event(api, {"shortTitle": visit["cpShortTitle"]}, "Later")
    designs.requirement(api, other, code="WB")


# --- Derived and aliquots ---------------------------------------------------------------------------


def test_a_derived_requirement_takes_from_its_parent_what_it_does_not_name(
    api: Api, visit: Body, statuses: Statuses
) -> None:
    top = designs.requirement(api, visit, laterality="Left", collector={"id": 1})
    spec = {
        "name": "Plasma", "specimenClass": "Fluid", "type": "Plasma", "quantity": 50, "storageType": "Manual",
        "pathology": "Malignant", "code": "PLASMA",
    }  # fmt: skip
    answer = api.post(f"{URL}/{top['id']}/derived", spec)
    assert answer.status == statuses.created
    made = answer.json
    assert (made["lineage"], made["initialQty"], made["parentUid"]) == ("Derived", 50, top["uid"])
    assert (made["laterality"], made["pathology"], made["collector"]["id"]) == ("Left", "Malignant", 1)
    assert made["collectionContainer"] == "EDTA Vacutainer"


def test_aliquots_are_alike_and_share_the_quantity_of_their_parent(
    api: Api, visit: Body, statuses: Statuses
) -> None:
    top = designs.requirement(api, visit, code="PL2")
    path = f"{URL}/{top['id']}/aliquots"
    spec = {"storageType": "Manual", "code": "PL"}
    assert api.post(path, {**spec, "noOfAliquots": 3, "qtyPerAliquot": 4}).codes == ["SR_INSUFFICIENT_QTY"]
    assert Requirement.objects.count() == 1
    answer = api.post(path, {**spec, "noOfAliquots": "2", "qtyPerAliquot": "4"})
    assert answer.status == statuses.created
    assert [row["code"] for row in answer.json] == ["PL1", "PL3"]
    assert {(row["lineage"], row["type"], row["initialQty"], row["name"]) for row in answer.json} == {
        ("Aliquot", "Whole Blood", 4, "EDTA blood")
    }
    assert api.post(path, {**spec, "noOfAliquots": 1, "qtyPerAliquot": 4}).codes == ["SR_INSUFFICIENT_QTY"]
    assert len(designs.aliquots(api, top, 1, 2)) == 1


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({"noOfAliquots": None}, ["SR_INVALID_ALIQUOT_CNT"]),
        ({"noOfAliquots": 0}, ["SR_INVALID_ALIQUOT_CNT"]),
        ({"noOfAliquots": 10**9}, ["SR_INVALID_ALIQUOT_CNT"]),
        ({"qtyPerAliquot": 0}, ["SR_INVALID_QTY"]),
        ({"qtyPerAliquot": None}, ["SR_INVALID_QTY"]),
        ({"storageType": ""}, ["SR_STORAGE_TYPE_REQUIRED"]),
        ({"labelFmt": "x"}, ["SR_INVALID_LABEL_FMT"]),
    ],
)
def test_what_aliquots_need(api: Api, visit: Body, sent: Body, codes: list[str]) -> None:
    top = designs.requirement(api, visit)
    spec = {"noOfAliquots": 2, "qtyPerAliquot": 1, "storageType": "Manual", **sent}
    assert api.post(f"{URL}/{top['id']}/aliquots", spec).codes == codes


def test_aliquots_need_no_quantity_where_the_setting_says_so(api: Api, visit: Body) -> None:
    SettingValue.objects.create(module="biospecimen", name="mandatory_aliquot_qty", value="false")
    top = designs.requirement(api, visit)
    spec = {"noOfAliquots": 1, "storageType": "Manual"}
    assert "initialQty" not in api.post(f"{URL}/{top['id']}/aliquots", spec).json[0]


def test_children_need_a_parent_that_is_there_and_open(api: Api, visit: Body, statuses: Statuses) -> None:
    top = designs.requirement(api, visit)
    api.put(f"{URL}/{top['id']}", designs.blood(visit, activityStatus="Closed"))
    spec = {"noOfAliquots": 1, "qtyPerAliquot": 1, "storageType": "Manual"}
    assert api.post(f"{URL}/{top['id']}/aliquots", spec).codes == ["SR_CLOSED"]
    unknown = api.post(f"{URL}/999999/aliquots", spec)
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["SR_PARENT_NOT_FOUND"])
    assert api.post(f"{URL}/999999/derived", {}).codes == ["SR_PARENT_NOT_FOUND"]


# --- Lists ------------------------------------------------------------------------------------------


def test_lists_are_trees_in_sort_order(api: Api, visit: Body) -> None:
    last = designs.requirement(api, visit, code="LAST")
    first = designs.requirement(api, visit, code="FIRST", sortOrder=1)
    plasma = designs.plasma(api, first, code="PL")
    designs.aliquots(api, plasma, 2, code="A")
    trees = api.get(f"{URL}?eventId={visit['id']}").json
    assert [tree["id"] for tree in trees] == [first["id"], last["id"]]
    (child,) = trees[0]["children"]
    assert [leaf["code"] for leaf in child["children"]] == ["A1", "A2"]
    flat = api.get(f"{URL}?eventId={visit['id']}&includeChildReqs=false").json
    assert [("children" in row) for row in flat] == [False, False]
    assert api.get(f"{URL}/{first['id']}").json == trees[0]


def test_what_a_list_is_about(api: Api, visit: Body, statuses: Statuses) -> None:
    later = designs.event(
        api, {"shortTitle": visit["cpShortTitle"]}, "Later", eventPoint=1, eventPointUnit="DAYS"
    )
    designs.requirement(api, visit, code="B")
    designs.requirement(api, later, code="A")
    cp = visit["cpId"]
    assert [row["code"] for row in api.get(f"{URL}?cpId={cp}").json] == ["A", "B"]
    assert [row["code"] for row in api.get(f"{URL}?cpId={cp}&eventLabel=LATER").json] == ["A"]
    assert api.get(URL).json == []
    assert api.get(f"{URL}?eventLabel=Later").codes == ["CP_REQUIRED"]
    for query, code in (("eventId=999999", "CPE_NOT_FOUND"), ("cpId=999999", "CP_NOT_FOUND")):
        answer = api.get(f"{URL}?{query}")
        assert (answer.status, answer.codes) == (statuses.not_found, [code])
    assert api.get(f"{URL}?cpId={cp}&eventLabel=Never").codes == ["CPE_NOT_FOUND"]


def test_a_tree_takes_a_fixed_number_of_queries(api: Api, visit: Body) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert api.get(f"{URL}?cpId={visit['cpId']}").status == 200
        return len(found)

    top = designs.requirement(api, visit)
    few = queries()
    designs.aliquots(api, top, 8)
    designs.requirement(api, designs.event(api, {"shortTitle": visit["cpShortTitle"]}, "Later"))
    assert queries() <= few


# --- Replace ----------------------------------------------------------------------------------------


def test_a_change_cascades_to_aliquots_and_collection_to_all(
    api: Api, visit: Body, statuses: Statuses
) -> None:
    top = designs.requirement(api, visit)
    plasma = designs.plasma(api, top)
    (aliquot,) = designs.aliquots(api, top, 1, 1)
    (inner,) = designs.aliquots(api, aliquot, 1, 1)
    changed = designs.blood(
        visit, name="Urine", type="Urine", laterality="Right", concentration=2, collector={"id": 1},
        collectionContainer="CPT",
    )  # fmt: skip
    answer = api.put(f"{URL}/{top['id']}", changed)
    assert answer.status == statuses.created
    for pk in (aliquot["id"], inner["id"]):
        row = api.get(f"{URL}/{pk}").json
        assert (row["name"], row["type"], row["laterality"], row["concentration"]) == (
            "Urine",
            "Urine",
            "Right",
            2,
        )
        assert (row["collector"]["id"], row["collectionContainer"]) == (1, "CPT")
    derived = api.get(f"{URL}/{plasma['id']}").json
    assert (derived["name"], derived["type"], derived["laterality"]) == ("Plasma", "Plasma", "Not Specified")
    assert (derived["collector"]["id"], derived["collectionContainer"]) == (1, "CPT")


def test_an_aliquot_keeps_what_follows_its_parent(api: Api, visit: Body) -> None:
    top = designs.requirement(api, visit)
    (aliquot,) = designs.aliquots(api, top, 1, 1)
    body = designs.blood(visit, type="Urine", laterality="Left", initialQty=2, name="Mine")
    changed = api.put(f"{URL}/{aliquot['id']}", body).json
    assert (changed["type"], changed["laterality"]) == ("Whole Blood", "Not Specified")
    assert (changed["initialQty"], changed["name"]) == (2, "Mine")
    needed = api.put(f"{URL}/{aliquot['id']}", {"initialQty": 1}).codes
    assert needed == ["SR_SPECIMEN_CLASS_REQUIRED", "SR_SPECIMEN_TYPE_REQUIRED", "SR_STORAGE_TYPE_REQUIRED"]


def test_a_blank_clears_what_a_derived_requirement_need_not_have(api: Api, visit: Body) -> None:
    plasma = designs.plasma(api, designs.requirement(api, visit))
    body = {"specimenClass": "Fluid", "type": "Plasma", "storageType": "Manual", "laterality": "Left"}
    changed = api.put(f"{URL}/{plasma['id']}", body).json
    assert changed["laterality"] == "Left"
    assert "anatomicSite" not in changed
    assert changed["collectionProcedure"] == "Not Specified"


def test_quantities_must_fit_after_a_change(api: Api, visit: Body) -> None:
    top = designs.requirement(api, visit)
    first, _ = designs.aliquots(api, top, 2, 4)
    assert api.put(f"{URL}/{top['id']}", designs.blood(visit, initialQty=7)).codes == ["SR_INSUFFICIENT_QTY"]
    assert api.put(f"{URL}/{top['id']}", designs.blood(visit, initialQty=8)).json["initialQty"] == 8
    body = designs.blood(visit, initialQty=5)
    assert api.put(f"{URL}/{first['id']}", body).codes == ["SR_INSUFFICIENT_QTY"]
    assert api.put(f"{URL}/{first['id']}", {**body, "initialQty": 3}).json["initialQty"] == 3


def test_class_and_type_are_fixed_once_something_was_collected(api: Api, visit: Body) -> None:
    top = designs.requirement(api, visit)
    collected(top["id"], "Pending")
    assert api.put(f"{URL}/{top['id']}", designs.blood(visit, type="Urine")).json["type"] == "Urine"
    collected(top["id"])
    body = designs.blood(visit, type="Serum")
    assert api.put(f"{URL}/{top['id']}", body).codes == ["SR_CANNOT_CHANGE_CLASS_OR_TYPE"]
    assert api.get(f"{URL}/{top['id']}/specimens-count").json == 1


def test_closing_closes_descendants_and_reopening_only_one(api: Api, visit: Body) -> None:
    top = designs.requirement(api, visit)
    plasma = designs.plasma(api, top)
    path, closed = f"{URL}/{top['id']}", designs.blood(visit, activityStatus="Closed")
    api.put(path, closed)
    assert api.get(f"{URL}/{plasma['id']}").json["activityStatus"] == "Closed"
    assert api.put(path, closed).codes == ["SR_CLOSED"]
    assert api.post(f"{path}/copy").codes == ["SR_CLOSED"]
    assert api.put(path, designs.blood(visit)).json["activityStatus"] == "Active"
    assert api.get(f"{URL}/{plasma['id']}").json["activityStatus"] == "Closed"
    assert len(api.get(f"{URL}?eventId={visit['id']}").json) == 1


# --- Copy and delete --------------------------------------------------------------------------------


def test_a_copy_is_deep_and_without_codes(api: Api, visit: Body, statuses: Statuses) -> None:
    top = designs.requirement(api, visit, code="WB", sortOrder=4)
    designs.aliquots(api, designs.plasma(api, top, code="PL"), 2, code="A")
    answer = api.post(f"{URL}/{top['id']}/copy")
    assert answer.status == statuses.created
    copy = answer.json
    assert copy["id"] != top["id"]
    assert not {"code", "sortOrder"} & copy.keys()
    (plasma,) = copy["children"]
    assert "code" not in plasma
    assert [(leaf["initialQty"], leaf["sortOrder"]) for leaf in plasma["children"]] == [(1, 1), (1, 2)]
    assert plasma["sortOrder"] == 1


def test_an_aliquot_is_copied_only_where_its_parent_has_room(
    api: Api, visit: Body, statuses: Statuses
) -> None:
    top = designs.requirement(api, visit)
    (aliquot,) = designs.aliquots(api, top, 1, 6)
    assert api.post(f"{URL}/{aliquot['id']}/copy").codes == ["SR_INSUFFICIENT_QTY"]
    unknown = api.post(f"{URL}/999999/copy")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["SR_NOT_FOUND"])


def test_deleting_takes_descendants_along_and_frees_codes(api: Api, visit: Body, statuses: Statuses) -> None:
    top = designs.requirement(api, visit, code="WB")
    plasma = designs.plasma(api, top, code="PL")
    answer = api.delete(f"{URL}/{top['id']}")
    assert (answer.status, answer.json["activityStatus"]) == (200, "Disabled")
    assert answer.json["code"].startswith("WB_")
    for pk in (top["id"], plasma["id"]):
        gone = api.get(f"{URL}/{pk}")
        assert (gone.status, gone.codes) == (statuses.not_found, ["SR_NOT_FOUND"])
    assert api.get(f"{URL}?eventId={visit['id']}").json == []
    designs.plasma(api, designs.requirement(api, visit, code="WB"), code="PL")


def test_a_requirement_with_specimens_stays(api: Api, visit: Body) -> None:
    top = designs.requirement(api, visit)
    plasma = designs.plasma(api, top)
    specimen = collected(plasma["id"], "Pending")
    assert api.delete(f"{URL}/{plasma['id']}").codes == ["SR_HAS_SPECIMENS"]
    assert api.delete(f"{URL}/{top['id']}").codes == ["SR_HAS_SPECIMENS"]
    body = designs.blood(visit, activityStatus="Disabled")
    assert api.put(f"{URL}/{top['id']}", body).codes == ["SR_HAS_SPECIMENS"]
    Specimen.objects.filter(pk=specimen.pk).update(activity_status="Disabled")
    assert api.put(f"{URL}/{top['id']}", body).json["activityStatus"] == "Disabled"


def test_changing_requirements_needs_the_right_to_update_the_protocol(
    api: Api, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    of = studies.protocol()
    visit = {"id": studies.event(of).pk}
    top = designs.requirement(api, visit)
    reader = factories.user(of=of.protocol_sites.get().site.institute)
    factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=of)
    other = as_user(reader)
    path = f"{URL}/{top['id']}"
    assert other.get(path).status == 200
    spec = {"noOfAliquots": 1, "qtyPerAliquot": 1, "storageType": "Manual"}
    for answer in (
        other.post(URL, designs.blood(visit)),
        other.put(path, designs.blood(visit)),
        other.post(f"{path}/aliquots", spec),
        other.post(f"{path}/derived", spec),
        other.post(f"{path}/copy"),
        other.delete(path),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
