"""Failed attempts lock an account, through every door (spec 01 §B.1)."""

import base64
from typing import Any

import pytest
from django.test import Client

from sessions_auth.models import LoginAudit, User
from tests import factories
from tests.client import Api

pytestmark = pytest.mark.django_db

PASSWORD = "Secret-pass-1"


def attempt(user: User, password: str) -> list[str]:
    answer = Api().post("/sessions", {"loginName": user.login_name, "password": password})
    return answer.codes if isinstance(answer.json, list) else []


def fail(user: User, times: int) -> None:
    for _ in range(times):
        assert attempt(user, "wrong") == ["AUTH_INVALID_CREDENTIALS"]


def test_the_fifth_failure_locks_and_the_sixth_attempt_says_so(mailoutbox: list[Any]) -> None:
    user = factories.user()

    fail(user, 5)

    assert attempt(user, PASSWORD) == ["AUTH_USER_LOCKED"]
    assert {user.email_address, "admin@localhost"} <= {mail.to[0] for mail in mailoutbox}
    assert LoginAudit.objects.filter(user=user, success=False).count() == 5


def test_a_success_in_between_starts_the_count_again() -> None:
    user = factories.user()

    fail(user, 4)
    assert attempt(user, PASSWORD) == []
    fail(user, 4)

    assert attempt(user, PASSWORD) == []


def test_the_number_of_attempts_is_a_setting(api: Api) -> None:
    api.put("/config-settings", {"module": "auth", "name": "allowed_failed_logins", "value": "2"})
    user = factories.user()

    fail(user, 2)

    assert attempt(user, PASSWORD) == ["AUTH_USER_LOCKED"]


def test_basic_credentials_count_too() -> None:
    user = factories.user()
    header = "Basic " + base64.b64encode(f"{user.login_name}:wrong".encode()).decode()

    for _ in range(5):
        assert Api(Authorization=header).get("/users/current-user").status == 401

    assert attempt(user, PASSWORD) == ["AUTH_USER_LOCKED"]


def test_an_administrator_unlocks_and_one_failure_does_not_lock_again(api: Api) -> None:
    user = factories.user()
    fail(user, 5)

    answer = api.put(f"/users/{user.pk}/activity-status", {"activityStatus": "Active"})

    assert answer.json["activityStatus"] == "Active"
    fail(user, 1)
    assert attempt(user, PASSWORD) == []


def test_a_new_password_unlocks(api: Api) -> None:
    user = factories.user()
    fail(user, 5)

    api.put("/users/password", {"userId": user.pk, "newPassword": "Newer-pass-2"})

    fail(user, 1)
    assert attempt(user, "Newer-pass-2") == []


def test_locking_is_written_into_the_history() -> None:
    user = factories.user()
    fail(user, 5)

    changed = User.history.rel.related_model.objects.filter(pgh_obj=user).order_by("-pgh_id").first()  # type: ignore[attr-defined]

    assert (changed.activity_status, changed.pgh_context.metadata["login"]) == ("Locked", "$system")


# --- The admin's own page ---


def admin_sign_in(login: str, password: str) -> Client:
    client = Client()
    client.post("/admin/login/", {"username": login, "password": password, "next": "/admin/"})
    return client


def test_the_same_account_opens_the_admin() -> None:
    client = admin_sign_in("admin", "Admin-pass-1")

    assert client.get("/admin/").status_code == 200
    assert LoginAudit.objects.filter(user__login_name="admin", door="admin", success=True).count() == 1


def test_the_admin_shows_what_the_account_has_a_right_to() -> None:
    institute, regular = factories.user("INSTITUTE"), factories.user()

    def seen(user: User, page: str) -> int:
        return int(admin_sign_in(user.login_name, PASSWORD).get(f"/admin/sessions_auth/{page}/").status_code)

    assert (seen(institute, "user"), seen(institute, "token")) == (200, 403)
    assert (seen(regular, "user"), seen(regular, "loginaudit")) == (403, 403)


def test_failures_there_lock_here() -> None:
    user = factories.user("SUPER")

    for _ in range(5):
        admin_sign_in(user.login_name, "wrong")

    assert attempt(user, PASSWORD) == ["AUTH_USER_LOCKED"]
    assert admin_sign_in(user.login_name, PASSWORD).get("/admin/").status_code == 302


def test_locking_ends_sessions_of_the_admin() -> None:
    user = factories.user("SUPER")
    client = admin_sign_in(user.login_name, PASSWORD)
    assert client.get("/admin/").status_code == 200

    User.objects.filter(pk=user.pk).update(activity_status="Locked")

    assert client.get("/admin/").status_code == 302
