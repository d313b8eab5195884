"""Users and their roles in CSV: created, updated, exported (spec 04 §5.4, §5.5)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.records import past
from sessions_auth.models import SubjectRole, User
from tests import factories, studies
from tests.client import Api
from tests.jobs import exported
from tests.jobs.headers import template, version_7
from tests.jobs.importing import imported, outcomes, report

pytestmark = pytest.mark.django_db


def messages(api: Api, job: dict[str, Any]) -> list[str]:
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


def held(user: User) -> set[tuple[str, str | None, str | None]]:
    rows = SubjectRole.objects.filter(user=user)
    return set(rows.values_list("role__name", "site__name", "protocol__short_title"))


def test_templates_have_the_captions_of_version_7_in_their_order(api: Api) -> None:
    newer = ["Manage Forms", "Manage Workflows", "Download Labels Print File"]
    assert template(api, "user") == version_7("user") + newer
    assert template(api, "userRoles") == version_7("userRoles")
    answer = api.get("/import-jobs/input-file-template?schema=userRolesDetailed")
    assert answer.codes == ["IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND"]


# --- Users ------------------------------------------------------------------------------------------


def test_users_are_found_by_identifier_e_mail_address_or_login(api: Api) -> None:
    first, second, third, fourth = (factories.user(phone_number="1") for _ in range(4))
    content = (
        "Identifier,Email Address,Login Name,Domain Name,Phone Number,Last Name\n"
        f"{first.pk},new1@example.org,,,2,\n,{second.email_address.upper()},,,3,\n"
        f",,{third.login_name},openspecimen,##set_to_blank##,\n"
        f",new4@example.org,{fourth.login_name},openspecimen,5,\n"
        ",nobody@example.org,,,5,\n,,,,5,Roe\n1,,,,5,\n"
    )
    job = imported(api, content, "user", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS"] * 4 + ["FAIL"] * 3
    assert messages(api, job)[4:] == [
        "There is no such user: nobody@example.org",
        "An e-mail address or login name is needed",
        "There is no such user: 1",
    ]
    for user in (first, second, third, fourth):
        user.refresh_from_db()
    assert [user.phone_number for user in (first, second, third, fourth)] == ["2", "3", None, "5"]
    assert (first.email_address, fourth.email_address) == ("new1@example.org", "new4@example.org")
    assert first.last_name.startswith("User"), "what a row does not name stays"


def test_users_are_locked_and_deleted_by_their_status(api: Api) -> None:
    locked, gone, leader = (factories.user() for _ in range(3))
    factories.site().coordinators.add(leader)
    content = (
        f"Email Address,Activity Status\n{locked.email_address},Locked\n{gone.email_address},Disabled\n"
        f"{leader.email_address},Disabled\n"
    )
    job = imported(api, content, "user", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "FAIL"]
    states = User.objects.in_bulk([locked.pk, gone.pk, leader.pk])
    assert [states[user.pk].activity_status for user in (locked, gone, leader)] == [
        "Locked", "Disabled", "Active",
    ]  # fmt: skip


def test_users_of_other_institutes_are_out_of_reach(as_user: Callable[[User], Api]) -> None:
    home = factories.institute()
    own, foreign = factories.user(of=home), factories.user()
    helper = factories.user(of=home)
    factories.grant(helper, {"User": ["Read", "Update", "Export Import"]})
    caller = as_user(helper)
    content = f"Email Address,Address\n{own.email_address},here\n{foreign.email_address},there\n"
    job = imported(caller, content, "user", importType="UPDATE")
    assert outcomes(caller, job["id"]) == ["SUCCESS", "FAIL"]
    assert messages(caller, job)[1] == "You do not have the right to do this"
    assert {found["id"] for found in exported.records("user", helper)} == {own.pk, helper.pk}
    reader = factories.user(of=home)
    factories.grant(reader, {"User": ["Read", "Update"]})
    assert exported.records("user", reader) == []


def test_users_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    site = factories.site()
    factories.user(primary_site=site, phone_number="+43 1", address="a\nb", dnd=True)
    factories.user("CONTACT")
    factories.user("INSTITUTE", activity_status="Locked")
    content = exported.file("user", admin)
    ids = [found["id"] for found in exported.records("user", admin)]
    assert ids == sorted(ids, reverse=True)
    before = past(User).count()
    job = imported(api, content, "user", importType="UPDATE")
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", len(ids)), messages(api, job)
    assert past(User).count() == before
    assert exported.file("user", admin) == content


def test_an_update_of_users_costs_the_same_statements_for_any_number(api: Api) -> None:
    costs = []
    for count in (1, 2, 20):
        users = [factories.user() for _ in range(count)]
        content = "Email Address,Phone Number\n" + "".join(
            f"{user.email_address},{user.pk}\n" for user in users
        )
        with CaptureQueriesContext(connection) as asked:
            job = imported(api, content, "user", importType="UPDATE")
        assert job["status"] == "COMPLETED"
        costs.append(len(asked))
    assert costs[1] == costs[2]  # the first run fills what is cached


# --- Roles ------------------------------------------------------------------------------------------


def test_roles_are_added_by_create_and_replaced_by_update(api: Api) -> None:
    user, site = factories.user(), factories.site()
    study = studies.protocol("LUNG", at=[site])
    header = "Email Address,Role#1#Name,Role#1#Site Name,Role#1#CP Short Title,Role#2#Name\n"
    job = imported(
        api, f"{header}{user.email_address},Coordinator,{site.name},LUNG,Researcher\n", "userRoles"
    )
    assert outcomes(api, job["id"]) == ["SUCCESS"], messages(api, job)
    assert held(user) == {("Coordinator", site.name, "LUNG"), ("Researcher", None, None)}
    job = imported(api, f"{header}{user.email_address},Technician,,,Researcher\n", "userRoles")
    assert len(held(user)) == 3, "what is held already is not given twice"
    job = imported(api, f"{header}{user.email_address},Technician,,LUNG,\n", "userRoles", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS"]
    assert held(user) == {("Technician", None, study.short_title)}
    imported(api, f"Identifier,Role#1#Name\n{user.pk},##set_to_blank##\n", "userRoles", importType="UPDATE")
    assert held(user) == set()


def test_wrong_roles_are_refused(api: Api, as_user: Callable[[User], Api]) -> None:
    home = factories.institute()
    user, other = factories.user(of=home), factories.user(of=home)
    foreign = factories.site().name
    content = (
        "Identifier,Email Address,Role#1#Name,Role#1#Site Name\n"
        f",{user.email_address},Nothing,\n{user.pk},,Researcher,{foreign}\n"
        f"{other.pk},{user.email_address},Researcher,\n,nobody@example.org,Researcher,\n,,Researcher,\n"
    )
    job = imported(api, content, "userRoles", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["FAIL"] * 5
    assert messages(api, job) == [
        "There is no such role: Nothing",
        f"The site is not of the user's institute: {foreign}",
        f"There is no such user: {user.email_address}",
        "There is no such user: nobody@example.org",
        "An e-mail address or login name is needed",
    ]
    job = imported(api, f"Email Address,Role#1#Name\n{user.email_address},\n", "userRoles")
    assert messages(api, job) == ["A role needs a name"]
    chief = factories.user("INSTITUTE")
    caller = as_user(chief)
    job = imported(caller, f"Email Address,Role#1#Name\n{user.email_address},Researcher\n", "userRoles")
    assert messages(caller, job) == ["You do not have the right to do this"]


def test_roles_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    user, site = factories.user(), factories.site()
    api.put(f"/sites/{site.pk}", {
        "name": site.name, "instituteName": site.institute.name, "type": site.type,
        "coordinators": [{"emailAddress": user.email_address}],
    })  # fmt: skip
    header = "Email Address,Role#1#Name,Role#1#Site Name,Role#2#Name\n"
    imported(api, f"{header}{user.email_address},Coordinator,{site.name},Researcher\n", "userRoles")
    content = exported.file("userRoles", admin, [user.pk])
    assert [len(found["roles"]) for found in exported.records("userRoles", admin, [user.pk])] == [2]
    before, roles = past(SubjectRole).count(), held(user)
    for operation in ("UPDATE", "CREATE"):
        job = imported(api, content, "userRoles", importType=operation)
        assert job["status"] == "COMPLETED"
    assert (past(SubjectRole).count(), held(user)) == (before, roles)
    lines = exported.records("userRolesDetailed", admin, [user.pk])
    assert {(line["role"], line.get("siteName")) for line in lines} == {
        ("Administrator", site.name), ("Coordinator", site.name), ("Researcher", None),
    }  # fmt: skip
    assert lines[0]["emailAddress"] == user.email_address
    assert exported.records("userRoles", user) == []
