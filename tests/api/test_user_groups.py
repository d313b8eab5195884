"""User groups over HTTP: what they are, who keeps them, who is in them (spec 01 §C.11)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import User
from sites.models import Institute
from tests import factories
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]
MANAGER = {"User": ["Create", "Update", "Delete"]}


def body(of: Institute, **more: Any) -> dict[str, Any]:
    n = factories.number()
    return {"name": f"Night shift {n}", "description": "They work at night", "institute": of.name, **more}


@pytest.fixture
def home(db: None) -> Institute:
    return factories.institute()


def test_a_group_is_created_replaced_and_deleted(api: Api, home: Institute, statuses: Statuses) -> None:
    member = factories.user(of=home)
    sent = body(home, users=[{"emailAddress": member.email_address}])

    created = api.post("/user-groups", sent)
    path = f"/user-groups/{created.json['id']}"

    assert created.status == statuses.created
    assert (created.json["name"], created.json["institute"], created.json["noOfUsers"]) == (
        sent["name"],
        home.name,
        1,
    )
    replaced = api.put(path, body(home, name=sent["name"].upper(), description="Still"))
    assert (replaced.status, replaced.json["description"]) == (statuses.created, "Still")
    assert [user["id"] for user in replaced.json["users"]] == [member.pk]  # not sent, so kept
    gone = api.delete(path)
    assert (gone.status, gone.json["activityStatus"]) == (200, "Disabled")
    assert gone.json["name"].startswith(f"{sent['name'].upper()}_")
    assert (api.get(path).status, api.get(path).codes) == (statuses.not_found, ["USER_GROUP_NOT_FOUND"])
    assert api.delete(path).status == statuses.not_found
    assert api.post("/user-groups", sent).status == statuses.created


def test_wrong_groups(api: Api, home: Institute) -> None:
    taken = api.post("/user-groups", body(home)).json["name"]

    def refused(**wrong: Any) -> set[str]:
        answer = api.post("/user-groups", body(home, **wrong))
        assert answer.status == 400
        return set(answer.codes)

    empty = api.post("/user-groups", {})
    assert set(empty.codes) == {"USER_GROUP_NAME_REQ", "USER_GROUP_DESC_REQ", "USER_GROUP_INST_REQ"}
    assert refused(name=taken.upper()) == {"USER_GROUP_DUP_NAME"}
    assert refused(institute="Moon") == {"INSTITUTE_NOT_FOUND"}
    assert refused(users=[{"id": 99999999}]) == {"USER_NOT_FOUND"}
    assert refused(users=[{"id": factories.user().pk}]) == {"USER_GROUP_USER_NOT_OF_INSTITUTE"}
    assert refused(name="x" * 256) == {"COMMON_VALUE_TOO_LONG"}
    assert refused(activityStatus="Sleepy") == {"ACTIVITY_STATUS_INVALID"}
    assert refused(users={}) == {"INVALID_REQUEST"}


def test_members_come_and_go(api: Api, home: Institute, statuses: Statuses) -> None:
    one, two = factories.user(of=home), factories.user(of=home)
    path = f"/user-groups/{api.post('/user-groups', body(home)).json['id']}"

    def change(operation: str, *users: User) -> Answer:
        return api.put(f"{path}/users?op={operation}", [{"id": user.pk} for user in users])

    added = change("ADD", one, two, one)
    assert (added.status, added.json["noOfUsers"]) == (statuses.created, 2)
    assert change("add", one).json["noOfUsers"] == 2
    assert [user["id"] for user in change("REMOVE", one).json["users"]] == [two.pk]
    for wrong in ("SWAP", ""):
        assert change(wrong, one).codes == ["COMMON_INVALID_INPUT"]
    assert change("ADD", factories.user()).codes == ["USER_GROUP_USER_NOT_OF_INSTITUTE"]
    assert change("ADD", User(pk=99999999)).codes == ["USER_NOT_FOUND"]
    assert api.put("/user-groups/99999999/users?op=ADD", []).codes == ["USER_GROUP_NOT_FOUND"]
    assert "users" not in api.get(path).json
    assert [user["id"] for user in api.get(f"{path}?includeUsers=true").json["users"]] == [two.pk]


def test_lists_show_the_own_institute_unless_all_are_wanted(api: Api, as_user: AsUser) -> None:
    here, there = factories.institute(), factories.institute()
    site = factories.site(of=there)
    local = api.post("/user-groups", body(here, name="A local group")).json
    far = api.post("/user-groups", body(there, name="B far group")).json
    api.put(f"/user-groups/{far['id']}/users?op=ADD", [{"id": factories.user(of=there).pk}])
    session = as_user(factories.user(of=here))

    def listed(caller: Api, query: str = "") -> list[int]:
        return [group["id"] for group in caller.get(f"/user-groups?{query}").json]

    assert listed(session) == [local["id"]]
    assert listed(session, f"institute={there.name}") == []
    assert listed(session, "listAll=true") == listed(api) == [local["id"], far["id"]]
    assert listed(api, "query=FAR") == listed(api, f"institute={there.name}") == [far["id"]]
    assert listed(api, f"site={site.name}") == [far["id"]]
    assert listed(api, "startAt=1&maxResults=1") == [far["id"]]
    assert api.get("/user-groups/count").json == {"count": 2}
    assert [group["noOfUsers"] for group in api.get("/user-groups").json] == [0, 0]
    assert [group["noOfUsers"] for group in api.get("/user-groups?includeStats=true").json] == [0, 1]


def test_groups_are_kept_by_those_who_keep_users(as_user: AsUser, api: Api, statuses: Statuses) -> None:
    home, other = factories.institute(), factories.institute()
    manager, local = factories.user(of=home), factories.user("INSTITUTE", of=home)
    factories.grant(manager, MANAGER)
    theirs = api.post("/user-groups", body(other)).json["id"]

    for session in (as_user(manager), as_user(local)):
        mine = session.post("/user-groups", body(home))
        assert mine.status == statuses.created
        assert session.post("/user-groups", body(other)).codes == ["RBAC_ACCESS_DENIED"]
        path = f"/user-groups/{mine.json['id']}"
        assert session.put(path, body(other)).codes == ["RBAC_ACCESS_DENIED"]
        assert session.delete(f"/user-groups/{theirs}").codes == ["RBAC_ACCESS_DENIED"]
        assert session.put(f"/user-groups/{theirs}/users?op=ADD", []).codes == ["RBAC_ACCESS_DENIED"]
        assert session.delete(path).status == 200
    nobody = as_user(factories.user(of=home))
    denied = nobody.post("/user-groups", body(home))
    assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert nobody.delete("/user-groups/99999999").codes == ["USER_GROUP_NOT_FOUND"]


def test_membership_can_be_asked_for(api: Api, as_user: AsUser, home: Institute) -> None:
    member = factories.user(of=home)
    group = api.post("/user-groups", body(home, users=[{"id": member.pk}])).json

    def asked(user: User, name: str) -> Any:
        return as_user(user).get(f"/user-groups/member-of?groupName={name}").json

    assert asked(member, group["name"].lower()) == {"status": True}
    assert asked(factories.user(of=home), group["name"]) == {"status": False}
    assert asked(member, "Nobody") == {"status": False}
    assert [problem["code"] for problem in asked(member, "")] == ["USER_GROUP_ID_NAME_REQ"]


def test_users_are_listed_by_group(api: Api, home: Institute) -> None:
    member = factories.user(of=home)
    factories.user(of=home)
    name = api.post("/user-groups", body(home, users=[{"id": member.pk}])).json["name"]

    assert [user["id"] for user in api.get(f"/users?group={name.upper()}").json] == [member.pk]
    assert api.get(f"/users/count?group={name},Nobody").json == {"count": 1}
    assert api.get("/users?group=Nobody").json == []


def test_who_moves_leaves_the_groups_of_the_old_institute(api: Api, home: Institute) -> None:
    member = factories.user(of=home)
    group = api.post("/user-groups", body(home, users=[{"id": member.pk}])).json["id"]
    other = factories.institute()

    assert api.put(f"/user-groups/{group}", body(other)).codes == ["USER_GROUP_USER_NOT_OF_INSTITUTE"]
    api.patch(f"/users/{member.pk}", {"instituteName": other.name})

    assert api.get(f"/user-groups/{group}").json["noOfUsers"] == 0


def test_a_deleted_user_is_counted_no_more(api: Api, home: Institute) -> None:
    member = factories.user(of=home)
    group = api.post("/user-groups", body(home, users=[{"id": member.pk}])).json["id"]

    api.delete(f"/users/{member.pk}")

    assert api.get(f"/user-groups/{group}?includeUsers=true").json["users"] == []
    assert api.get(f"/user-groups/{group}").json["noOfUsers"] == 0


def test_groups_carry_no_roles(api: Api, as_user: AsUser, home: Institute, statuses: Statuses) -> None:
    path = f"/rbac/groups/{api.post('/user-groups', body(home)).json['id']}/roles"

    assert api.get(path).json == []
    assert api.put(path, []).json == []
    assert api.put(path, [{"role": {"name": "Technician"}}]).codes == ["COMMON_INVALID_INPUT"]
    assert as_user(factories.user()).put(path, []).status == statuses.forbidden
    assert api.get("/rbac/groups/0/roles").codes == ["RBAC_GROUP_ID_REQUIRED"]
    unknown = api.get("/rbac/groups/99999999/roles")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["RBAC_GROUP_NOT_FOUND"])
