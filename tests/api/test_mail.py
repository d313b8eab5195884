"""Mails really go: as files, through the environment's server, or through the one in the settings."""

import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from sessions_auth import mail
from sessions_auth.models import User
from tests import factories
from tests.client import Api

pytestmark = pytest.mark.django_db


class _Conversation(socketserver.StreamRequestHandler):
    """Enough SMTP to take a mail."""

    def handle(self) -> None:
        self.say("220 ready")
        while line := self.rfile.readline().decode().strip():
            self.server.heard.append(line)  # type: ignore[attr-defined]
            verb = line.split()[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    self.server.heard.append(part.decode().strip())  # type: ignore[attr-defined]
            if verb == "EHLO":
                self.say("250-here")
                self.say("250 AUTH PLAIN")
                continue
            self.say("235 welcome" if verb == "AUTH" else "221 bye" if verb == "QUIT" else "250 fine")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.heard: list[str] = []
        self.port = self.server_address[1]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()


def put(api: Api, module: str, **values: object) -> None:
    for name, value in values.items():
        answer = api.put("/config-settings", {"module": module, "name": name, "value": value})
        assert answer.status == 201, answer.json


def test_the_server_of_the_settings_goes_first(api: Api, server: MailServer, mailoutbox: list[Any]) -> None:
    put(
        api, "email", server_host="127.0.0.1", server_port=server.port, auth_enabled=True,
        account_id="biobank@example.org", account_password="hush hush",
    )  # fmt: skip

    mail.send("Hello", "One line.", ["mira@example.org"])

    assert mailoutbox == []
    assert "From: biobank@example.org" in server.heard
    assert "One line." in server.heard
    assert any(line.startswith("AUTH PLAIN") for line in server.heard)
    shown = api.get("/config-settings?module=email&property=account_password").json[0]
    assert (shown["value"], shown["secured"]) == ("********", True)
    history = api.get("/config-settings/history?module=email&property=account_password")
    assert "hush" not in history.body.decode()


def test_the_server_of_the_environment(server: MailServer, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port

    mail.send("Hello", "One line.", ["mira@example.org", "raj@example.org"])

    assert [line for line in server.heard if line.startswith("To:")] == [
        "To: mira@example.org",
        "To: raj@example.org",
    ]


def test_without_a_server_mails_wait_as_files_and_the_link_works(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "outbox"
    user = factories.user()

    Api().post("/users/forgot-password", {"emailAddress": user.email_address})

    [written] = (tmp_path / "outbox").iterdir()
    assert (tmp_path / "outbox").stat().st_mode & 0o077 == 0
    found = re.search(r"http://[^/]+(/\S+)", written.read_text())
    assert found is not None
    page = Client().get(found[1])
    assert page.status_code == 200


def test_a_dead_server_stops_nothing(api: Api, server: MailServer) -> None:
    put(api, "email", server_host="127.0.0.1", server_port=1)

    assert api.post("/users/announcements", {"subject": "Tonight", "message": "We move."}).json is True


def test_a_subject_with_lines_is_not_sent(mailoutbox: list[Any]) -> None:
    mail.send("Hello\nBcc: all@example.org", "text", ["mira@example.org"])

    assert mailoutbox == []


# --- Who hears what ---


def test_the_administrators_address_hears_of_sign_ups_and_locks(
    api: Api, anonymous: Api, mailoutbox: list[Any]
) -> None:
    put(api, "email", admin_email_id="desk@example.org, admin@localhost")
    user = factories.user()
    for _ in range(5):
        Api().post("/sessions", {"loginName": user.login_name, "password": "wrong"})

    assert sorted(sent.to[0] for sent in mailoutbox) == sorted(
        ["admin@localhost", "desk@example.org", user.email_address]
    )


def test_failed_attempts_can_be_told(api: Api, mailoutbox: list[Any]) -> None:
    put(api, "auth", notify_failed_logins=True)
    user = factories.user()

    Api().post("/sessions", {"loginName": user.login_name, "password": "wrong"})

    assert [(sent.to, "127.0.0.1" in sent.body) for sent in mailoutbox] == [([user.email_address], True)]


def test_a_session_too_many_is_told(api: Api, mailoutbox: list[Any]) -> None:
    put(api, "auth", max_login_sessions=1)
    user = factories.user()

    for _ in range(2):
        Api().post("/sessions", {"loginName": user.login_name, "password": "Secret-pass-1"})

    assert [sent.to for sent in mailoutbox] == [[user.email_address]]


def test_changes_of_status_and_roles_are_told(api: Api, mailoutbox: list[Any]) -> None:
    user, keeper = factories.user(), factories.user()
    site = factories.site(coordinators=[{"id": keeper.pk}])

    api.put(f"/users/{user.pk}/activity-status", {"activityStatus": "Locked"})
    assert [sent.to for sent in mailoutbox] == [[user.email_address]]
    mailoutbox.clear()
    given = {"role": {"name": "Technician"}, "site": {"id": site.pk}}
    role = api.post(f"/rbac/subjects/{user.pk}/roles", given).json
    api.delete(f"/rbac/subjects/{user.pk}/roles/{role['id']}")

    assert [sent.to[0] for sent in mailoutbox] == [user.email_address, keeper.email_address] * 2
    assert "Technician" in mailoutbox[0].body and site.name in mailoutbox[0].body


def test_approving_several_mails_a_working_link_to_each(api: Api, mailoutbox: list[Any]) -> None:
    waiting = [factories.user(activity_status="Pending") for _ in range(2)]

    body = {"ids": [user.pk for user in waiting], "detail": {"activityStatus": "Active"}}
    api.put("/users/bulk-update", body)

    for user, sent in zip(waiting, list(mailoutbox), strict=True):
        assert sent.to == [user.email_address]
        token = re.search(r"token=([\w-]+)", sent.body)
        assert token is not None
        wish = {"loginName": user.login_name, "resetPasswordToken": token[1], "newPassword": "Newer-pass-2"}
        assert Api().post("/users/reset-password", wish).json is True
        signed_in = Api().post("/sessions", {"loginName": user.login_name, "password": "Newer-pass-2"})
        assert signed_in.json["id"] == user.pk


def test_sign_ups_can_be_approved_by_themselves(api: Api, anonymous: Api, mailoutbox: list[Any]) -> None:
    home = factories.institute("Sign-up institute")
    put(api, "administrative", auto_approve_sign_ups=True, sign_up_institute=home.name)
    n = factories.number()
    wish = {
        "firstName": "Mira", "lastName": "Holt", "emailAddress": f"m{n}@example.org", "loginName": f"m{n}",
        "domainName": "openspecimen",
    }  # fmt: skip

    made = anonymous.post("/users/sign-up", wish).json

    assert (made["activityStatus"], made["instituteName"]) == ("Active", home.name)
    assert [sent.to for sent in mailoutbox] == [[wish["emailAddress"]]]
    assert "approved" in mailoutbox[0].body
    assert User.objects.get(pk=made["id"]).type == "NONE"
