"""The calls about custom forms of registrations, participants and visits (spec 03 §0.6, 08 §B.2)."""

from collections.abc import Callable

import pytest

from sessions_auth.models import User
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def paths(db: None) -> list[str]:
    """A registration and a visit of it."""
    registration = studies.registration(studies.protocol())
    visit = studies.visit(registration)
    return [f"/collection-protocol-registrations/{registration.pk}", f"/visits/{visit.pk}"]


def test_records_have_no_forms_yet(api: Api, paths: list[str], statuses: Statuses) -> None:
    for path in paths:
        assert api.get(f"{path}/forms").json == []
        assert api.get(f"{path}/extension-records").json == []
        answer = api.get(f"{path}/forms/7/records")
        assert (answer.status, answer.codes) == (statuses.not_found, ["FORMS_INVALID_FORM_CTXT"])
        assert api.get(f"{path}/forms?entityType=Unheard").codes == ["COMMON_INVALID_INPUT"]


def test_there_is_no_form_of_custom_fields_yet(api: Api) -> None:
    for path in ("/participants/extension-form", "/visits/extension-form"):
        assert (api.get(path).status, api.get(f"{path}?cpId=-1").json) == (200, None)


def test_forms_belong_to_records_that_exist_and_may_be_read(
    api: Api, as_user: Callable[[User], Api], paths: list[str], statuses: Statuses
) -> None:
    nobody = as_user(factories.user())
    for path, unknown in zip(paths, ("CPR_M_NOT_FOUND", "VISIT_NOT_FOUND"), strict=True):
        for call in ("forms", "forms/7/records", "extension-records"):
            denied = nobody.get(f"{path}/{call}")
            assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
            missing = api.get(f"{path.rsplit('/', 1)[0]}/999999/{call}")
            assert (missing.status, missing.codes) == (statuses.not_found, [unknown])
