"""Institutes and sites in CSV: created, updated, exported (spec 04 §5.2, §5.3)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.records import past
from sessions_auth.models import User
from sites.models import Institute, Site
from tests import factories
from tests.client import Api
from tests.jobs import exported
from tests.jobs.headers import template, version_7
from tests.jobs.importing import imported, outcomes, report

pytestmark = pytest.mark.django_db


def messages(api: Api, job: dict[str, Any]) -> list[str]:
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


@pytest.mark.parametrize("schema", ["institute", "site"])
def test_templates_have_the_captions_of_version_7_in_their_order(api: Api, schema: str) -> None:
    assert template(api, schema) == version_7(schema)


# --- Institutes -------------------------------------------------------------------------------------


def test_institutes_are_found_by_identifier_or_name_and_renamed(api: Api) -> None:
    north, south = factories.institute("North"), factories.institute("South")
    rows = f"{north.pk},Far North,\n,SOUTH,Closed\n,Nowhere,\n987654,West,\n,,Active\n"
    content = f"Identifier,Name,Activity Status\n{rows}"
    job = imported(api, content, "institute", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "FAIL", "FAIL", "FAIL"]
    assert messages(api, job)[2:] == [
        "There is no such institute: Nowhere",
        "There is no such institute: 987654",
        "An institute needs a name",
    ]
    north.refresh_from_db()
    south.refresh_from_db()
    assert (north.name, north.activity_status) == ("Far North", "Active")
    assert (south.name, south.activity_status) == ("SOUTH", "Closed")


def test_what_update_else_create_does_to_institutes_is_an_update(api: Api) -> None:
    job = imported(api, "Name\nNowhere\n", "institute", importType="UPSERT")
    assert outcomes(api, job["id"]) == ["FAIL"]


def test_institutes_are_deleted_unless_something_refers_to_them(api: Api) -> None:
    used, unused = factories.institute("Used"), factories.institute("Unused")
    factories.site(of=used)
    job = imported(
        api, "Name,Activity Status\nUsed,Disabled\nUnused,Disabled\n", "institute", importType="UPDATE"
    )
    assert outcomes(api, job["id"]) == ["FAIL", "SUCCESS"]
    used.refresh_from_db()
    unused.refresh_from_db()
    assert (used.activity_status, unused.activity_status) == ("Active", "Disabled")


def test_institutes_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    factories.institute("North")
    closed = factories.institute("Closed one")
    Institute.objects.filter(pk=closed.pk).update(activity_status="Closed")
    content = exported.file("institute", admin)
    assert content.splitlines()[-1] == f'"{closed.pk}","Closed one","Closed"'
    before = past(Institute).count()
    job = imported(api, content, "institute", importType="UPDATE")
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", Institute.objects.count())
    assert past(Institute).count() == before


# --- Sites ------------------------------------------------------------------------------------------


def test_an_update_of_sites_changes_only_what_a_row_names(api: Api) -> None:
    people = [factories.user() for _ in range(2)]
    site = factories.site("Bank", code="BK", address="Harbour 1")
    site.coordinators.add(people[0])
    content = (
        "Name,Code,Address,Type,Coordinators#1#Email Address\n"
        f"bank,,Harbour 2,,\nBANK,##set_to_blank##,,,{people[1].email_address}\n"
    )
    job = imported(api, content, "site", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS"]
    site.refresh_from_db()
    assert (site.code, site.address, site.type) == (None, "Harbour 2", "Collection Site")
    assert list(site.coordinators.all()) == [people[1]]
    job = imported(
        api, "Name,Coordinators#1#Email Address\nBank,##set_to_blank##\n", "site", importType="UPDATE"
    )
    assert outcomes(api, job["id"]) == ["SUCCESS"]
    assert not site.coordinators.exists()


def test_sites_are_renamed_and_deleted_by_identifier(api: Api) -> None:
    renamed, gone = factories.site("Old name"), factories.site("Old site")
    content = (
        f"Identifier,Name,Activity Status\n{renamed.pk},New name,\n{gone.pk},,Disabled\n{renamed.pk},,Closed\n"
        f"{gone.pk},,Active\n"
    )
    job = imported(api, content, "site", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "SUCCESS", "FAIL"]
    assert "no such site" in messages(api, job)[3]
    renamed.refresh_from_db()
    gone.refresh_from_db()
    assert (renamed.name, renamed.activity_status, gone.activity_status) == ("New name", "Closed", "Disabled")


def test_rows_of_one_file_see_what_earlier_ones_did(api: Api) -> None:
    site = factories.site("First")
    content = f"Identifier,Name,Code\n{site.pk},Second,\n,Second,S2\n,First,S1\n"
    job = imported(api, content, "site", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "FAIL"]
    site.refresh_from_db()
    assert (site.name, site.code) == ("Second", "S2")


def test_sites_of_other_institutes_are_as_if_absent(api: Api, as_user: Any) -> None:
    home, away = factories.institute(), factories.institute()
    own, foreign = factories.site(of=home), factories.site(of=away)
    content = f"Name,Address\n{own.name},here\n{foreign.name},there\n"
    chief = as_user(factories.user("INSTITUTE", of=home))
    job = imported(chief, content, "site", importType="UPDATE")
    assert outcomes(chief, job["id"]) == ["SUCCESS", "FAIL"]
    assert messages(chief, job)[1] == f"There is no such site: {foreign.name}"
    helper = factories.user(of=home)
    factories.grant(helper, {"User": ["Export Import"]}, site=own)
    caller = as_user(helper)
    job = imported(
        caller, f"Name,Address\n{own.name},elsewhere\n{own.name},here\n", "site", importType="UPDATE"
    )
    assert outcomes(caller, job["id"]) == ["FAIL", "FAIL"], "also a row that changes nothing needs the right"
    own.refresh_from_db()
    assert own.address == "here"


def test_sites_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    site = factories.site("Bank", code="BK", address="Harbour 1\n1000 Haven")
    site.coordinators.add(factories.user(), factories.user())
    Site.objects.filter(pk=factories.site("Old bank").pk).update(
        activity_status="Closed", type="No more listed"
    )
    content = exported.file("site", admin)
    before = past(Site).count()
    job = imported(api, content, "site", importType="UPDATE")
    assert (job["status"], job["failedRecords"]) == ("COMPLETED", 0), messages(api, job)
    assert past(Site).count() == before
    assert exported.file("site", admin) == content


def test_exports_hold_the_sites_asked_for_that_the_caller_sees(admin: User) -> None:
    home = factories.institute()
    own, other = factories.site(of=home), factories.site()
    asked = [other.pk, own.pk]
    assert [found["id"] for found in exported.records("site", admin, asked)] == sorted(asked)
    chief = factories.user("INSTITUTE", of=home)
    assert [found["id"] for found in exported.records("site", chief)] == [own.pk]


def test_an_update_of_sites_costs_the_same_statements_for_any_number(api: Api) -> None:
    institute = factories.institute()
    costs = []
    for count in (1, 2, 20):
        names = [factories.site(of=institute).name for _ in range(count)]
        content = "Name,Address,Code\n" + "".join(
            f"{name},Street {n},{name}\n" for n, name in enumerate(names)
        )
        with CaptureQueriesContext(connection) as asked:
            job = imported(api, content, "site", importType="UPDATE")
        assert job["status"] == "COMPLETED"
        costs.append(len(asked))
    assert costs[1] == costs[2]  # the first run fills what is cached
