"""Lists, trees and searches of specimens (spec 03 §3.2, §5)."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses


@pytest.fixture
def visit(db: None) -> Any:
    protocol = studies.protocol()
    return cast.visit(protocol, studies.event(protocol))


def labels(answer: Any) -> list[Any]:
    return [one["label"] for one in answer.json]


def queries(api: Api, path: str) -> int:
    """How many queries a second, warm call takes."""
    api.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert api.get(path).status == 200
    return len(seen)


# --- By id, label, barcode --------------------------------------------------------------------------


def test_without_parameters_there_is_nothing_to_list(api: Api, visit: Any) -> None:
    cast.saved(api, visit)

    assert api.get("/specimens").json == []


def test_ids_come_back_in_the_order_asked_without_the_unknown(api: Api, visit: Any) -> None:
    one, two = cast.saved(api, visit, "A"), cast.saved(api, visit, "B")

    assert labels(api.get(f"/specimens?id={two['id']}&id=987654,{one['id']}")) == ["B", "A"]


def test_one_label_is_searched_in_part_and_several_are_exact(api: Api, visit: Any) -> None:
    for label in ("AB-1", "AB-2", "XY-3"):
        cast.saved(api, visit, label, barcode=f"b{label}")

    assert labels(api.get("/specimens?label=ab-")) == ["AB-1", "AB-2"]
    assert labels(api.get("/specimens?label=ab-&exactMatch=true")) == []
    assert labels(api.get("/specimens?label=XY-3,AB-1")) == ["XY-3", "AB-1"]
    assert labels(api.get("/specimens?label=XY-3,AB-")) == ["XY-3"]
    assert labels(api.get("/specimens?barcode=bXY-3")) == ["XY-3"]


def test_a_listed_specimen_is_info_unless_more_or_less_is_wanted(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit, comments="c")
    path = f"/specimens?id={created['id']}"

    (info,) = api.get(path).json
    (full,) = api.get(path + "&includeExtensions=true").json
    (brief,) = api.get(path + "&minimalInfo=true").json

    assert "children" not in info and "comments" not in info and info["collector"]["loginName"] == "admin"
    assert full["comments"] == "c" and full["children"] is None
    assert {key for key, value in brief.items() if value is not None} == {
        "id", "label", "initialQty", "availableQty", "activityStatus",
    }  # fmt: skip


def test_a_protocol_lists_its_first_collected_primaries(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, "P")
    cast.saved(api, visit, "M", status="Pending")
    api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1})
    cast.saved(api, cast.visit(), "elsewhere")

    assert labels(api.get(f"/specimens?cpId={visit.protocol_id}")) == ["P"]


def test_deleted_specimens_are_nowhere(api: Api, visit: Any) -> None:
    created = cast.saved(api, visit, "GONE")
    api.delete(f"/specimens/{created['id']}")

    for query in (
        f"id={created['id']}",
        "label=GONE",
        f"cpId={visit.protocol_id}",
        f"cprId={visit.registration_id}",
    ):
        assert api.get(f"/specimens?{query}").json == []


# --- Trees of a registration ------------------------------------------------------------------------


def test_a_visit_shows_what_is_stored_and_what_is_still_to_come(api: Api, visit: Any) -> None:
    top = cast.requirement(visit.event, sort_order=2, name="Tube", initial_qty=Decimal(8))
    part = cast.requirement(visit.event, lineage="Aliquot", parent=top, label_fmt="%PSPEC_LABEL%.%PSPEC_UID%")
    cast.requirement(visit.event, sort_order=1, type="Serum")
    cast.requirement(visit.event, type="Urine", activity_status="Closed")
    stored = api.post("/specimens", {"visitId": visit.pk, "reqId": top.pk, "label": "P"}).json
    cast.saved(api, visit, "unplanned", type="Bile")

    trees = api.get(f"/specimens?cprId={visit.registration_id}&visitId={visit.pk}").json

    assert [(one["type"], one["label"]) for one in trees] == [
        ("Serum", None), ("Whole Blood", "P"), ("Bile", "unplanned"),
    ]  # fmt: skip
    coming, there, unplanned = trees
    assert (coming["id"], coming["status"], coming["availabilityStatus"]) == (None, None, "Pending")
    assert (coming["visitId"], coming["visitName"]) == (visit.pk, visit.name)
    assert set(coming["storageLocation"].values()) == {None}
    assert there["id"] == stored["id"] and unplanned["reqId"] is None
    (child,) = there["children"]
    assert (child["id"], child["reqId"], child["parentId"]) == (None, part.pk, stored["id"])
    assert child["labelFmt"] == "%PSPEC_LABEL%.%PSPEC_UID%"


def test_a_registration_shows_its_visits_and_then_its_events_to_come(api: Api, visit: Any) -> None:
    later = studies.event(visit.protocol, "Later", 30)
    studies.event(visit.protocol, "Closed", 60, activity_status="Closed")
    cast.requirement(visit.event, type="Serum")
    top = cast.requirement(later, type="Plasma", initial_qty=Decimal(3))
    cast.requirement(later, type="Plasma", lineage="Aliquot", parent=top)

    everything = api.get(f"/specimens?cprId={visit.registration_id}").json
    to_come = api.get(f"/specimens?cprId={visit.registration_id}&eventId={later.pk}").json

    assert [(one["type"], one["eventLabel"], one["visitId"]) for one in everything] == [
        ("Serum", "Baseline", visit.pk), ("Plasma", "Later", None),
    ]  # fmt: skip
    assert to_come == everything[1:]
    assert (to_come[0]["initialQty"], len(to_come[0]["children"])) == (3, 1)


def test_a_visit_of_somebody_else_is_not_found(api: Api, statuses: Statuses, visit: Any) -> None:
    other = cast.visit()

    for query, code in (
        (f"cprId={visit.registration_id}&visitId={other.pk}", "VISIT_NOT_FOUND"),
        (f"cprId={visit.registration_id}&eventId=987654", "CPE_NOT_FOUND"),
        ("cprId=987654", "CPR_M_NOT_FOUND"),
    ):
        answer = api.get(f"/specimens?{query}")
        assert (answer.status, answer.codes) == (statuses.not_found, [code])


# --- Rights -----------------------------------------------------------------------------------------


def test_lists_hold_what_the_caller_may_read(api: Api, as_user: Any, visit: Any) -> None:
    parent = cast.saved(api, visit, "P")
    child = api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1}).json
    cast.saved(api, cast.visit(), "elsewhere")
    here = visit.protocol.protocol_sites.get().site
    reader, nurse, stranger = (
        factories.user(of=here.institute),
        factories.user(of=here.institute),
        factories.user(),
    )
    factories.grant(reader, {"Specimen": ["Read"]}, site=here)
    factories.grant(nurse, {"PrimarySpecimen": ["Read"]}, protocol=visit.protocol)
    path = f"/specimens?label=P,{child['label']},elsewhere"

    assert labels(as_user(reader).get(path)) == ["P", child["label"]]
    assert labels(as_user(nurse).get(path)) == ["P"]
    assert labels(as_user(stranger).get(path)) == []
    assert as_user(stranger).post("/specimens/search", {}).json == []
    assert as_user(nurse).get(f"/specimens?cprId={visit.registration_id}").json[0]["children"] == []


# --- Searches ---------------------------------------------------------------------------------------


CRITERIA: list[tuple[dict[str, Any], list[str]]] = [
    ({"label": "a"}, ["A1", "A1_1", "A2"]),
    ({"label": "A1", "exactMatch": True}, ["A1"]),
    ({"labels": ["A2", "B1"]}, ["A2", "B1"]),
    ({"barcode": "BAR"}, ["B1"]),
    ({"searchStr": "bar"}, ["B1"]),
    ({"lineage": "Aliquot"}, ["A1_1"]),
    ({"lineages": ["New"], "collectionStatus": "Pending"}, ["A2"]),
    ({"type": "dna"}, ["B1"]),
    ({"anatomicSite": "liver"}, ["B1"]),
    ({"available": True}, ["A1", "A1_1"]),
    ({"noQty": True}, ["B1"]),
    ({"container": "Box"}, []),
    ({"maxResults": 2}, ["A1", "A1_1"]),
    ({"startAt": 2, "maxResults": 2}, ["A2", "B1"]),
    ({"orderBy": "label", "asc": False, "maxResults": 1}, ["B1"]),
    ({"ppid": "p-"}, ["A1", "A1_1", "A2", "B1"]),
    ({"visitNames": ["nowhere"]}, []),
]


def test_a_search_finds_by_its_criteria(api: Api) -> None:
    visit = cast.visit(ppid="P-7")
    one = cast.saved(api, visit, "A1")
    api.post("/specimens", {"lineage": "Aliquot", "parentId": one["id"], "initialQty": 1})
    cast.saved(api, visit, "A2", status="Pending")
    cast.saved(
        api, visit, "B1", type="DNA", specimenClass="", anatomicSite="Liver", initialQty=0, barcode="bar"
    )

    for wanted, found in CRITERIA:
        answer = api.post("/specimens/search", {"cpId": visit.protocol_id, **wanted})
        assert (answer.status, labels(answer)) == (200, found), wanted
        whole = {key: value for key, value in wanted.items() if key not in ("startAt", "maxResults")}
        count = api.post("/specimens/search/count", {"cpId": visit.protocol_id, **whole}).json
        assert count == {"count": len(found) if whole == wanted else 4}, wanted


def test_too_many_labels_are_refused(api: Api) -> None:
    answer = api.post("/specimens/search", {"labels": [str(n) for n in range(10_001)]})

    assert answer.codes == ["SPECIMEN_LABELS_SRCH_LIMIT_MAXED"]


# --- Budgets ----------------------------------------------------------------------------------------


def test_lists_take_the_same_number_of_queries_whatever_they_hold(api: Api, visit: Any) -> None:
    top = cast.requirement(visit.event, initial_qty=Decimal(8))
    cast.requirement(visit.event, lineage="Aliquot", parent=top)
    first = api.post("/specimens", {"visitId": visit.pk, "reqId": top.pk, "label": "S"}).json
    paths = {
        f"/specimens?cpId={visit.protocol_id}": 3,
        "/specimens?label=S": 3,
        f"/specimens?cprId={visit.registration_id}": 7,
        f"/specimens/{first['id']}": 5,
    }
    few = {path: queries(api, path) for path in paths}
    for _ in range(5):
        one = cast.saved(api, visit)
        api.post("/specimens", {"lineage": "Aliquot", "parentId": one["id"], "initialQty": 1})
        api.post("/specimens", {"lineage": "Aliquot", "parentId": first["id"], "initialQty": 1})

    many = {path: queries(api, path) for path in paths}

    assert many == few
    session = queries(api, "/specimens")  # what signing in takes
    assert {path: taken - session for path, taken in many.items()} == paths


def test_changing_takes_the_same_number_of_queries_whatever_the_batch(api: Api, visit: Any) -> None:
    parent = cast.saved(api, visit, initialQty=1000)

    def taken(count: int) -> int:
        part = {"lineage": "Aliquot", "initialQty": 1}
        with CaptureQueriesContext(connection) as seen:
            answer = api.post("/specimens/collect", [{"id": parent["id"], "children": [part] * count}])
        assert answer.status == 201, answer.json
        return len(seen)

    taken(1)
    assert taken(2) == taken(40)
    assert Specimen.objects.count() == 44
