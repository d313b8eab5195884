"""Users over HTTP: validation, rights, lists, status (spec 01 §C)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import AuthDomain, SubjectRole, User
from sites.models import Institute
from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]
MANAGER = {"User": ["Create", "Read", "Update", "Delete"]}


def main_institute() -> str:
    return Institute.objects.order_by("pk")[0].name


def body(**more: object) -> dict[str, object]:
    n = factories.number()
    return {
        "firstName": "Mira",
        "lastName": "Holt",
        "emailAddress": f"mira{n}@example.org",
        "loginName": f"mira{n}",
        "domainName": "openspecimen",
        "instituteName": main_institute(),
        **more,
    }


def test_a_user_is_created_with_defaults_and_read_back(api: Api, statuses: Statuses) -> None:
    answer = api.post("/users/", body(phoneNumber=4420, dnd="false", id=777, primarySite=""))

    assert answer.status == statuses.created
    created = answer.json
    assert created["id"] != 777
    assert (created["type"], created["activityStatus"], created["phoneNumber"]) == ("NONE", "Active", "4420")
    assert not any(
        created[flag] for flag in ("manageForms", "manageWfs", "managePrintJobs", "dnd", "apiUser")
    )
    assert api.get(f"/users/{created['id']}").json == created
    assert api.get(f"/users/byid/{created['id']}").json == created


def test_every_missing_key_is_named_at_once(api: Api) -> None:
    answer = api.post("/users", {})

    assert answer.status == 400
    assert set(answer.codes) == {
        "USER_FIRST_NAME_REQUIRED", "USER_LAST_NAME_REQUIRED", "USER_LOGIN_NAME_REQUIRED", "USER_INVALID_EMAIL",
        "USER_INST_REQUIRED", "USER_DOMAIN_NAME_REQUIRED",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"emailAddress": "nowhere"}, "USER_INVALID_EMAIL"),
        ({"loginName": "$system"}, "USER_SYS_LOGIN_NAME"),
        ({"domainName": "moon"}, "USER_DOMAIN_NOT_FOUND"),
        ({"instituteName": "Moon"}, "INSTITUTE_NOT_FOUND"),
        ({"primarySite": "Moon"}, "SITE_NOT_FOUND"),
        ({"type": "KING"}, "USER_INVALID_TYPE"),
        ({"activityStatus": "Sleepy"}, "ACTIVITY_STATUS_INVALID"),
        ({"timeZone": "Moon/Sea"}, "COMMON_INVALID_TZ"),
        ({"apiUser": True}, "USER_IP_REQ"),
        ({"apiUser": True, "ipRange": "here"}, "USER_INVALID_IP"),
        ({"defaultPrinter": "none such"}, "USER_INVALID_PRINTER_NAME"),
        ({"firstName": "x" * 256}, "COMMON_VALUE_TOO_LONG"),
        ({"firstName": {}}, "INVALID_REQUEST"),
    ],
)
def test_wrong_values_have_their_codes(api: Api, wrong: dict[str, object], code: str) -> None:
    answer = api.post("/users", body(**wrong))

    assert (answer.status, answer.codes) == (400, [code])
    assert not User.objects.filter(first_name="Mira").exists()


def test_the_primary_site_is_of_the_institute(api: Api) -> None:
    inside, outside = factories.site(), factories.site(of=factories.institute())

    assert api.post("/users", body(primarySite=inside.name.upper())).json["primarySite"] == inside.name
    assert api.post("/users", body(primarySite=outside.name)).codes == ["SITE_INVALID_SITE_INSTITUTE"]


def test_login_names_and_addresses_are_unique_without_regard_to_case(api: Api) -> None:
    user = factories.user(login="taken")

    answer = api.post("/users", body(loginName="TAKEN", emailAddress=user.email_address.upper()))

    assert set(answer.codes) == {"USER_DUP_LOGIN_NAME", "USER_DUP_EMAIL"}


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("SUPER", (True, True, True)),
        ("INSTITUTE", (True, True, False)),
        ("Regular", (False, False, False)),
        ("CONTACT", (False, False, False)),
    ],
)
def test_types_bring_their_flags(api: Api, kind: str, flags: tuple[bool, ...]) -> None:
    created = api.post("/users", body(type=kind)).json

    assert tuple(created[name] for name in ("manageForms", "manageWfs", "managePrintJobs")) == flags


def test_contacts_need_no_login(api: Api) -> None:
    contact = body(type="CONTACT", manageForms=True)
    del contact["loginName"], contact["domainName"]

    created = api.post("/users", contact).json

    assert (created["domainName"], created["manageForms"]) == ("openspecimen", False)
    assert len(created["loginName"]) == 36


def test_put_replaces_and_patch_keeps(api: Api, statuses: Statuses) -> None:
    sent = body(phoneNumber="1", address="Pier", type="INSTITUTE", dnd=True)
    pk = api.post("/users", sent).json["id"]
    bare = {key: sent[key] for key in body()}

    patched = api.patch(f"/users/{pk}", {"phoneNumber": "2", "address": None})
    assert patched.status == 200
    assert (patched.json["phoneNumber"], patched.json["type"], patched.json["dnd"]) == (
        "2",
        "INSTITUTE",
        True,
    )
    assert "address" not in patched.json
    replaced = api.put(f"/users/{pk}", {**bare, "id": 1})
    assert replaced.status == statuses.created
    assert (replaced.json["id"], replaced.json["type"], replaced.json["dnd"]) == (pk, "NONE", False)
    assert "phoneNumber" not in replaced.json
    assert api.patch(f"/users/{pk}", {"firstName": " "}).codes == ["USER_FIRST_NAME_REQUIRED"]


def test_unknown_users(api: Api, statuses: Statuses) -> None:
    for answer in (
        api.get("/users/99999999"),
        api.put("/users/99999999", body()),
        api.delete("/users/99999999"),
    ):
        assert (answer.status, answer.codes) == (statuses.not_found, ["USER_NOT_FOUND"])
    assert api.get("/users/abc").codes == ["INVALID_REQUEST"]


def test_deleting_frees_the_names(api: Api, statuses: Statuses) -> None:
    sent = body()
    pk = api.post("/users", sent).json["id"]

    gone = api.delete(f"/users/{pk}/?close=true")

    assert (gone.status, gone.json["activityStatus"]) == (200, "Disabled")
    assert gone.json["loginName"].startswith(f"{sent['loginName']}_")
    assert gone.json["emailAddress"] != sent["emailAddress"]
    assert api.delete(f"/users/{pk}").status == statuses.not_found
    assert api.post("/users", sent).status == statuses.created


def test_dependents_keep_a_user(api: Api) -> None:
    user = factories.user()
    factories.site(coordinators=[{"id": user.pk}])

    assert api.get(f"/users/{user.pk}/dependent-entities").json == [{"name": "site", "count": 1}]
    assert api.delete(f"/users/{user.pk}").codes == ["USER_REF_ENTITY_FOUND"]
    assert api.get(f"/users/{factories.user().pk}/dependent-entities").json == []


def test_several_are_deleted_or_none(api: Api) -> None:
    one, two = factories.user(), factories.user()

    assert api.delete(f"/users?id={one.pk}&id=99999999").codes == ["USER_NOT_FOUND"]
    assert api.get(f"/users/{one.pk}").status == 200
    assert [user["id"] for user in api.delete(f"/users?id={one.pk},{two.pk}").json] == [one.pk, two.pk]


def test_bulk_update_honours_its_keys_only(api: Api) -> None:
    one, two = factories.user(), factories.user()

    answer = api.put(
        "/users/bulk-update",
        {"ids": [one.pk], "names": [two.email_address], "detail": {"dnd": True, "firstName": "Ignored"}},
    )

    assert [(user["id"], user["dnd"], user["firstName"]) for user in answer.json] == [
        (one.pk, True, "Una"),
        (two.pk, True, "Una"),
    ]
    assert api.put("/users/bulk-update", {"detail": {"dnd": True}}).codes == ["USER_NAME_REQUIRED"]
    assert api.put("/users/bulk-update", {"names": ["no@example.org"]}).codes == [
        "USER_ONE_OR_MORE_NOT_FOUND"
    ]


# --- Lists ---


def names(api: Api, query: str) -> list[str]:
    return [user["loginName"] for user in api.get(f"/users?{query}").json]


def test_lists_page_with_start_and_are_sorted(api: Api) -> None:
    institute = factories.institute()
    for first, login in (("Cleo", "c3"), ("Ada", "a1"), ("Bela", "b2")):
        user = factories.user(of=institute, login=login)
        User.objects.filter(pk=user.pk).update(first_name=first)

    assert names(api, f"institute={institute.name}") == ["a1", "b2", "c3"]
    assert names(api, f"institute={institute.name}&start=1&maxResults=1") == ["b2"]
    assert names(api, f"institute={institute.name}&startAt=1&maxResults=-1") == ["a1", "b2", "c3"]
    assert api.get(f"/users/count?institute={institute.name}").json == {"count": 3}


def test_lists_hide_the_closed_and_the_system(api: Api) -> None:
    factories.user(login="closed.one", activity_status="Closed")
    factories.user(login="locked.one", activity_status="Locked")

    assert names(api, "loginName=.one") == ["locked.one"]
    assert names(api, "loginName=.one&activityStatus=Archived") == ["closed.one"]
    assert set(names(api, "loginName=.one&activityStatus=all")) == {"closed.one", "locked.one"}
    assert "$system" not in names(api, "")
    assert "$system" in names(api, "includeSysUser=true")


def test_lists_filter(api: Api, as_user: AsUser) -> None:
    other = factories.institute()
    user = factories.user(login="zoe", of=other)
    User.objects.filter(pk=user.pk).update(
        first_name="Zoë", last_name="Quist", email_address="zq@example.net"
    )
    contact = factories.user("CONTACT", login="zed")
    site = factories.site(of=other)
    factories.grant(user, {"Specimen": ["Read"]}, site=site)

    for query in (
        "searchString=quis",
        "searchString=Zoë Quist",
        "searchString=zq@",
        "name=zoë",
        "loginName=zoe",
    ):
        assert names(api, query) == ["zoe"], query
    assert names(api, f"resource=Specimen&op=Read&site={site.name}") == ["zoe"]
    assert names(api, f"resource=Specimen&op=Delete&site={site.name}") == []
    assert names(api, "type=CONTACT") == [contact.login_name]
    assert names(api, "excludeType=CONTACT,NONE&loginName=z") == []
    assert names(as_user(factories.user()), "listAll=false&loginName=zoe") == []
    assert names(api, "activeSince=2999-01-01") == []
    assert api.get("/users?type=KING").codes == ["USER_INVALID_TYPE"]
    assert api.get("/users?activeSince=soon").codes == ["INVALID_REQUEST"]


def test_summaries_say_domain_where_details_say_domain_name(api: Api) -> None:
    user = factories.user()

    row = next(row for row in api.get("/users").json if row["id"] == user.pk)

    assert (row["domain"], row["admin"], row["cpCount"]) == ("openspecimen", False, 0)
    assert "domainName" not in row
    assert "daysBeforePasswordExpiry" not in row


def test_lists_cost_the_same_however_long(api: Api, django_assert_num_queries: Any) -> None:
    for _ in range(5):
        factories.user(primary_site=factories.site())
    api.get("/users")

    with django_assert_num_queries(1):
        api.get("/users")


# --- Rights ---


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_regular_users_change_nobody(as_user: AsUser, statuses: Statuses, method: str) -> None:
    target = factories.user()
    path = "/users" if method == "post" else f"/users/{target.pk}"

    answer = as_user(factories.user()).call(method, path, body())

    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert as_user(factories.user()).get(f"/users/{target.pk}").status == 200


def test_user_managers_stay_in_their_institute(as_user: AsUser) -> None:
    manager = factories.user()
    factories.grant(manager, MANAGER)
    api, elsewhere = as_user(manager), factories.institute()

    created = api.post("/users", body(instituteName=elsewhere.name)).json
    assert created["instituteName"] == main_institute()
    assert api.patch(f"/users/{created['id']}", {"lastName": "Quist"}).json["lastName"] == "Quist"
    assert api.patch(f"/users/{created['id']}", {"instituteName": elsewhere.name}).codes == [
        "RBAC_ACCESS_DENIED"
    ]
    stranger = factories.user(of=elsewhere)
    assert api.patch(f"/users/{stranger.pk}", {"lastName": "Quist"}).codes == ["RBAC_ACCESS_DENIED"]
    assert api.post("/users", body(type="SUPER")).codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]
    assert api.post("/users", body(type="INSTITUTE")).codes == ["RBAC_INST_ADMIN_RIGHTS_REQ"]
    assert api.post("/users", body(apiUser=True, ipRange="*")).codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]
    address = {"emailAddress": "new@example.org"}
    assert api.patch(f"/users/{created['id']}", address).codes == ["RBAC_INST_ADMIN_RIGHTS_REQ"]
    assert api.delete(f"/users/{created['id']}").json["activityStatus"] == "Disabled"
    assert api.delete(f"/users/{manager.pk}").codes == ["RBAC_ACCESS_DENIED"]


def test_institute_administrators_manage_their_institute(as_user: AsUser) -> None:
    api = as_user(factories.user("INSTITUTE"))

    created = api.post("/users", body(type="INSTITUTE")).json
    assert created["type"] == "INSTITUTE"
    address = {"emailAddress": f"new{factories.number()}@example.org"}
    assert api.patch(f"/users/{created['id']}", address).json["emailAddress"] == address["emailAddress"]
    assert api.patch(f"/users/{created['id']}", {"type": "SUPER"}).codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]
    assert api.patch("/users/2", {"phoneNumber": "1"}).codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]


def test_people_change_a_few_things_about_themselves(as_user: AsUser) -> None:
    user = factories.user()
    api, other = as_user(user), factories.institute()

    answer = api.put(
        f"/users/{user.pk}",
        {"phoneNumber": "7", "timeZone": "Asia/Kolkata", "type": "SUPER", "lastName": "X"},
    )

    assert (answer.json["phoneNumber"], answer.json["timeZone"]) == ("7", "Asia/Kolkata")
    assert (answer.json["type"], answer.json["lastName"]) == ("NONE", user.last_name)
    assert api.patch(f"/users/{user.pk}", {"instituteName": other.name}).codes == ["RBAC_ACCESS_DENIED"]


def test_only_super_administrators_move_users_to_another_domain(api: Api, as_user: AsUser) -> None:
    user, local = factories.user(), as_user(factories.user("INSTITUTE"))
    AuthDomain.objects.create(name="hospital", auth_type="ldap")
    wish = {"domainName": "hospital"}

    assert local.patch(f"/users/{user.pk}", wish).codes == ["USER_DOMAIN_CHANGE_NOT_ALLOWED"]
    assert api.patch(f"/users/{user.pk}", wish).json["domainName"] == "hospital"
    assert api.put("/users/password", {"userId": user.pk, "newPassword": "Newer-pass-2"}).codes == [
        "USER_PASSWD_CHANGE_NOT_ALLOWED"
    ]


def test_nobody_changes_their_own_address_or_deletes_themselves(api: Api, admin: User) -> None:
    assert api.patch(f"/users/{admin.pk}", {"emailAddress": "x@example.org"}).codes == [
        "USER_EMAIL_SELF_UPDATE_NA"
    ]
    assert api.delete(f"/users/{admin.pk}").codes == ["RBAC_ACCESS_DENIED"]
    assert api.delete("/users/1").codes == ["USER_SYS_LOGIN_NAME"]


def test_institute_administrators_hold_the_role_administrator(api: Api) -> None:
    user = factories.user()

    def roles() -> list[tuple[str, bool]]:
        return [
            (role["role"]["name"], role["systemRole"])
            for role in api.get(f"/rbac/subjects/{user.pk}/roles").json
        ]

    api.patch(f"/users/{user.pk}", {"type": "INSTITUTE"})
    assert roles() == [("Administrator", True)]
    api.patch(f"/users/{user.pk}", {"type": "NONE"})
    assert roles() == []


def test_moving_to_another_institute_loses_its_sites(api: Api) -> None:
    user, other = factories.user(), factories.institute()
    factories.grant(user, {"Specimen": ["Read"]}, site=factories.site())
    factories.grant(user, {"Specimen": ["Read"]})

    api.patch(f"/users/{user.pk}", {"instituteName": other.name})

    assert list(SubjectRole.objects.filter(user=user).values_list("site", flat=True)) == [None]


# --- Status ---


def test_status_changes(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    user = factories.user()
    session = as_user(user)

    def become(status: str | None) -> Any:
        return api.put(f"/users/{user.pk}/activity-status", {"activityStatus": status})

    assert become("Active").status == statuses.created
    assert become("Locked").json["activityStatus"] == "Locked"
    for wrong in ("Pending", "Expired", "Sleepy", None):
        assert become(wrong).codes == ["USER_STATUS_CHANGE_NOT_ALLOWED"]
    assert become("Closed").json["activityStatus"] == "Closed"
    assert session.get("/users/current-user").status == 401


def test_who_signs_up_waits_for_approval(
    anonymous: Api, api: Api, statuses: Statuses, mailoutbox: list[Any]
) -> None:
    applicant = body(type="SUPER", manageForms=True, activityStatus="Active")

    answer = anonymous.post("/users/sign-up", applicant)

    assert answer.status == statuses.created
    assert (answer.json["type"], answer.json["activityStatus"]) == ("NONE", "Pending")
    assert not answer.json["manageForms"]
    assert [mail.to for mail in mailoutbox] == [["admin@localhost"]]
    api.put(f"/users/{answer.json['id']}/activity-status", {"activityStatus": "Active"})
    assert mailoutbox[-1].to == [applicant["emailAddress"]]
    assert "reset-password" in mailoutbox[-1].body


def test_signing_up_can_be_switched_off(anonymous: Api, api: Api) -> None:
    def switch(name: str, value: str) -> None:
        api.put("/config-settings", {"module": "administrative", "name": name, "value": value})

    switch("local_account_signups", "false")
    assert anonymous.post("/users/sign-up", body()).codes == ["USER_LOCAL_ACC_SIGNUP_NA"]
    switch("user_sign_up", "false")
    assert anonymous.post("/users/sign-up", body()).codes == ["USER_SIGN_UP_NOT_ALLOWED"]


# --- The caller ---


def test_the_caller_sees_themselves(api: Api, as_user: AsUser) -> None:
    user = factories.user()
    factories.grant(user, {"Specimen": ["Read"]}, site=factories.site())
    session = as_user(user)

    assert session.get("/users/current-user").json["daysBeforePasswordExpiry"] == 0
    assert [role["site"]["name"] for role in session.get("/users/current-user-roles").json] == [
        SubjectRole.objects.get(user=user).site.name  # type: ignore[union-attr]
    ]
    assert session.get(f"/users/{user.pk}/institute").json["name"] == main_institute()


def test_the_user_interface_keeps_its_state(api: Api) -> None:
    api.put("/users/current-user-ui-state", {"theme": "dark", "authToken": "x"})
    api.put("/users/current-user-ui-state", {"page": 2})

    assert api.get("/users/current-user-ui-state").json == {
        "theme": "dark",
        "page": 2,
        "authToken": api.token,
    }
    assert api.put("/users/current-user-ui-state", [1]).codes == ["INVALID_REQUEST"]


def test_announcements_reach_the_recently_active(api: Api, as_user: AsUser, mailoutbox: list[Any]) -> None:
    user = factories.user()
    Api().post("/sessions", {"loginName": user.login_name, "password": "Secret-pass-1"})
    factories.user()

    assert api.post("/users/announcements", {"subject": "Tonight", "message": "We move."}).json is True
    assert [mail.to for mail in mailoutbox] == [[user.email_address]]
    assert set(api.post("/users/announcements", {}).codes) == {"USER_ANN_SUBJECT_REQ", "USER_ANN_MESSAGE_REQ"}
    assert as_user(user).post("/users/announcements", {}).codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]
