"""Old passwords expire, unused accounts are locked, and people are told before (spec 01 §C.6)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from biobank.jobs.tasks import sweep
from sessions_auth import expiry
from sessions_auth import tasks as tasks  # registers what the sweep does
from sessions_auth.models import AuthDomain, LoginAudit, User
from tests import factories
from tests.client import Api

pytestmark = pytest.mark.django_db


def put(api: Api, **settings: object) -> None:
    for name, value in settings.items():
        api.put("/config-settings", {"module": "auth", "name": name, "value": value})


def aged(days: float, kind: str = "NONE") -> User:
    """A user whose password and account are that old."""
    user = factories.user(kind)
    then = timezone.now() - timedelta(days=days)
    User.objects.filter(pk=user.pk).update(password_changed_at=then, creation_date=then)
    return user


def status_of(user: User) -> str:
    return User.objects.values_list("activity_status", flat=True).get(pk=user.pk)


def test_nothing_happens_unless_it_is_wanted() -> None:
    old = aged(10_000)

    sweep()

    assert status_of(old) == "Active"


def test_an_old_password_expires_and_a_new_one_revives(api: Api, mailoutbox: list[Any]) -> None:
    old, fresh = aged(91), aged(89)
    put(api, password_expiry_days=90)

    sweep()

    assert (status_of(old), status_of(fresh)) == ("Expired", "Active")
    assert [mail.subject for mail in mailoutbox if mail.to == [old.email_address]][-1].endswith("has expired")
    refused = Api().post("/sessions", {"loginName": old.login_name, "password": "Secret-pass-1"})
    assert refused.codes == ["AUTH_PASSWD_EXPIRED"]
    api.put("/users/password", {"userId": old.pk, "newPassword": "Newer-pass-2"})
    expiry.look_after()
    assert status_of(old) == "Active"


def test_one_is_warned_once_before(api: Api, mailoutbox: list[Any]) -> None:
    soon, later = aged(84), aged(80)
    put(api, password_expiry_days=90, password_expiry_warning_days=7)

    for _ in range(2):
        expiry.look_after()

    assert [mail.to for mail in mailoutbox] == [[soon.email_address]]
    assert "5 days" in mailoutbox[0].body
    assert status_of(later) == "Active"


def test_the_caller_sees_the_days_that_are_left(api: Api, as_user: Any) -> None:
    user = aged(80)
    assert as_user(user).get("/users/current-user").json["daysBeforePasswordExpiry"] == 0
    put(api, password_expiry_days=90)

    assert as_user(user).get("/users/current-user").json["daysBeforePasswordExpiry"] == 9
    User.objects.filter(pk=user.pk).update(
        domain=AuthDomain.objects.create(name="hospital", auth_type="ldap")
    )
    assert as_user(user).get("/users/current-user").json["daysBeforePasswordExpiry"] == -1


def test_accounts_nobody_uses_are_locked(api: Api, mailoutbox: list[Any]) -> None:
    unused, signed_in = aged(200), aged(200)
    LoginAudit.objects.create(user=signed_in, success=True)
    failed = aged(200)
    LoginAudit.objects.create(user=failed, success=False)
    put(api, inactive_account_days=180)

    expiry.look_after()

    assert [status_of(user) for user in (unused, signed_in, failed)] == ["Locked", "Active", "Locked"]
    assert {(unused.email_address,), ("admin@localhost",)} <= {tuple(mail.to) for mail in mailoutbox}
    api.put(f"/users/{unused.pk}/activity-status", {"activityStatus": "Active"})
    expiry.look_after()
    assert status_of(unused) == "Active"


def test_the_last_super_administrator_is_spared(api: Api, admin: User) -> None:
    then = timezone.now() - timedelta(days=999)
    User.objects.filter(pk=admin.pk).update(password_changed_at=then, creation_date=then)
    other = aged(999, "SUPER")
    put(api, password_expiry_days=90)

    expiry.look_after()
    assert {status_of(admin), status_of(other)} == {"Expired"}
    User.objects.filter(pk=admin.pk).update(activity_status="Active")
    expiry.look_after()
    assert status_of(admin) == "Active"


def test_what_time_did_is_in_the_history(api: Api) -> None:
    old = aged(91)
    put(api, password_expiry_days=90)

    expiry.look_after()

    changed = User.history.rel.related_model.objects.filter(pgh_obj=old).order_by("-pgh_id").first()  # type: ignore[attr-defined]
    assert (changed.activity_status, changed.pgh_context.metadata["login"]) == ("Expired", "$system")
