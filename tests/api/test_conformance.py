"""The checklist of a client's author, as far as no other test of sessions, users and sites is it (spec 01 part G)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sessions_auth import impersonation
from sessions_auth.models import User
from specimens.participant.models import Participant
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]


def test_both_spellings_of_a_path_are_one(api: Api, statuses: Statuses) -> None:
    home = factories.institute()
    for path in ("/sites", "/sites/", "//sites"):
        made = api.post(path, {"name": f"Site {path}", "instituteName": home.name, "type": "Repository"})
        assert made.status == statuses.created, path
    assert api.call("get", "/rest/ng/institutes", base="").status == 200


def test_input_is_lenient(api: Api) -> None:
    home = factories.institute()
    sent = {
        "name": "  Padded  ", "instituteName": home.name, "type": "Repository", "code": 42, "unknown": {"a": [1]},
        "cpCount": "7", "activityStatus": "",
    }  # fmt: skip

    made = api.post("/sites", sent).json

    assert (made["name"], made["code"], made["cpCount"], made["activityStatus"]) == (
        "Padded",
        "42",
        0,
        "Active",
    )
    paged = api.get("/sites?maxResults=-1&startAt=-5&close=whatever")
    assert paged.status == 200
    assert api.get("/sites?maxResults=None").codes == ["INVALID_REQUEST"]


def test_counts_equal_the_lengths_of_lists(api: Api) -> None:
    for _ in range(3):
        factories.site(of=factories.institute())
        factories.user()
    for path, more in (
        ("/institutes", ""), ("/sites", ""), ("/users", ""), ("/rbac/roles", ""), ("/user-groups", ""),
        ("/permissible-values", "&attribute=anatomic_site"),
    ):  # fmt: skip
        listed = api.get(f"{path}?maxResults=100000{more}").json
        assert api.get(f"{path}/count?maxResults=1{more}").json == {"count": len(listed)}, path


def test_users_without_roles(as_user: AsUser, statuses: Statuses) -> None:
    nobody, study = as_user(factories.user()), studies.protocol()

    assert nobody.get("/collection-protocols").json == []
    for answer, code in (
        (nobody.get(f"/collection-protocols/{study.pk}"), "RBAC_ACCESS_DENIED"),
        (nobody.post("/sites", {}), "RBAC_INST_ADMIN_RIGHTS_REQ"),
        (nobody.post("/institutes", {}), "RBAC_ADMIN_RIGHTS_REQUIRED"),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, [code])


def test_a_technician_works_without_names(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    home = factories.institute()
    study = studies.protocol(at=[factories.site(of=home)])
    patient = studies.registration(study)
    Participant.objects.filter(pk=patient.participant_id).update(last_name="Quist")
    technician = factories.user(of=home)
    given = {"role": {"name": "Technician"}, "collectionProtocol": {"id": study.pk}}
    api.post(f"/rbac/subjects/{technician.pk}/roles", given)
    session = as_user(technician)

    assert [row["id"] for row in session.get("/collection-protocols").json] == [study.pk]
    shown = session.get(f"/collection-protocol-registrations/{patient.pk}").json["participant"]
    assert (shown["lastName"], shown["phiAccess"]) == ("###", False)
    visit = session.post("/visits", {"cprId": patient.pk, "visitDate": "2024-03-12T09:15:00Z"})
    assert visit.status == statuses.created
    tube = {"visitId": visit.json["id"], "label": "T-1", "specimenClass": "Fluid", "type": "Plasma"}
    assert session.post("/specimens", tube).status == statuses.created
    denied = session.post("/collection-protocol-registrations", studies.registration_body(study))
    assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


def test_a_role_for_all_sites_ends_at_the_institute(as_user: AsUser) -> None:
    home, elsewhere = factories.institute(), factories.institute()
    mine = studies.protocol(at=[factories.site(of=home)])
    studies.protocol(at=[factories.site(of=elsewhere)])
    user = factories.user(of=home)
    factories.grant(user, {"CollectionProtocol": ["Read"]})

    assert [row["id"] for row in as_user(user).get("/collection-protocols").json] == [mine.pk]


def test_a_second_delete_finds_nothing(api: Api, statuses: Statuses) -> None:
    home = factories.institute()
    for path in (f"/sites/{factories.site().pk}", f"/institutes/{home.pk}", f"/users/{factories.user().pk}"):
        assert api.get(f"{path}/dependent-entities").json == []
        assert api.delete(path).status == 200
        gone = api.delete(path)
        assert gone.status == statuses.not_found
        assert gone.codes[0].endswith("_NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "/institutes/1", "/institutes/count", "/users/current-user", "/user-groups", "/user-notifications",
        "/user-favorites", "/rbac/resources", "/sites/count", "/sites/extension-form", "/auth-domains/1",
        "/config-settings/history", "/config-settings/files", "/permissible-values/count", "/users/2/forms",
    ],
)  # fmt: skip
def test_everything_else_needs_a_session(anonymous: Api, path: str) -> None:
    assert anonymous.get(path).status == 401


# --- As an attacker would --------------------------------------------------------------------------


def test_acting_for_somebody_gives_no_more_than_they_may(api: Api) -> None:
    user = factories.user()
    token = api.post("/sessions/impersonate", {"loginName": user.login_name}).json["impersonateUserToken"]
    acting = Api(api.token, **{"X-OS-IMPERSONATE-USER": token})

    assert acting.post("/institutes", {"name": "Mine"}).codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]
    assert acting.post("/sessions/impersonate", {"loginName": "admin"}).codes == [
        "RBAC_ADMIN_RIGHTS_REQUIRED"
    ]
    closed = factories.user(activity_status="Closed")
    for wrong, code in (
        ({}, "USER_LOGIN_NAME_REQUIRED"),
        ({"loginName": "$system"}, "USER_NOT_FOUND"),
        ({"loginName": closed.login_name}, "USER_INACTIVE"),
    ):
        assert Api(api.token).post("/sessions/impersonate", wrong).codes == [code]


def test_an_impersonation_ends_with_its_hour_and_its_account(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = factories.user()
    token = api.post("/sessions/impersonate", {"loginName": user.login_name}).json["impersonateUserToken"]
    acting = Api(api.token, **{"X-OS-IMPERSONATE-USER": token})
    assert acting.get("/users/current-user").json["id"] == user.pk

    monkeypatch.setattr(impersonation, "LIFETIME", timedelta(0))
    assert acting.get("/users/current-user").status == 401
    monkeypatch.undo()
    User.objects.filter(pk=user.pk).update(activity_status="Closed")
    assert acting.get("/users/current-user").status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/permissible-values/v/²", None),
        ("get", f"/permissible-values/v/{'9' * 40}", None),
        ("get", f"/users/{'9' * 40}", None),
        ("get", f"/users?start={'9' * 18}", None),
        ("get", "/users?searchString=%00", None),
        ("put", "/users/current-user-ui-state", {"a": "x\0y"}),
        ("put", "/users/current-user-ui-state", {"a": "x" * 1_000_001}),
        ("post", "/user-groups", {"name": ["x"], "users": 7}),
        ("put", "/user-groups/1/users?op=ADD", {"id": 1}),
        ("post", "/rbac/roles", {"name": "x", "acl": [{"operations": {}}]}),
        ("post", "/sessions/verify-otp", {"emailAddress": "x", "props": "y"}),
        ("post", "/user-favorites", {"viewUrl": {"a": 1}}),
        ("put", "/config-settings", {"module": [], "name": 1}),
    ],
)
def test_odd_input_is_refused_not_failed(api: Api, method: str, path: str, body: Any) -> None:
    answer = api.call(method, path, body)

    assert answer.status in (200, 400, 404)


def test_a_users_roles_are_out_of_reach_for_other_institutes(api: Api, as_user: AsUser) -> None:
    mine, theirs = (
        factories.user("INSTITUTE", of=factories.institute()),
        factories.user(of=factories.institute()),
    )
    held = factories.grant(theirs, {"Specimen": ["Read"]})
    session, path = as_user(mine), f"/rbac/subjects/{theirs.pk}/roles"

    assert session.post(path, {"role": {"name": "Technician"}}).codes == ["RBAC_ACCESS_DENIED"]
    assert session.put(f"{path}/{held.pk}", {"role": {"name": "Technician"}}).codes == ["RBAC_ACCESS_DENIED"]
    assert session.delete(f"{path}/{held.pk}").codes == ["RBAC_ACCESS_DENIED"]
    other = f"/rbac/subjects/{mine.pk}/roles/{held.pk}"
    assert session.delete(other).codes == ["RBAC_SUBJECT_ROLE_NOT_FOUND"]


def test_system_roles_cannot_be_claimed(api: Api) -> None:
    user = factories.user()

    given = api.post(f"/rbac/subjects/{user.pk}/roles", {"role": {"name": "Technician"}, "systemRole": True})

    assert given.json["systemRole"] is False
