"""What a new server begins with."""

import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from sessions_auth.models import Role, User

pytestmark = pytest.mark.django_db


def test_the_administrator_is_user_two_of_institute_one() -> None:
    admin = User.objects.get(login_name="admin")

    assert (admin.pk, admin.institute_id, admin.type, admin.domain.name) == (2, 1, "SUPER", "openspecimen")
    assert User.objects.get(pk=1).login_name == "$system"
    assert Role.objects.get(name="Technician").acl.get(resource="ParticipantDeid").operations == ["Read"]


def test_setting_up_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = User.objects.get(login_name="admin").password

    call_command("create_defaults")

    assert User.objects.get(login_name="admin").password == before
    assert capsys.readouterr().out == ""


def test_a_generated_password_is_told_once_and_kept_for_the_owner(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.delenv("OS_ADMIN_PASSWORD")
    User.objects.filter(login_name="admin").update(type="NONE")  # nobody administers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sessions_auth.defaults.ADMIN_LOGIN", "second.admin")
        patch.setattr("sessions_auth.defaults.ADMIN_EMAIL", "second@localhost")
        call_command("create_defaults")

    kept = tmp_path / "admin-password"
    password = kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert password in capsys.readouterr().out
    assert User.objects.get(login_name="second.admin").check_password(password)
    call_command("create_defaults")
    assert capsys.readouterr().out == ""
    assert kept.read_text().strip() == password
