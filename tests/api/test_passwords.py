"""Changing, forgetting and resetting passwords (spec 01 §C.6)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sessions_auth.models import PasswordReset, User
from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]
OLD, NEW = "Secret-pass-1", "Newer-pass-2"


def change(api: Api, user: User, new: str | None = NEW, old: str | None = None) -> Any:
    return api.put("/users/password", {"userId": user.pk, "oldPassword": old, "newPassword": new})


def signs_in(user: User, password: str) -> bool:
    return Api().post("/sessions", {"loginName": user.login_name, "password": password}).status == 200


def test_people_change_their_own_with_the_old_one(as_user: AsUser, statuses: Statuses) -> None:
    user = factories.user()
    session, other = as_user(user), as_user(user)

    assert change(session, user).codes == ["USER_OLD_PASSWD_NOT_SPECIFIED"]
    assert change(session, user, old="wrong").codes == ["USER_INVALID_OLD_PASSWD"]
    answer = change(session, user, old=OLD)
    assert (answer.status, answer.json) == (200, True)
    assert signs_in(user, NEW)
    assert session.get("/users/current-user").status == 200
    assert other.get("/users/current-user").status == 401


def test_super_administrators_need_their_own_old_one(api: Api, admin: User) -> None:
    assert change(api, admin).codes == ["USER_OLD_PASSWD_NOT_SPECIFIED"]


def test_administrators_change_those_of_others(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    user, elsewhere = factories.user(), factories.user(of=factories.institute())
    local = as_user(factories.user("INSTITUTE"))

    assert change(api, user).json is True
    assert change(local, user, "Third-pass-3").json is True
    for session, target in ((local, elsewhere), (local, User.objects.get(pk=2)), (as_user(user), elsewhere)):
        answer = change(session, target)
        assert (answer.status, answer.codes) == (statuses.forbidden, ["USER_PERMISSION_DENIED"])
    assert change(api, User(pk=99999999)).codes == ["USER_NOT_FOUND"]


def test_new_passwords_follow_the_rules(api: Api) -> None:
    user = factories.user()
    assert change(api, user, " ").codes == ["USER_PASSWD_VIOLATES_RULES"]
    rule = {"module": "auth", "name": "password_pattern", "value": r"(?=.*\d).{8,}"}
    api.put("/config-settings", rule)

    assert change(api, user, "no digits here").codes == ["USER_PASSWD_VIOLATES_RULES"]
    assert change(api, user, "8 digits are here").json is True


def test_earlier_passwords_can_be_barred(api: Api) -> None:
    user = factories.user()
    api.put("/config-settings", {"module": "auth", "name": "passwords_to_examine", "value": "2"})

    assert change(api, user, "First-1").json is True
    assert change(api, user, "Second-2").json is True
    assert change(api, user, "First-1").codes == ["USER_PASSWD_SAME_AS_LAST_N"]
    assert change(api, user, "Third-3").json is True
    assert change(api, user, "First-1").json is True


def link_of(mail: Any) -> str:
    found = re.search(r"token=([\w-]+)", mail.body)
    assert found is not None
    return found[1]


def test_a_forgotten_password_is_chosen_again_once(anonymous: Api, mailoutbox: list[Any]) -> None:
    user = factories.user(activity_status="Locked")
    assert anonymous.post("/users/forgot-password", {"loginName": user.login_name}).json is True
    token = link_of(mailoutbox[0])
    wish = {"loginName": user.login_name.upper(), "resetPasswordToken": token, "newPassword": NEW}

    assert anonymous.post("/users/reset-password", {**wish, "loginName": "admin"}).codes == ["USER_NOT_FOUND"]
    assert anonymous.post("/users/reset-password", {**wish, "newPassword": ""}).codes == [
        "USER_PASSWD_VIOLATES_RULES"
    ]
    answer = anonymous.post("/users/reset-password", wish)

    assert (answer.status, answer.json) == (200, True)
    assert signs_in(user, NEW)
    assert anonymous.post("/users/reset-password", wish).codes == ["USER_INVALID_PASSWD_TOKEN"]


@pytest.mark.parametrize("key", ["loginName", "emailAddress", "id", "userId"])
def test_several_keys_name_an_account(anonymous: Api, mailoutbox: list[Any], key: str) -> None:
    user = factories.user()
    values = {
        "loginName": user.login_name,
        "emailAddress": user.email_address,
        "id": user.pk,
        "userId": user.email_address,
    }

    anonymous.post("/users/forgot-password", {key: values[key]})

    assert [mail.to for mail in mailoutbox] == [[user.email_address]]


def test_nobody_learns_which_accounts_exist(anonymous: Api, mailoutbox: list[Any]) -> None:
    assert anonymous.post("/users/forgot-password", {"loginName": "nobody"}).json is True
    assert anonymous.post("/users/forgot-password", {"loginName": "$system"}).json is True
    assert mailoutbox == []
    assert anonymous.post("/users/forgot-password", {}).codes == ["USER_EMAIL_REQUIRED"]


def test_waiting_accounts_have_no_password_to_forget(anonymous: Api, api: Api) -> None:
    wish = {"loginName": factories.user(activity_status="Pending").login_name}
    assert anonymous.post("/users/forgot-password", wish).codes == ["USER_NOT_FOUND_IN_OS_DOMAIN"]

    api.put("/config-settings", {"module": "auth", "name": "forgot_password", "value": "false"})

    assert anonymous.post("/users/forgot-password", wish).codes == ["USER_FORGOT_PASSWD_DISABLED"]


def test_links_end_after_a_day_and_with_the_next_one(anonymous: Api, mailoutbox: list[Any]) -> None:
    user = factories.user()
    for _ in range(2):
        anonymous.post("/users/forgot-password", {"loginName": user.login_name})
    first, second = (link_of(mail) for mail in mailoutbox)

    def use(token: str) -> list[str]:
        wish = {"loginName": user.login_name, "resetPasswordToken": token, "newPassword": NEW}
        answer = anonymous.post("/users/reset-password", wish)
        return answer.codes if answer.json is not True else []

    assert use(first) == ["USER_INVALID_PASSWD_TOKEN"]
    PasswordReset.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert use(second) == ["USER_INVALID_PASSWD_TOKEN"]
    assert use("") == ["USER_INVALID_PASSWD_TOKEN"]


def test_the_mailed_link_opens_a_page(anonymous: Api, mailoutbox: list[Any]) -> None:
    user = factories.user(login="a&b")
    anonymous.post("/users/forgot-password", {"loginName": user.login_name})
    found = re.search(r"http://[^/]+(/\S+)", mailoutbox[0].body)
    assert found is not None
    browser = Client()

    assert b'value="a&amp;b"' in browser.get(found[1]).content
    sent = {"loginName": "a&b", "token": link_of(mailoutbox[0]), "password": " "}
    assert browser.post("/reset-password", sent).status_code == 400
    assert b"Sign in" in browser.post("/reset-password", sent | {"password": NEW}).content
    assert signs_in(user, NEW)


def test_reset_tokens_are_stored_as_digests(anonymous: Api, mailoutbox: list[Any]) -> None:
    user = factories.user()
    anonymous.post("/users/forgot-password", {"loginName": user.login_name})

    assert link_of(mailoutbox[0]) not in PasswordReset.objects.get(user=user).digest


def test_hashes_never_reach_the_history(api: Api) -> None:
    user = factories.user()
    change(api, user)

    columns = {field.name for field in User.history.rel.related_model._meta.fields}  # type: ignore[attr-defined]

    assert "email_address" in columns
    assert "password" not in columns
