"""Adding to the words that rights are made of (spec 01 §D.2)."""

from collections.abc import Callable

import pytest

from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]


@pytest.mark.parametrize(("path", "shipped"), [("resources", "Specimen"), ("operations", "Read")])
def test_words_are_added_once_and_removed(api: Api, statuses: Statuses, path: str, shipped: str) -> None:
    for _ in range(2):
        added = api.post(f"/rbac/{path}", {"name": "Freezer"})
        assert (added.status, added.json) == (statuses.created, {"name": "Freezer"})
    names = [row["name"] for row in api.get(f"/rbac/{path}").json]
    assert (names.count("Freezer"), shipped in names) == (1, True)
    assert api.post(f"/rbac/{path}", {"name": shipped}).json == {"name": shipped}
    assert api.delete(f"/rbac/{path}/{shipped}").codes == ["RBAC_REF_ENTITY_FOUND"]
    assert api.delete(f"/rbac/{path}/Freezer").json == {"name": "Freezer"}
    gone = api.delete(f"/rbac/{path}/Freezer")
    assert (gone.status, gone.codes) == (statuses.not_found, [f"RBAC_{path[:-1].upper()}_NOT_FOUND"])
    assert api.post(f"/rbac/{path}", {"name": " "}).codes == [f"RBAC_{path[:-1].upper()}_NAME_REQUIRED"]
    assert api.post(f"/rbac/{path}", {"name": "x" * 65}).codes == ["COMMON_VALUE_TOO_LONG"]


def test_a_role_can_use_added_words_and_keeps_them(api: Api) -> None:
    api.post("/rbac/resources", {"name": "Freezer"})
    api.post("/rbac/operations", {"name": "Open"})
    acl = [{"resourceName": "Freezer", "operations": [{"operationName": "Open"}]}]

    role = api.post("/rbac/roles", {"name": "Keepers of cold", "acl": acl}).json

    assert role["acl"][0]["resourceName"] == "Freezer"
    assert api.delete("/rbac/resources/Freezer").codes == ["RBAC_REF_ENTITY_FOUND"]
    assert api.delete("/rbac/operations/Open").codes == ["RBAC_REF_ENTITY_FOUND"]
    api.delete(f"/rbac/roles/{role['id']}")
    assert api.delete("/rbac/resources/Freezer").status == api.delete("/rbac/operations/Open").status == 200


def test_permissions_are_pairs_of_them(api: Api, statuses: Statuses) -> None:
    wish = {"resourceName": "Freezer", "operationName": "Read"}
    there = "/rbac/permissions?resource=Freezer&operation=Read"
    assert api.post("/rbac/permissions", wish).codes == ["RBAC_RESOURCE_NOT_FOUND"]
    api.post("/rbac/resources", {"name": "Freezer"})

    added = api.post("/rbac/permissions", wish)

    assert (added.status, added.json) == (statuses.created, wish)
    assert wish in api.get("/rbac/permissions").json
    assert api.post("/rbac/permissions", wish).codes == ["RBAC_DUPLICATE_PERMISSION"]
    shipped = {"resourceName": "Visit", "operationName": "Read"}
    assert api.post("/rbac/permissions", shipped).codes == ["RBAC_DUPLICATE_PERMISSION"]
    assert api.post("/rbac/permissions", {**wish, "operationName": "Fly"}).codes == [
        "RBAC_OPERATION_NOT_FOUND"
    ]
    assert api.delete("/rbac/resources/Freezer").codes == ["RBAC_REF_ENTITY_FOUND"]
    assert api.delete("/rbac/permissions?resource=Visit&operation=Read").codes == ["RBAC_REF_ENTITY_FOUND"]
    assert api.delete(there).json == wish
    gone = api.delete(there)
    assert (gone.status, gone.codes) == (statuses.not_found, ["RBAC_PERMISSION_NOT_FOUND"])
    for nameless in (api.post("/rbac/permissions", {}), api.delete("/rbac/permissions")):
        assert nameless.codes == ["RBAC_RESOURCE_NAME_REQUIRED", "RBAC_OPERATION_NAME_REQUIRED"]


def test_words_are_for_super_administrators(as_user: AsUser, statuses: Statuses) -> None:
    session = as_user(factories.user("INSTITUTE"))

    for answer in (
        session.post("/rbac/resources", {"name": "Freezer"}),
        session.delete("/rbac/resources/Specimen"),
        session.post("/rbac/operations", {"name": "Open"}),
        session.delete("/rbac/operations/Read"),
        session.post("/rbac/permissions", {}),
        session.delete("/rbac/permissions?resource=Visit&operation=Read"),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])
