"""Settings and auth domains (spec 01 §E.3, §E.4)."""

from collections.abc import Callable
from typing import Any

import pytest

from biobank.configuration import reads
from sessions_auth.models import AuthDomain, User
from tests import factories
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]


def put(api: Api, module: str, name: str, value: object) -> Answer:
    return api.put("/config-settings", {"module": module, "name": name, "value": value})


def value_of(api: Api, module: str, name: str) -> str:
    found: str = api.get(f"/config-settings?module={module}&property={name}").json[0]["value"]
    return found


def test_settings_are_sorted_texts(api: Api) -> None:
    found = api.get("/config-settings").json

    keys = [(setting["module"], setting["name"]) for setting in found]
    assert keys == sorted(keys)
    assert all(isinstance(setting["value"], str) for setting in found)
    assert {setting["module"] for setting in api.get("/config-settings?module=auth").json} == {"auth"}
    assert api.get("/config-settings?module=moon").json == []
    assert api.get("/config-settings?module=auth&property=moon").json == [{"secured": False}]


def test_a_value_replaces_the_one_before_and_history_is_kept(
    api: Api, admin: User, statuses: Statuses
) -> None:
    assert value_of(api, "auth", "token_inactive_interval") == "30"

    answer = put(api, "auth", "token_inactive_interval", 120)

    assert (answer.status, answer.json["value"], answer.json["type"]) == (statuses.created, "120", "INT")
    assert isinstance(answer.json["activationDate"], int)
    put(api, "auth", "token_inactive_interval", "")
    assert value_of(api, "auth", "token_inactive_interval") == "30"
    assert reads.number("auth", "token_inactive_interval") == 30
    history = api.get("/config-settings/history?module=auth&property=token_inactive_interval").json
    assert [row["value"] for row in history] == ["30", "120"]
    assert history[0]["activatedBy"]["id"] == admin.pk


def test_a_new_value_is_in_force_at_once(api: Api, anonymous: Api) -> None:
    assert anonymous.get("/config-settings/locale").json["timeFmt"] == "HH:mm"

    put(api, "common", "time_format", "hh:mm a")

    assert anonymous.get("/config-settings/locale").json["timeFmt"] == "hh:mm a"


@pytest.mark.parametrize(
    ("module", "name", "value", "code"),
    [
        ("moon", "x", "1", "CFG_MODULE_NOT_FOUND"),
        ("auth", "moon", "1", "CFG_SETTING_NOT_FOUND"),
        ("auth", "allowed_failed_logins", "five", "CFG_INVALID_SETTING_VALUE"),
        ("auth", "forgot_password", "maybe", "CFG_INVALID_SETTING_VALUE"),
        ("auth", "password_pattern", "(", "CFG_INVALID_SETTING_VALUE"),
        ("common", "app_url", "x" * 10_001, "CFG_INVALID_SETTING_VALUE"),
    ],
)
def test_wrong_values(api: Api, module: str, name: str, value: str, code: str) -> None:
    answer = put(api, module, name, value)

    assert (answer.status, answer.codes) == (400, [code])


def test_only_super_administrators_change_settings(as_user: AsUser, statuses: Statuses) -> None:
    session = as_user(factories.user("INSTITUTE"))

    assert session.get("/config-settings").status == 200
    for answer in (put(session, "auth", "forgot_password", "false"), session.get("/config-settings/history")):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])


