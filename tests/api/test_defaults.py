"""What a new server begins with."""

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
