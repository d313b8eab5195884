"""Pick lists: fetching the specimens of a cart (spec 03 §4.4)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_auth.models import User
from specimens.cart import tasks
from specimens.cart.models import PickList
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def tubes(api: Api) -> list[Any]:
    """Four tubes in the caller's default cart."""
    visit = cast.visit()
    found = [cast.saved(api, visit, barcode=f"BC-{factories.number()}") for _ in range(4)]
    api.put("/specimen-lists/0/specimens", [one["id"] for one in found])
    return found


def pick_list(api: Api, name: str = "Round 1") -> str:
    """The path of a new pick list of the default cart."""
    answer = api.post("/specimen-lists/0/pick-lists", {"name": name})
    assert answer.status in (200, 201), answer.json
    return f"/specimen-lists/0/pick-lists/{answer.json['id']}"


def told(api: Api, path: str, query: str = "") -> list[int]:
    return [one["specimen"]["id"] for one in api.get(f"{path}/specimens{query}").json]


def test_a_pick_list_is_created_listed_renamed_and_deleted(
    api: Api, admin: User, tubes: list[Any], statuses: Statuses
) -> None:
    cart = api.get("/specimen-lists/0").json

    created = api.post("/specimen-lists/0/pick-lists", {"name": "Round 1"})
    assert created.status == statuses.created
    row = created.json
    assert (row["name"], row["totalSpecimens"], row["pickedSpecimens"]) == ("Round 1", 4, 0)
    assert (row["creator"]["id"], row["cart"]["id"], type(row["creationTime"])) == (admin.pk, cart["id"], int)

    path = f"/specimen-lists/0/pick-lists/{row['id']}"
    second = pick_list(api, "Round 2")
    assert [one["name"] for one in api.get("/specimen-lists/0/pick-lists").json] == ["Round 2", "Round 1"]
    assert len(api.get("/specimen-lists/0/pick-lists?startAt=1&maxResults=1").json) == 1
    assert api.get(path).json == row

    renamed = api.put(path, {"name": "Again"})
    assert (renamed.status, renamed.json["name"]) == (statuses.created, "Again")
    assert api.delete(second).json["name"] == "Round 2"
    missing = api.get(second)
    assert (missing.status, missing.codes) == (statuses.not_found, ["SPECIMEN_LIST_PICK_LIST_NOT_FOUND"])


@pytest.mark.parametrize("body", [{}, {"name": " "}])
def test_a_pick_list_needs_a_name(api: Api, tubes: list[Any], body: Any) -> None:
    path = pick_list(api)

    assert api.post("/specimen-lists/0/pick-lists", body).codes == ["SPECIMEN_LIST_PICK_LIST_NAME_REQ"]
    assert api.put(path, body).codes == ["SPECIMEN_LIST_PICK_LIST_NAME_REQ"]
    assert api.put(path, {"name": "x" * 256}).codes == ["COMMON_VALUE_TOO_LONG"]


def test_specimens_are_picked_by_id_label_or_barcode_and_put_back(
    api: Api, admin: User, tubes: list[Any], statuses: Statuses
) -> None:
    path = pick_list(api)
    one, two, three, four = tubes
    body = {
        "op": "PICK",
        "specimens": [{"id": one["id"]}, {"label": two["label"]}, {"barcode": three["barcode"]}],
    }

    picked = api.put(f"{path}/specimens", body)

    assert picked.status == statuses.created
    assert picked.json == {"picked": [one["id"], two["id"], three["id"]]}
    assert told(api, path) == told(api, path, "?picked=false") == [four["id"]]
    fetched = api.get(f"{path}/specimens?picked=true").json
    assert {entry["specimen"]["id"] for entry in fetched} == {one["id"], two["id"], three["id"]}
    assert all(entry["pickedBy"]["id"] == admin.pk and entry["pickupTime"] > 10**12 for entry in fetched)
    assert api.get(f"{path}/specimens").json[0]["pickedBy"] is None
    assert api.get(path).json["pickedSpecimens"] == 3

    back = api.put(f"{path}/specimens", {"op": "UNPICK", "specimens": [{"label": two["label"]}]})
    assert back.json == {"unpicked": [two["id"]]}
    assert told(api, path) == [two["id"], four["id"]]


def test_picking_twice_keeps_who_was_first(api: Api, as_user: Any, tubes: list[Any]) -> None:
    path = pick_list(api)
    body = {"op": "pick", "specimens": [{"id": tubes[0]["id"]}, {"label": tubes[0]["label"]}]}
    api.put(f"{path}/specimens", body)
    first = api.get(f"{path}/specimens?picked=true").json

    other = as_user(factories.user("SUPER"))
    cart = api.get("/specimen-lists/0").json["id"]
    again = other.put(path.replace("/0/", f"/{cart}/") + "/specimens", body)

    assert again.json == {"picked": [tubes[0]["id"]]}
    assert api.get(f"{path}/specimens?picked=true").json == first


