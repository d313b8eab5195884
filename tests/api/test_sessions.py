"""Signing in, staying in, and signing out (spec 01 §A.2, part B)."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_auth import tokens
from sessions_auth.models import AuthDomain, LoginAudit, Token, User
from tests import factories
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db

PASSWORD = "Secret-pass-1"
AsUser = Callable[[User], Api]


def sign_in(api: Api, login: str, password: str = PASSWORD, **more: object) -> Answer:
    return api.post("/sessions", {"loginName": login, "password": password, **more})


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()}


def put_setting(api: Api, module: str, name: str, value: str) -> None:
    assert api.put("/config-settings", {"module": module, "name": name, "value": value}).status == 201


def set_idle(token: str, idle: timedelta) -> None:
    Token.objects.filter(digest=tokens.digest(token)).update(last_used_at=timezone.now() - idle)


def test_signing_in_answers_seven_keys_in_both_modes(anonymous: Api, statuses: Statuses) -> None:
    user = factories.user("INSTITUTE", login="mira.holt")

    answer = sign_in(anonymous, "mira.holt", domainName="openspecimen")

    token = answer.json.pop("token")
    assert answer.status == 200
    assert answer.json == {
        "id": user.pk,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "loginName": "mira.holt",
        "admin": False,
        "instituteAdmin": True,
    }
    assert Api(token).get("/users/current-user").json["id"] == user.pk


def test_a_token_is_stored_nowhere(anonymous: Api) -> None:
    token = sign_in(anonymous, factories.user().login_name).json["token"]

    stored = Token.objects.get(digest=tokens.digest(token))

    assert token not in (stored.digest, stored.device, stored.ip_address)
    assert len(token) >= 43


@pytest.mark.parametrize("domain", [{}, {"domainName": None}, {"domainName": " "}, {"domain": "whatever"}])
def test_the_domain_may_be_left_out(anonymous: Api, domain: dict[str, Any]) -> None:
    assert sign_in(anonymous, factories.user().login_name, **domain).status == 200


def test_login_names_know_no_case_and_texts_are_trimmed(anonymous: Api) -> None:
    factories.user(login="Raj.P")

    assert sign_in(anonymous, "  rAJ.p ", f" {PASSWORD} ").status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"loginName": "una", "password": "wrong"},
        {"loginName": "nobody", "password": PASSWORD},
        {"loginName": "una", "password": PASSWORD, "domainName": "ldap"},
        {"loginName": "una"},
        {"password": PASSWORD},
        {},
    ],
)
def test_wrong_credentials(anonymous: Api, statuses: Statuses, body: dict[str, str]) -> None:
    factories.user(login="una")

    answer = anonymous.post("/sessions", body)

    assert (answer.status, answer.codes) == (statuses.wrong_password, ["AUTH_INVALID_CREDENTIALS"])
    assert answer.raw.cookies["osAuthToken"]["max-age"] == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("Locked", "AUTH_USER_LOCKED"),
        ("Expired", "AUTH_PASSWD_EXPIRED"),
        ("Pending", "AUTH_INVALID_CREDENTIALS"),
        ("Closed", "AUTH_INVALID_CREDENTIALS"),
        ("Disabled", "AUTH_INVALID_CREDENTIALS"),
    ],
)
def test_only_active_accounts_sign_in(anonymous: Api, status: str, code: str) -> None:
    user = factories.user(activity_status=status)

    assert sign_in(anonymous, user.login_name).codes == [code]
    assert sign_in(anonymous, user.login_name, "wrong").codes == [code]
    assert not LoginAudit.objects.filter(user=user).exists()


def test_users_of_a_program_sign_in_from_their_addresses_only(anonymous: Api) -> None:
    near = factories.user(api_user=True, ip_range="10.0.0.0/8, 127.0.0.1")
    far = factories.user(api_user=True, ip_range="10.0.0.0/8")

    assert sign_in(anonymous, near.login_name).status == 200
    answer = sign_in(Api(), far.login_name)
    assert (answer.status, answer.codes) == (400, ["AUTH_NA_IP_ADDRESS"])


def test_a_closed_server_lets_super_administrators_in(api: Api, as_user: AsUser) -> None:
    user = factories.user()
    session = as_user(user)
    put_setting(api, "administrative", "system_lockdown", "true")

    assert sign_in(Api(), user.login_name).codes == ["AUTH_SYSTEM_LOCKDOWN"]
    assert session.get("/users/current-user").status == 401
    assert sign_in(Api(), "admin", "Admin-pass-1").status == 200


def test_header_cookie_and_basic_each_authenticate(anonymous: Api) -> None:
    user = factories.user()
    token = sign_in(anonymous, user.login_name).json["token"]

    by_cookie, by_header = anonymous.get("/users/current-user"), Api(token).get("/users/current-user")
    by_password = Api(**basic(user.login_name, PASSWORD)).get("/users/current-user")

    assert [a.json["id"] for a in (by_cookie, by_header, by_password)] == [user.pk] * 3
    assert LoginAudit.objects.filter(user=user, success=True).count() == 2


def test_the_header_goes_before_the_cookie(anonymous: Api, api: Api) -> None:
    sign_in(anonymous, factories.user().login_name)

    assert (
        anonymous.get("/users/current-user", **{"X-OS-API-TOKEN": str(api.token)}).json["loginName"]
        == "admin"
    )


@pytest.mark.parametrize("credentials", ["una:wrong", "una:pass:word", "una", "", "\xff"])
def test_bad_basic_credentials(anonymous: Api, credentials: str) -> None:
    factories.user(login="una")
    header = "Basic " + base64.b64encode(credentials.encode("latin-1")).decode()

    assert anonymous.get("/users/current-user", Authorization=header).status == 401
    assert anonymous.get("/users/current-user", Authorization="Basic %%%").status == 401


def test_without_credentials_there_is_a_challenge(anonymous: Api, statuses: Statuses) -> None:
    answer = anonymous.get("/users/current-user")

    assert (answer.status, answer.codes) == (401, ["AUTH_TOKEN_INVALID"])
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="OpenSpecimen"'
    quiet = anonymous.get("/users/current-user", **{"X-OS-API-CLIENT": "webui"})
    assert "WWW-Authenticate" not in quiet.headers


def test_a_stale_token_is_refused_even_where_none_is_needed(anonymous: Api, statuses: Statuses) -> None:
    user = factories.user()
    anonymous.client.cookies["osAuthToken"] = "of-yesterday"

    answer = sign_in(anonymous, user.login_name)

    assert answer.status == 401
    assert answer.raw.cookies["osAuthToken"]["max-age"] == 0
    assert sign_in(anonymous, user.login_name).status == 200  # the cookie is gone by now
    assert Api("garbage").get("/institutes").status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/institutes", "/institutes/", "/auth-domains", "/auth-domains/", "/config-settings/locale",
        "/config-settings/app-props", "/config-settings/password", "/config-settings/welcome-video",
        "/config-settings/deployment-site-assets", "/config-settings/deployment-site-logo",
        "/config-settings/i18n-messages",
    ],
)  # fmt: skip
def test_some_calls_need_no_token(anonymous: Api, path: str) -> None:
    assert anonymous.get(path).status == 200


@pytest.mark.parametrize(
    "path", ["/sites", "/users", "/rbac/roles", "/permissible-values", "/config-settings"]
)
def test_most_calls_need_one(anonymous: Api, path: str) -> None:
    assert anonymous.get(path).status == 401


def test_signing_out_ends_the_session_at_once(anonymous: Api, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 60
    api = Api(sign_in(anonymous, factories.user().login_name).json["token"])
    assert api.get("/users/current-user").status == 200

    answer = api.delete("/sessions")

    assert (answer.status, answer.json) == (200, {"Status": "Success"})
    assert api.get("/users/current-user").status == 401


def test_an_idle_token_dies_and_a_used_one_lives(as_user: AsUser, admin: User) -> None:
    api = as_user(admin)
    set_idle(str(api.token), timedelta(minutes=29))
    assert api.get("/users/current-user").status == 200
    set_idle(str(api.token), timedelta(minutes=29))
    assert api.get("/users/current-user").status == 200  # the call before counted
    set_idle(str(api.token), timedelta(minutes=32))
    assert api.get("/users/current-user").status == 401


def test_the_inactivity_limit_is_a_setting(api: Api, as_user: AsUser) -> None:
    session = as_user(factories.user())
    put_setting(api, "auth", "token_inactive_interval", "120")
    set_idle(str(session.token), timedelta(minutes=100))

    assert session.get("/users/current-user").status == 200


def test_uses_are_noted_once_a_minute(as_user: AsUser, admin: User) -> None:
    api = as_user(admin)

    def noted() -> object:
        return Token.objects.get(digest=tokens.digest(str(api.token))).last_used_at

    before = noted()
    api.get("/users/current-user")
    assert noted() == before
    set_idle(str(api.token), timedelta(minutes=2))
    api.get("/users/current-user")
    assert timezone.now() - noted() < timedelta(seconds=30)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("status", "answered"), [("Locked", 200), ("Expired", 200), ("Closed", 401), ("Disabled", 401)]
)
def test_sessions_survive_locking_but_not_closing(as_user: AsUser, status: str, answered: int) -> None:
    user = factories.user()
    session = as_user(user)
    User.objects.filter(pk=user.pk).update(activity_status=status)

    assert session.get("/users/current-user").status == answered


def test_contacts_have_no_session(as_user: AsUser) -> None:
    assert as_user(factories.user("CONTACT")).get("/institutes").status == 401


def test_tokens_can_be_bound_to_an_address(api: Api) -> None:
    user = factories.user()
    elsewhere, here = tokens.issue(user, "10.1.2.3"), tokens.issue(user, "127.0.0.1")
    assert Api(elsewhere).get("/users/current-user").status == 200

    put_setting(api, "auth", "verify_token_ip_address", "true")

    assert Api(elsewhere).get("/users/current-user").status == 401
    assert Api(here).get("/users/current-user").status == 200


def test_the_oldest_of_too_many_sessions_ends(api: Api) -> None:
    put_setting(api, "auth", "max_login_sessions", "2")
    login = factories.user().login_name

    first, second, third = (Api(sign_in(Api(), login).json["token"]) for _ in range(3))

    assert [session.get("/users/current-user").status for session in (first, second, third)] == [
        401,
        200,
        200,
    ]


def test_dead_tokens_are_swept_away(api: Api) -> None:
    dead = tokens.issue(factories.user())
    set_idle(dead, timedelta(days=1))

    assert tokens.remove_dead() == 1
    assert api.get("/users/current-user").status == 200


def test_a_forced_reset_hands_out_no_session(anonymous: Api, settings: Any) -> None:
    settings.FORCE_PASSWORD_RESET = True
    user = factories.user(force_password_reset=True)

    answer = sign_in(anonymous, user.login_name)

    assert answer.status == 200
    assert list(answer.json) == ["resetPasswordToken"]
    assert Api(**basic(user.login_name, PASSWORD)).get("/users/current-user").status == 401
    reset = {"loginName": user.login_name, "newPassword": "Newer-pass-2", **answer.json}
    assert anonymous.post("/users/reset-password", reset).json is True
    assert "token" in sign_in(anonymous, user.login_name, "Newer-pass-2").json


def test_the_cookie_can_be_set_again(api: Api) -> None:
    answer = api.post("/sessions/refresh-cookie")

    assert answer.json == {"Status": "Success"}
    assert answer.raw.cookies["osAuthToken"].value == api.token
    assert answer.raw.cookies["osAuthToken"]["httponly"]
    assert answer.raw.cookies["osAuthToken"]["samesite"] == "Strict"


def test_there_is_no_reading_of_sessions(api: Api) -> None:
    assert api.get("/sessions").status == 405


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b'{"loginName": {}}', b'{"loginName": "a\\u0000b"}']
)
def test_bodies_that_are_none(anonymous: Api, body: bytes) -> None:
    answer = anonymous.post("/sessions", body)

    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


def test_a_login_name_in_two_domains(anonymous: Api) -> None:
    elsewhere = AuthDomain.objects.create(name="hospital", auth_type="ldap")
    factories.user(login="una")
    twin = factories.user(login="twin")
    twin.login_name, twin.domain = "una", elsewhere
    twin.save()

    assert sign_in(anonymous, "una").json["id"] != twin.pk
    assert sign_in(anonymous, "una", domainName="hospital").codes == ["AUTH_INVALID_CREDENTIALS"]


# --- Acting for somebody else ---


def test_a_super_administrator_acts_for_a_user(api: Api, mailoutbox: list[Any]) -> None:
    user = factories.user()
    token = api.post("/sessions/impersonate", {"loginName": user.login_name}).json["impersonateUserToken"]

    current = Api(api.token, **{"X-OS-IMPERSONATE-USER": token}).get("/users/current-user").json

    assert (current["id"], current["impersonated"], current["admin"]) == (user.pk, True, False)
    assert {mail.to[0] for mail in mailoutbox} == {user.email_address, "admin@localhost"}
    assert api.delete("/sessions/impersonate").json == {"impersonateUserToken": None}
    assert api.get("/users/current-user", **{"X-OS-IMPERSONATE-USER": "undefined"}).json["admin"] is True


def test_impersonation_is_for_its_super_administrator(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    user, other = factories.user(), factories.user("SUPER")
    token = api.post("/sessions/impersonate", {"loginName": user.login_name}).json["impersonateUserToken"]
    header = {"X-OS-IMPERSONATE-USER": token}

    assert Api(as_user(other).token, **header).get("/users/current-user").status == 401
    assert Api(as_user(user).token, **header).get("/users/current-user").json["id"] == user.pk
    assert Api(api.token, **{"X-OS-IMPERSONATE-USER": token + "x"}).get("/users/current-user").status == 401
    denied = as_user(user).post("/sessions/impersonate", {"loginName": "admin"})
    assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])
