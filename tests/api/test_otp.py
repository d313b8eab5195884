"""Signing in with six digits out of a mail (spec 01 §B.3)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_auth.models import OneTimePassword, User
from tests import factories
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db


def ask(email: str | None, caller: Api | None = None) -> Answer:
    return (caller or Api()).post("/sessions/otp", {"emailAddress": email})


def digits(mailoutbox: list[Any]) -> str:
    found = re.match(r"\d{6}\n", mailoutbox[-1].body)
    assert found is not None
    return found[0].strip()


def sign_in(email: str, otp: object, caller: Api | None = None) -> Answer:
    return (caller or Api()).post("/sessions/verify-otp", {"emailAddress": email, "props": {"otp": otp}})


def test_six_digits_sign_in_once(statuses: Statuses, mailoutbox: list[Any]) -> None:
    user = factories.user()

    asked = ask(user.email_address.upper())

    assert (asked.status, asked.json) == (200, {"status": True})
    assert mailoutbox[-1].to == [user.email_address]
    answer = sign_in(user.email_address, digits(mailoutbox))
    assert (answer.status, answer.json["id"]) == (200, user.pk)
    assert answer.raw.cookies["osAuthToken"].value == answer.json["token"]
    assert Api(answer.json["token"]).get("/users/current-user").status == 200
    again = sign_in(user.email_address, digits(mailoutbox))
    assert (again.status, again.codes) == (statuses.wrong_password, ["AUTH_INVALID_CREDENTIALS"])


def test_a_new_one_replaces_the_old_one(mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    user = factories.user()
    numbers = iter([42917, 815])
    monkeypatch.setattr("sessions_auth.otp.secrets.randbelow", lambda most: next(numbers))
    ask(user.email_address)
    ask(user.email_address)

    assert digits(mailoutbox) == "000815"
    assert sign_in(user.email_address, "042917").codes == ["AUTH_INVALID_CREDENTIALS"]
    assert sign_in(user.email_address, "000815").status == 200


def test_it_ends_after_five_minutes(mailoutbox: list[Any]) -> None:
    user = factories.user()
    ask(user.email_address)
    OneTimePassword.objects.update(created_at=timezone.now() - timedelta(minutes=5, seconds=1))

    assert sign_in(user.email_address, digits(mailoutbox)).codes == ["AUTH_OTP_EXPIRED"]


def test_it_is_for_the_address_that_asked(mailoutbox: list[Any], settings: Any) -> None:
    settings.BEHIND_PROXY = True
    user = factories.user()
    here, there = (Api(None, **{"X-Forwarded-For": address}) for address in ("10.0.0.1", "10.0.0.2"))
    ask(user.email_address, here)

    assert sign_in(user.email_address, digits(mailoutbox), there).codes == ["AUTH_INVALID_CREDENTIALS"]
    assert sign_in(user.email_address, digits(mailoutbox), here).status == 200


@pytest.mark.parametrize("otp", ["", None, "1234567", "x"])
def test_wrong_digits(otp: str | None, mailoutbox: list[Any]) -> None:
    user = factories.user()
    ask(user.email_address)

    assert sign_in(user.email_address, otp).codes == ["AUTH_INVALID_CREDENTIALS"]
    assert sign_in("nobody@example.org", digits(mailoutbox)).codes == ["AUTH_INVALID_CREDENTIALS"]
    assert Api().post("/sessions/verify-otp", {"emailAddress": user.email_address}).codes == [
        "AUTH_INVALID_CREDENTIALS"
    ]


def test_guessing_locks_the_account(mailoutbox: list[Any]) -> None:
    user = factories.user()
    ask(user.email_address)
    right = digits(mailoutbox)
    wrong = "000000" if right != "000000" else "111111"

    for _ in range(5):
        assert sign_in(user.email_address, wrong).codes == ["AUTH_INVALID_CREDENTIALS"]

    assert sign_in(user.email_address, right).codes == ["AUTH_USER_LOCKED"]
    assert ask(user.email_address).codes == ["AUTH_USER_LOCKED"]


@pytest.mark.parametrize("unusable", ["Pending", "Closed", "Expired"])
def test_only_active_accounts_are_mailed(unusable: str, mailoutbox: list[Any]) -> None:
    user = factories.user(activity_status=unusable)

    assert ask(user.email_address).json == {"status": True}
    assert mailoutbox == []


def test_nobody_learns_who_has_an_account(mailoutbox: list[Any]) -> None:
    contact = factories.user("CONTACT")

    for address in ("nobody@example.org", contact.email_address, "system@localhost"):
        assert ask(address).json == {"status": True}
    assert mailoutbox == []
    assert ask(" ").codes == ["USER_EMAIL_REQUIRED"]
    assert ask(None).codes == ["USER_EMAIL_REQUIRED"]


def test_a_closed_server_and_a_foreign_address_are_told(api: Api) -> None:
    far = factories.user(api_user=True, ip_range="10.0.0.0/8")
    assert ask(far.email_address).codes == ["AUTH_NA_IP_ADDRESS"]
    api.put("/config-settings", {"module": "administrative", "name": "system_lockdown", "value": "true"})

    assert ask(factories.user().email_address).codes == ["AUTH_SYSTEM_LOCKDOWN"]
    assert ask("admin@localhost").json == {"status": True}


def test_only_a_keyed_digest_is_stored(mailoutbox: list[Any]) -> None:
    user = factories.user()
    ask(user.email_address)

    stored = OneTimePassword.objects.get(user=user).digest

    assert len(stored) == 64
    assert digits(mailoutbox) not in stored


def test_who_must_choose_a_password_gets_no_session(mailoutbox: list[Any], settings: Any) -> None:
    settings.FORCE_PASSWORD_RESET = True
    user: User = factories.user(force_password_reset=True)
    ask(user.email_address)

    assert list(sign_in(user.email_address, digits(mailoutbox)).json) == ["resetPasswordToken"]
