"""Codes of calls that no other test has a reason to make."""

from sessions_auth.models import AuthDomain
from tests import factories
from tests.client import Api, Statuses


def test_a_permissible_value_given_as_text_needs_its_attribute_and_must_exist(
    api: Api, status: Statuses
) -> None:
    assert api.get("/permissible-values/v/Male").codes == ["PV_VALUE_REQUIRED"]
    unknown = api.get("/permissible-values/v/Nothing?attribute=gender")
    assert (unknown.status, unknown.codes) == (status.not_found, ["PV_NOT_FOUND"])


def test_a_role_the_user_does_not_have_is_not_found(api: Api, status: Statuses) -> None:
    user = factories.user()
    answer = api.delete(f"/rbac/subjects/{user.pk}/roles/999999")
    assert (answer.status, answer.codes) == (status.not_found, ["RBAC_SUBJECT_ROLE_NOT_FOUND"])


def test_a_password_kept_elsewhere_cannot_be_changed_here(api: Api) -> None:
    user = factories.user()
    user.domain = AuthDomain.objects.create(name="hospital")
    user.save()
    body = {"userId": user.pk, "newPassword": "Another-pass-1"}
    assert api.put("/users/password", body).codes == ["USER_PASSWD_CHANGE_NOT_ALLOWED"]