def test_what_user_interfaces_ask_before_signing_in(anonymous: Api, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"

    assert anonymous.get("/config-settings/locale").json == {
        "locale": "en_US",
        "dateFmt": "MM-dd-yyyy",
        "timeFmt": "HH:mm",
        "deFeDateFmt": "mm-dd-yyyy",
        "deBeDateFmt": "MM-dd-yyyy",
        "utcOffset": -19_800_000,
    }
    props = anonymous.get("/config-settings/app-props").json
    assert (props["plugins"], props["user_sign_up"], props["searchDelay"]) == ([], True, 1000)
    assert anonymous.get("/config-settings/password").json == {"pattern": "", "desc": ""}
    assert anonymous.get("/config-settings/deployment-site-assets").json == {
        "siteUrl": None,
        "siteLogo": None,
    }
    assert anonymous.get("/config-settings/deployment-site-logo").body == b""


def test_domains_can_be_seen_by_everybody(anonymous: Api) -> None:
    assert anonymous.get("/auth-domains?maxResults=10").json == [{"id": 1, "name": "openspecimen"}]


def test_domains_are_kept_by_super_administrators(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    wish = {
        "name": "hospital",
        "authType": "ldap",
        "authProviderProps": {"password": "hush", "url": "ldaps://x"},
    }

    created = api.post("/auth-domains", wish)
    path = f"/auth-domains/{created.json['id']}"

    assert created.status == statuses.created
    assert "hush" not in created.body.decode()
    api.put(path, created.json | {"name": "clinic"})
    assert AuthDomain.objects.get(name="clinic").props["password"] == "hush"
    assert as_user(factories.user()).get(path).status == statuses.forbidden
    assert as_user(factories.user()).delete(path).status == statuses.forbidden
    assert api.delete(path).json["activityStatus"] == "Disabled"
    assert api.get(path).codes == ["AUTH_PROVIDER_DOMAIN_NOT_FOUND"]
    assert api.post("/auth-domains", wish | {"name": "clinic"}).status == statuses.created


def test_wrong_domains(api: Api) -> None:
    assert set(api.post("/auth-domains", {}).codes) == {
        "AUTH_PROVIDER_NOT_SPECIFIED",
        "AUTH_PROVIDER_TYPE_NOT_SPECIFIED",
    }
    assert api.post("/auth-domains", {"name": "OpenSpecimen", "authType": "ldap"}).codes == [
        "AUTH_PROVIDER_DUP_DOMAIN_NAME"
    ]
    assert api.post("/auth-domains", {"name": "x", "authType": "own"}).codes == [
        "AUTH_PROVIDER_IMPL_NOT_SPECIFIED"
    ]
    odd = {"name": "x", "authType": "own", "implClass": "rm -rf"}
    assert api.post("/auth-domains", odd).codes == ["AUTH_PROVIDER_INVALID_AUTH_IMPL"]
    assert api.post("/auth-domains", odd | {"implClass": "org.example.Ldap"}).status == 201
    assert api.delete("/auth-domains/1").codes == ["AUTH_PROVIDER_REF_ENTITY_FOUND"] * 2


# --- Files ---

LOGO = "/config-settings/files?module=common&property=deployment_site_logo"


def test_a_logo_is_uploaded_and_shown_to_everybody(api: Api, anonymous: Api) -> None:
    assert api.get(LOGO).codes == ["COMMON_FILE_NOT_FOUND"]
    stored = api.upload(LOGO, "our logo.png", b"\x89PNG")
    assert stored.status == 200
    assert stored.json.endswith("_our logo.png")
    assert anonymous.get("/config-settings/deployment-site-logo").body == b""  # not in force yet

    assert put(api, "common", "deployment_site_logo", stored.json).json["value"] == stored.json

    shown = anonymous.get("/config-settings/deployment-site-logo")
    assert (shown.body, shown.headers["Content-Type"]) == (b"\x89PNG", "image/png")
    assert shown.headers["Content-Disposition"] == 'attachment;filename="our logo.png"'
    assert api.get(LOGO).body == b"\x89PNG"
    link = anonymous.get("/config-settings/deployment-site-assets").json["siteLogo"]
    assert anonymous.call("get", link, base="").body == b"\x89PNG"


def test_wrong_setting_files(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    def path(module: str, name: str) -> str:
        return f"/config-settings/files?module={module}&property={name}"

    for refused in (api.get, lambda path: api.upload(path, "x", b"x")):
        assert refused(path("moon", "x")).codes == ["CFG_MODULE_NOT_FOUND"]
        assert refused(path("common", "x")).codes == ["CFG_SETTING_NOT_FOUND"]
        assert refused(path("common", "locale")).codes == ["COMMON_INVALID_INPUT"]
    for name in ("../secret-key", "/etc/passwd", "none.png"):
        assert put(api, "common", "deployment_site_logo", name).codes == ["CFG_INVALID_SETTING_VALUE"]
    denied = as_user(factories.user("INSTITUTE")).upload(LOGO, "x.png", b"x")
    assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])


def test_what_the_environment_says_can_only_be_read(api: Api) -> None:
    assert put(api, "common", "data_dir", "/elsewhere").codes == ["CFG_INVALID_SETTING_VALUE"]
    assert value_of(api, "common", "data_dir") == "********"