def test_only_specimens_of_the_cart_are_picked(api: Api, tubes: list[Any]) -> None:
    path = pick_list(api)
    outside = cast.saved(api, cast.visit())

    for ref in ({"id": outside["id"]}, {"label": outside["label"]}, {"barcode": "none"}, {"id": -5}, {}):
        answer = api.put(f"{path}/specimens", {"op": "PICK", "specimens": [{"id": tubes[0]["id"]}, ref]})
        assert answer.codes == ["SPECIMEN_LIST_INV_CART_SPECIMENS"], ref
    assert api.put(f"{path}/specimens", {"op": "TAKE", "specimens": []}).codes == ["COMMON_INVALID_INPUT"]
    assert api.put(f"{path}/specimens", {"op": "PICK"}).json == {"picked": []}
    assert api.get(path).json["pickedSpecimens"] == 0


def test_specimens_to_be_fetched_are_filtered_and_paged(api: Api, tubes: list[Any]) -> None:
    path = pick_list(api)
    other = cast.saved(api, cast.visit(studies.protocol("ELSEWHERE")), type="Whole Blood")
    api.put("/specimen-lists/0/specimens", [other["id"]])
    ids = [one["id"] for one in tubes]

    assert told(api, path) == [*ids, other["id"]]
    assert told(api, path, "?startAt=1&maxResults=2") == ids[1:3]
    assert told(api, path, "?cp=elsewhere") == told(api, path, "?type=Whole Blood") == [other["id"]]
    assert told(api, path, "?container=Box") == []
    api.put(f"{path}/specimens", {"op": "PICK", "specimens": [{"id": ids[0]}, {"id": other["id"]}]})
    assert told(api, path, "?picked=true&type=Plasma") == [ids[0]]


def test_what_leaves_the_cart_leaves_its_pick_lists(api: Api, tubes: list[Any]) -> None:
    path = pick_list(api)
    gone, deleted = tubes[0]["id"], tubes[1]["id"]
    api.put(f"{path}/specimens", {"op": "PICK", "specimens": [{"id": gone}, {"id": deleted}]})

    api.put("/specimen-lists/0/specimens?operation=REMOVE", [gone])
    api.delete(f"/specimens/{deleted}")

    row = api.get(path).json
    assert (row["totalSpecimens"], row["pickedSpecimens"]) == (2, 0)
    assert told(api, path, "?picked=true") == []


def test_what_its_reader_may_not_see_is_neither_told_nor_picked(
    api: Api, as_user: Any, tubes: list[Any]
) -> None:
    person = factories.user()
    api.put("/specimen-lists/0/users", [person.pk])
    path = pick_list(api).replace("/0/", f"/{api.get('/specimen-lists/0').json['id']}/")
    refs = [{"id": tubes[0]["id"]}]
    api.put(f"{path}/specimens", {"op": "PICK", "specimens": refs})

    reader = as_user(person)
    assert reader.get(path).status == 200
    assert told(reader, path) == told(reader, path, "?picked=true") == []
    for ref in ({"id": tubes[1]["id"]}, {"label": tubes[1]["label"]}):
        answer = reader.put(f"{path}/specimens", {"op": "PICK", "specimens": [ref]})
        assert answer.codes == ["SPECIMEN_LIST_INV_CART_SPECIMENS"]


def test_a_pick_list_belongs_to_its_cart(api: Api, tubes: list[Any], statuses: Statuses) -> None:
    path = pick_list(api)
    other = api.post("/specimen-lists", {"name": "Another"}).json["id"]

    answer = api.get(path.replace("/0/", f"/{other}/"))

    assert (answer.status, answer.codes) == (statuses.not_found, ["SPECIMEN_LIST_PICK_LIST_NOT_FOUND"])
    assert api.get("/specimen-lists/0/pick-lists/x").codes == ["INVALID_REQUEST"]


def test_pick_lists_nobody_used_for_90_days_are_forgotten(api: Api, tubes: list[Any]) -> None:
    idle, used, renamed = pick_list(api, "Idle"), pick_list(api, "Used"), pick_list(api, "Renamed")
    PickList.objects.update(last_used=timezone.now() - timedelta(days=91))
    api.put(f"{used}/specimens", {"op": "PICK", "specimens": [{"id": tubes[0]["id"]}]})
    api.put(renamed, {"name": "Renamed again"})

    tasks.forget_idle_pick_lists()

    assert [api.get(path).status for path in (idle, used, renamed)] == [404, 200, 200]
