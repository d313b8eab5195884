"""Users written many at once, as an import does."""

from typing import Any

import pytest

from biobank.batch.door import Change
from biobank.batch.schema import find
from sessions_auth.actor import actor_of
from sessions_auth.detail import UserDetail
from sessions_auth.models import User
from sessions_auth.writes import USERS
from sites.models import Institute
from tests import factories

pytestmark = pytest.mark.django_db


def details(count: int, **more: Any) -> list[UserDetail]:
    institute = Institute.objects.order_by("pk")[0].name
    numbers = [factories.number() for _ in range(count)]
    return [
        UserDetail(
            first_name="Ada",
            last_name=f"Nr {n}",
            email_address=f"ada{n}@example.org",
            login_name=f"ada{n}",
            domain_name="OpenSpecimen",
            institute_name=institute.upper(),
            **more,
        )
        for n in numbers
    ]


def creates(found: list[UserDetail]) -> list[Change[UserDetail]]:
    return [Change(detail) for detail in found]


def test_a_bad_row_costs_only_itself() -> None:
    first, second, third = details(3)
    second.institute_name = "Moon"
    third.login_name = (first.login_name or "").upper()

    outcomes = USERS.write_each(creates([first, second, third]), factories.SYSTEM)

    assert [[problem.code for problem in outcome.problems] for outcome in outcomes] == [
        [],
        ["INSTITUTE_NOT_FOUND"],
        ["USER_DUP_LOGIN_NAME"],
    ]
    assert User.objects.get(pk=outcomes[0].pk or 0).email_address == first.email_address


def test_hundreds_cost_as_many_queries_as_one(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(20):
        outcomes = USERS.write_each(creates(details(300)), factories.SYSTEM)

    assert all(outcome.ok for outcome in outcomes)


def test_new_accounts_have_no_password() -> None:
    pk = USERS.write(creates(details(1)), factories.SYSTEM)[0]

    user = User.objects.get(pk=pk)

    assert not user.has_usable_password()
    assert user.force_password_reset


def test_rows_are_refused_for_lack_of_rights() -> None:
    actor = actor_of(factories.user(), via="import")

    outcomes = USERS.write_each(creates(details(2)), actor)

    assert {problem.code for outcome in outcomes for problem in outcome.problems} == {"RBAC_ACCESS_DENIED"}


def test_the_import_schema_knows_every_attribute() -> None:
    schema = find("user")

    assert schema is not None
    aliases = {field.alias for field in UserDetail.model_fields.values()} | {"id"}
    assert {column.attribute for column in schema.columns} <= aliases


def test_a_race_for_a_login_name_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the plan cannot see the constraint still refuses, with the documented code."""
    detail = details(1)[0]
    USERS.write(creates([detail]), factories.SYSTEM)
    monkeypatch.setattr("sessions_auth.writes._clashes", lambda *_: [])

    outcome = USERS.write_each(creates([detail]), factories.SYSTEM)[0]

    assert outcome.problems[0].code in ("USER_DUP_LOGIN_NAME", "USER_DUP_EMAIL")
