"""Folders of carts (spec 03 §4.4)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import User, UserGroup
from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
AsUser = Callable[[User], Api]


def cart(api: Api, **more: Any) -> int:
    return int(api.post("/specimen-lists", {"name": f"Cart {factories.number()}", **more}).json["id"])


def folder(api: Api, name: str = "Studies", **more: Any) -> Any:
    answer = api.post("/specimen-list-folders", {"name": name, **more})
    assert answer.status in (200, 201), answer.json
    return answer.json


def group(*members: User) -> UserGroup:
    found = UserGroup.objects.create(
        name=f"Team {factories.number()}", description="People", institute=members[0].institute
    )
    found.users.set(members)
    return found


@pytest.fixture
def ana() -> User:
    return factories.user()


@pytest.fixture
def ben() -> User:
    return factories.user()


def test_a_folder_is_created_replaced_and_deleted(
    api: Api, admin: User, ana: User, statuses: Statuses
) -> None:
    team, one, two = group(ana), cart(api), cart(api)

    body = {"name": "Studies", "description": "d", "userGroups": [{"name": team.name}], "cartIds": [one]}
    created = api.post("/specimen-list-folders", body)
    assert created.status == statuses.created
    found = created.json
    path = f"/specimen-list-folders/{found['id']}"
    assert (found["name"], found["description"], found["activityStatus"]) == ("Studies", "d", "Active")
    assert (found["owner"]["id"], found["cartsCount"], found["userGroups"][0]["id"]) == (admin.pk, 1, team.pk)
    assert isinstance(found["creationTime"], int) and "cartIds" not in found
    assert api.get(path).json == found

    replaced = api.put(path, {"name": "Others", "cartIds": [two]})
    assert replaced.status == statuses.created
    assert (replaced.json["name"], replaced.json["userGroups"], replaced.json["cartsCount"]) == (
        "Others",
        [],
        2,
    )
    assert "description" not in replaced.json

    gone = api.delete(path)
    assert (gone.status, gone.json["activityStatus"]) == (200, "Disabled")
    missing = api.get(path)
    assert (missing.status, missing.codes) == (statuses.not_found, ["SPECIMEN_LISTS_FOLDER_NOT_FOUND"])
    assert api.get(f"/specimen-lists/{one}").status == 200


@pytest.mark.parametrize(
    "body, codes",
    [
        ({}, ["SPECIMEN_LISTS_FOLDER_NAME_REQ"]),
        ({"name": "x" * 256}, ["COMMON_VALUE_TOO_LONG"]),
        ({"name": "a", "userGroups": [{"id": 10**9}]}, ["SPECIMEN_LIST_INVALID_GROUPS_LIST"]),
        ({"name": "a", "cartIds": [10**9]}, ["SPECIMEN_LIST_NOT_FOUND"]),
    ],
)
def test_bad_folders_are_refused(api: Api, body: Any, codes: list[str]) -> None:
    kept = folder(api)

    for answer in (
        api.post("/specimen-list-folders", body),
        api.put(f"/specimen-list-folders/{kept['id']}", body),
    ):
        assert (answer.status, answer.codes) == (400, codes)


def test_carts_go_in_and_out_and_may_be_in_several_folders(api: Api, statuses: Statuses) -> None:
    one, two = cart(api), cart(api)
    first, second = folder(api, "First"), folder(api, "Second", cartIds=[one])
    path = f"/specimen-list-folders/{first['id']}"

    added = api.put(f"{path}/carts", [one, two, one])
    assert (added.status, added.json) == (statuses.created, {"count": 2})
    assert api.put(f"{path}/carts?operation=ADD", [one]).json == {"count": 0}
    assert [row["id"] for row in api.get(f"/specimen-lists?folderId={first['id']}").json] == [one, two]
    assert api.get(f"/specimen-lists/count?folderId={second['id']}").json == {"count": 1}
    assert api.put(f"{path}/carts?operation=REMOVE", [one, 10**9]).json == {"count": 1}
    assert api.put(f"{path}/carts", [10**9]).codes == ["SPECIMEN_LIST_NOT_FOUND"]
    assert api.put(f"{path}/carts?operation=MOVE", [one]).codes == ["COMMON_INVALID_INPUT"]
    assert api.put(f"{path}/carts", "x").codes == ["INVALID_REQUEST"]
    api.delete(f"/specimen-lists/{two}")
    assert api.get(path).json["cartsCount"] == 0


def test_lists_show_own_folders_and_those_of_the_groups(
    api: Api, as_user: AsUser, ana: User, ben: User
) -> None:
    folder(as_user(ana), "b mine", cartIds=[cart(as_user(ana))])
    folder(as_user(ben), "a shared", userGroups=[{"id": group(ana).pk}])
    folder(as_user(ben), "only ben's")

    def names(user: Api, query: str = "") -> list[str]:
        return [one["name"] for one in user.get(f"/specimen-list-folders{query}").json]

    assert names(as_user(ana)) == ["a shared", "b mine"]
    assert names(as_user(ana), "?name=SHAR") == ["a shared"]
    assert names(as_user(ana), "?startAt=1") == ["b mine"]
    assert as_user(ana).get("/specimen-list-folders/count").json == {"count": 2}
    assert set(names(api)) >= {"a shared", "b mine", "only ben's"}
    counts = as_user(ana).get("/specimen-list-folders?includeStats=true").json
    assert [one["cartsCount"] for one in counts] == [0, 1]
    assert [one["cartsCount"] for one in as_user(ana).get("/specimen-list-folders").json] == [0, 0]


def test_members_of_its_groups_read_and_fill_a_folder_but_do_not_change_it(
    as_user: AsUser, ana: User, ben: User, statuses: Statuses
) -> None:
    found = folder(as_user(ana), userGroups=[{"id": group(ben).pk}])
    path, mine = f"/specimen-list-folders/{found['id']}", cart(as_user(ben))

    assert as_user(ben).get(path).status == 200
    assert as_user(ben).put(f"{path}/carts", [mine]).json == {"count": 1}
    for refused in (as_user(ben).put(path, {"name": "Mine"}), as_user(ben).delete(path)):
        assert (refused.status, refused.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    # The folder does not open the carts in it.
    assert as_user(ana).get(f"/specimen-lists?folderId={found['id']}").json == []
    assert as_user(ben).put(f"{path}/carts", [cart(as_user(ana))]).codes == [
        "SPECIMEN_LIST_ACCESS_NOT_ALLOWED"
    ]


def test_folders_of_others_are_refused_everywhere(
    as_user: AsUser, ana: User, ben: User, statuses: Statuses
) -> None:
    found = folder(as_user(ana))
    path, stranger = f"/specimen-list-folders/{found['id']}", as_user(ben)
    attempts = [
        stranger.get(path),
        stranger.put(path, {"name": "Mine", "cartIds": [10**9]}),
        stranger.delete(path),
        stranger.put(f"{path}/carts", [cart(stranger)]),
        stranger.get(f"/specimen-lists?folderId={found['id']}"),
        stranger.get(f"/specimen-lists/count?folderId={found['id']}"),
    ]

    assert {(one.status, *one.codes) for one in attempts} == {(statuses.forbidden, "RBAC_ACCESS_DENIED")}
    missing = stranger.get("/specimen-lists?folderId=999999999")
    assert (missing.status, missing.codes) == (statuses.not_found, ["SPECIMEN_LISTS_FOLDER_NOT_FOUND"])
