"""Notifications, favourites and forms of users (spec 01 §C.4, §C.11)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_auth import mail, personal
from sessions_auth.models import Favorite, Notification, User
from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]


def test_what_is_mailed_is_notified(as_user: AsUser) -> None:
    user = factories.user()
    session = as_user(user)
    mail.send("First", "secret link", [user.email_address])
    mail.send("Second", "secret link", [user.email_address.upper(), "nobody@example.org"])

    found = session.get("/user-notifications").json

    assert [(row["message"], row["status"]) for row in found] == [("Second", "UNREAD"), ("First", "UNREAD")]
    assert all(isinstance(row["creationTime"], int) for row in found)
    assert "secret" not in str(found)
    assert [row["message"] for row in session.get("/user-notifications?startAt=1&maxResults=1").json] == [
        "First"
    ]
    assert as_user(factories.user()).get("/user-notifications").json == []


def test_notifications_are_counted_until_they_are_read(as_user: AsUser) -> None:
    user = factories.user()
    session = as_user(user)
    mail.send("One", "", [user.email_address])
    seen = session.get("/user-notifications").json[0]["creationTime"]
    mail.send("Two", "", [user.email_address])

    assert session.get("/user-notifications/unread-count").json == {"count": 2}
    assert session.put(f"/user-notifications/mark-as-read?notifsBefore={seen + 1}").json["count"] in (1, 2)
    session.put("/user-notifications/mark-as-read")
    assert session.get("/user-notifications/unread-count").json == {"count": 0}
    assert {row["status"] for row in session.get("/user-notifications").json} == {"READ"}


def test_old_notifications_are_forgotten() -> None:
    user = factories.user()
    mail.send("Old", "", [user.email_address])
    Notification.objects.update(at=timezone.now() - timedelta(days=91))
    mail.send("New", "", [user.email_address])

    assert personal.forget_old() == 1
    assert [row.message for row in personal.notifications(user.pk)] == ["New"]


def test_who_wants_no_mails_gets_notifications_only(mailoutbox: list[Any]) -> None:
    quiet = factories.user(dnd=True)

    mail.send("News", "", [quiet.email_address])
    assert mailoutbox == []
    mail.password_link(quiet, "token")
    assert [sent.to for sent in mailoutbox] == [[quiet.email_address]]
    assert Notification.objects.filter(user=quiet).count() == 2


def test_favourites_are_ones_own(as_user: AsUser, statuses: Statuses) -> None:
    user = factories.user()
    session, other = as_user(user), as_user(factories.user())

    added = session.post("/user-favorites", {"title": "My study", "viewUrl": "cp-view/7"})
    session.post("/user-favorites", {"title": "Renamed", "viewUrl": "cp-view/7"})

    assert added.status == statuses.created
    assert session.get("/user-favorites").json == [
        {"id": added.json["id"], "title": "Renamed", "viewUrl": "cp-view/7"}
    ]
    assert other.get("/user-favorites").json == []
    denied = other.delete(f"/user-favorites/{added.json['id']}")
    assert (denied.status, denied.codes) == (statuses.not_found, ["USER_FAVORITE_NOT_FOUND"])
    assert session.delete(f"/user-favorites/{added.json['id']}").status == 200
    assert not Favorite.objects.exists()


def test_wrong_favourites(api: Api) -> None:
    assert api.post("/user-favorites", {"title": "Nowhere"}).codes == ["INVALID_REQUEST"]
    assert api.post("/user-favorites", {"viewUrl": "x" * 2001}).codes == ["COMMON_VALUE_TOO_LONG"] * 2


def test_users_have_no_forms_yet(api: Api, statuses: Statuses) -> None:
    for level in ("", "?entityType=User", "?entityType=UserProfile"):
        assert api.get(f"/users/2/forms{level}").json == []
        assert api.get(f"/users/2/form-records{level}").json == []
    for path in ("/users/2/forms?entityType=Site", "/users/2/form-records?entityType=Site"):
        assert (api.get(path).status, api.get(path).codes) == (400, ["COMMON_INVALID_INPUT"])
    for path in ("/users/99999999/forms", "/users/99999999/form-records", "/users/99999999/forms/1/records"):
        assert (api.get(path).status, api.get(path).codes) == (statuses.not_found, ["USER_NOT_FOUND"])
    assert api.get("/users/2/forms/1/records").codes == ["FORMS_INVALID_FORM_CTXT"]
    assert api.get("/sites/extension-form").json is None
