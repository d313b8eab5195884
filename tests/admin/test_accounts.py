"""Accounts, sessions and settings in the admin."""

from typing import Any

import pytest
from django.test import Client

from biobank.configuration.reads import setting
from sessions_auth import tokens
from sessions_auth.models import AuthDomain, User
from sites.models import Institute
from terminology.models import PermissibleValue
from tests import factories

pytestmark = pytest.mark.django_db

USERS = "/admin/sessions_auth/user/"


@pytest.fixture
def page(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def form(**more: Any) -> dict[str, Any]:
    n = factories.number()
    return {
        "first_name": "Mira",
        "last_name": "Holt",
        "login_name": f"mira{n}",
        "email_address": f"mira{n}@example.org",
        "domain": AuthDomain.objects.get().pk,
        "institute": Institute.objects.order_by("pk")[0].pk,
        "type": "NONE",
        "activity_status": "Active",
        "subject_roles-TOTAL_FORMS": 0,
        "subject_roles-INITIAL_FORMS": 0,
        **more,
    }


@pytest.mark.parametrize(
    "path",
    ["user", "user/add", "role", "subjectrole", "authdomain", "token", "loginaudit"],
)
def test_every_page_opens(page: Client, path: str) -> None:
    factories.grant(factories.user(), {"Specimen": ["Read"]})

    assert page.get(f"/admin/sessions_auth/{path}/").status_code == 200


def test_a_user_is_created_through_the_door(page: Client) -> None:
    sent = form(new_password="Typed-pass-1")

    answer = page.post(f"{USERS}add/", sent)

    assert answer.status_code == 302
    user = User.objects.get(login_name=sent["login_name"])
    assert user.check_password("Typed-pass-1")
    written = user.history.order_by("pgh_id").first()  # type: ignore[attr-defined]
    assert written.pgh_context.metadata["via"] == "admin"


def test_a_wrong_user_is_told_why(page: Client) -> None:
    taken = factories.user()

    answer = page.post(f"{USERS}add/", form(email_address=taken.email_address))

    assert answer.status_code == 200
    assert b"USER_DUP_EMAIL" in answer.content


def test_a_user_is_changed(page: Client) -> None:
    user = factories.user()
    sent = form(login_name=user.login_name, email_address=user.email_address, last_name="Quist")

    assert page.get(f"{USERS}{user.pk}/change/").status_code == 200
    assert page.post(f"{USERS}{user.pk}/change/", sent).status_code == 302
    user.refresh_from_db()
    assert (user.last_name, user.check_password("Secret-pass-1")) == ("Quist", True)


def test_sessions_can_be_ended(page: Client) -> None:
    user = factories.user()
    token = tokens.issue(user)

    chosen = {"action": "end_sessions", "_selected_action": [user.pk]}
    asked = page.post(USERS, chosen)
    assert "must sign in again" in asked.content.decode()
    assert tokens.recall(token, "") is not None

    page.post(USERS, {**chosen, "_form_submitted": "True"})

    assert tokens.recall(token, "") is None


def test_secrets_are_never_shown(page: Client) -> None:
    user = factories.user()
    digest = tokens.digest(tokens.issue(user))
    row = user.tokens.get()

    shown = (
        page.get("/admin/sessions_auth/token/").content
        + page.get(f"/admin/sessions_auth/token/{row.pk}/change/").content
    )
    shown += page.get(f"{USERS}{user.pk}/change/").content

    assert digest.encode() not in shown
    assert user.password.encode() not in shown


def test_tokens_and_audit_are_read_only(page: Client) -> None:
    tokens.issue(factories.user())

    assert page.get("/admin/sessions_auth/token/add/").status_code == 403
    assert page.get("/admin/sessions_auth/loginaudit/add/").status_code == 403


def test_a_setting_gets_a_value(page: Client) -> None:
    add = "/admin/configuration/settingvalue/add/"

    assert page.get(add).status_code == 200
    assert page.post(add, {"setting": "auth/allowed_failed_logins", "value": "x"}).status_code == 200
    assert page.post(add, {"setting": "auth/allowed_failed_logins", "value": "7"}).status_code == 302
    assert setting("auth", "allowed_failed_logins") == "7"
    missing = {"setting": "common/deployment_site_logo", "value": "none.png"}
    assert page.post(add, missing).status_code == 200
    assert b"auth/allowed_failed_logins" in page.get("/admin/configuration/settingvalue/").content


def test_the_own_password_follows_the_rules_and_ends_sessions(admin: User) -> None:
    client = Client()
    client.post("/admin/login/", {"username": "admin", "password": "Admin-pass-1"})
    token = tokens.issue(admin)
    fields = ("old_password", "new_password1", "new_password2")

    client.post(
        "/admin/password_change/",
        dict(zip(fields, ("Admin-pass-1", "Newer-pass-2", "Newer-pass-2"), strict=True)),
    )

    admin.refresh_from_db()
    assert admin.check_password("Newer-pass-2")
    assert tokens.recall(token, "") is None


def test_pick_lists_change_through_their_door(page: Client) -> None:
    add = "/admin/terminology/permissiblevalue/add/"
    sent = {"attribute": "freezer_room", "value": "Basement", "activity_status": "Active", "props": "{}"}

    assert page.post(add, sent).status_code == 302
    again = page.post(add, {**sent, "value": "BASEMENT"})
    assert again.status_code == 200
    assert b"PV_DUP_VALUE" in again.content
    stored = PermissibleValue.objects.get(attribute="freezer_room")
    below = {**sent, "value": "Corner", "parent": stored.pk, "props": '{"door": "2"}'}
    assert page.post(add, below).status_code == 302
    gone = {**sent, "activity_status": "Disabled"}
    refused = page.post(f"/admin/terminology/permissiblevalue/{stored.pk}/change/", gone)
    assert b"PV_IN_USE" in refused.content
    written = PermissibleValue.objects.get(value="Corner").history.get()  # type: ignore[attr-defined]
    assert written.pgh_context.metadata["via"] == "admin"
