"""Every page of the admin opens, is quick, and shows people what their roles allow."""

import re
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from biobank.navigation import GROUPS
from exports.models import Export
from sessions_auth.models import User
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol, Event, PublishedVersion, Requirement
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories
from tests.admin.rows import Rows, everything

pytestmark = pytest.mark.django_db

PAGES = {model._meta.label: page for model, page in django_admin.site._registry.items()}
MANY_QUERIES = 20  # more than any list needs
ADDED_BY_HAND = {
    "cart.Cart",
    "cart.CartFolder",
    "configuration.SettingValue",
    "exports.ObjectExport",
    "importjobs.ImportJob",
    "participant.Registration",
    "printing.PrintRule",
    "protocol.CollectionProtocol",
    "protocol.ConsentStatement",
    "protocol.Event",
    "protocol.Requirement",
    "protocol.SpecimenTypeUnit",
    "queries.ScheduledJob",
    "sessions_auth.User",
    "sites.Institute",
    "sites.Site",
    "specimen.Specimen",
    "terminology.PermissibleValue",
    "visit.Visit",
}
IN_SCOPE = (
    CollectionProtocol, Event, Requirement, Registration, Participant, Visit, Specimen, PublishedVersion,
)  # fmt: skip
READS = ("CollectionProtocol", "ParticipantPhi", "Visit", "Specimen")


@pytest.fixture
def browser(admin: User) -> Client:
    return signed_in(admin)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(label: str, page: str, *args: object) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_{page}", args=args)


def listed(client: Client, model: type[Model], **query: str) -> set[Any]:
    """The keys of the records on the first page of a list."""
    answer = client.get(address(model._meta.label, "changelist"), query)
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].result_list}


def searched(row: Any, field: str) -> str:
    """The text of a record that its first search field looks at."""
    for part in field.removesuffix("__exact").split("__"):
        row = getattr(row, part)
        row = row.first() if hasattr(row, "first") else row
    return str(row)


def navigation(client: Client) -> dict[str, list[str]]:
    groups = client.get("/admin/").context["sidebar_navigation"]
    return {
        group["title"]: [item["title"] for item in group["items"] if item["has_permission"]]
        for group in groups
    }


# --- Pages ------------------------------------------------------------------------------------------------


def test_there_is_a_record_of_every_kind(admin: User) -> None:
    assert {model._meta.label for model in everything()} == set(PAGES)


def test_every_list_finds_and_every_record_opens(browser: Client) -> None:
    rows = {model._meta.label: row for model, row in everything().items()}
    wrong: list[tuple[str, str, object]] = []
    for label, row in rows.items():
        for page in ("change", "history"):  # lists open below
            answer = browser.get(address(label, page, row.pk))
            if answer.status_code != 200:
                wrong.append((label, page, answer.status_code))
        fields = PAGES[label].search_fields
        if fields and row.pk not in listed(browser, type(row), q=searched(row, fields[0])):
            wrong.append((label, "search", searched(row, fields[0])))
    assert wrong == []


def test_forms_for_new_records_open_where_records_are_made_by_hand(browser: Client) -> None:
    found = {label: browser.get(address(label, "add")).status_code for label in PAGES}

    assert {label for label, status in found.items() if status == 200} == ADDED_BY_HAND
    assert {status for label, status in found.items() if label not in ADDED_BY_HAND} == {403}


def test_lists_open_and_ask_no_more_for_twelve_rows_than_for_three(browser: Client) -> None:
    def queries() -> dict[str, int]:
        counts = {}
        for label in PAGES:
            with CaptureQueriesContext(connection) as asked:
                assert browser.get(address(label, "changelist")).status_code == 200
            counts[label] = len(asked)
        return counts

    for _ in range(3):
        everything()
    few = queries()  # fills what is cached, too: a query or two, where rows would cost nine
    for _ in range(9):
        everything()
    many = queries()

    assert {label: (few[label], many[label]) for label in PAGES if few[label] < many[label]} == {}
    assert {label: count for label, count in many.items() if count > MANY_QUERIES} == {}


def test_records_cannot_be_removed(browser: Client) -> None:
    rows = {model._meta.label: row for model, row in everything().items()}

    found = {label: browser.get(address(label, "delete", row.pk)).status_code for label, row in rows.items()}

    assert {label: status for label, status in found.items() if status != 403} == {}


def test_pages_take_nothing_from_elsewhere(browser: Client) -> None:
    everything()
    for path in ("/admin/", address("specimen.Specimen", "add"), address("specimen.Specimen", "changelist")):
        page = browser.get(path).content.decode()
        assert "/static/unfold/" in page
        assert re.findall(r'(?:src|href|url\()=?["\']?((?:https?:)?//[^"\')\s]+)', page) == []


# --- The sidebar ------------------------------------------------------------------------------------------


def test_every_kind_of_record_stands_in_the_sidebar(browser: Client) -> None:
    assert {label for entries in GROUPS.values() for label, _, _ in entries} == set(PAGES)
    assert navigation(browser) == {
        group: [title for _, title, _ in entries] for group, entries in GROUPS.items()
    }


def test_users_are_shown_the_entries_that_open_for_them() -> None:
    reader = factories.user()
    factories.grant(reader, {"Visit": ["Read"], "PrimarySpecimen": ["Read"]})

    assert navigation(signed_in(reader)) == {"Samples": ["Visits", "Specimens"]}


def test_somebody_without_roles_is_told_so() -> None:
    page = signed_in(factories.user()).get("/admin/")

    assert page.context["sidebar_navigation"] == []
    assert "No role gives you anything to see" in page.content.decode()


# --- Scopes -----------------------------------------------------------------------------------------------


@pytest.fixture
def two_studies() -> tuple[Rows, Rows]:
    """Two of everything in one institute."""
    home = factories.institute()
    return everything(home), everything(home)


def test_a_role_in_one_study_shows_the_records_of_that_study(two_studies: tuple[Rows, Rows]) -> None:
    mine, others = two_studies
    study: Any = mine[CollectionProtocol]
    reader = factories.user(of=study.protocol_sites.get().site.institute)
    factories.grant(reader, {resource: ["Read"] for resource in READS}, protocol=study)
    client = signed_in(reader)

    for model in IN_SCOPE:
        label = model._meta.label
        assert listed(client, model) == {mine[model].pk}, label
        assert client.get(address(label, "change", mine[model].pk)).status_code == 200, label
        assert client.get(address(label, "change", others[model].pk)).status_code in (302, 404), label
        assert client.get(address(label, "history", others[model].pk)).status_code == 404, label
        assert client.get(address(label, "add")).status_code == 403, label


def test_a_study_of_others_is_not_named_in_filters(two_studies: tuple[Rows, Rows]) -> None:
    mine, others = two_studies
    study: Any = mine[CollectionProtocol]
    other: Any = others[CollectionProtocol]
    reader = factories.user(of=study.protocol_sites.get().site.institute)
    factories.grant(reader, {resource: ["Read"] for resource in READS}, protocol=study)
    client = signed_in(reader)

    for model in IN_SCOPE:
        page = client.get(address(model._meta.label, "changelist")).content.decode()
        assert other.short_title not in page, model._meta.label


def test_the_history_of_a_visit_tells_accession_numbers_with_phi_rights_only(
    two_studies: tuple[Rows, Rows],
) -> None:
    visit: Any = two_studies[0][Visit]
    Visit.objects.filter(pk=visit.pk).update(surgical_pathology_number="SPR-77", comments="fasting")
    home = visit.protocol.protocol_sites.get().site.institute
    blind, seeing = factories.user(of=home), factories.user(of=home)
    factories.grant(blind, {"Visit": ["Read"]})
    factories.grant(seeing, {"Visit": ["Read"], "ParticipantPhi": ["Read"]})
    page = address("visit.Visit", "history", visit.pk)

    told = signed_in(blind).get(page).content.decode()

    assert "fasting" in told
    assert "SPR-77" not in told
    assert "SPR-77" in signed_in(seeing).get(page).content.decode()


def test_pages_without_a_right_stay_shut(two_studies: tuple[Rows, Rows]) -> None:
    reader = factories.user()
    factories.grant(reader, {"Visit": ["Read"]})
    client = signed_in(reader)

    found = {label: client.get(address(label, "changelist")).status_code for label in PAGES}

    assert {label for label, status in found.items() if status != 403} == {"visit.Visit"}


def test_institute_administrators_see_their_institute(two_studies: tuple[Rows, Rows]) -> None:
    mine, _ = two_studies
    study: Any = mine[CollectionProtocol]
    stranger = everything()
    boss = factories.user("INSTITUTE", of=study.protocol_sites.get().site.institute)
    client = signed_in(boss)

    for model in (*IN_SCOPE, User, Export):
        assert mine[model].pk in listed(client, model), model._meta.label
        assert stranger[model].pk not in listed(client, model), model._meta.label
    assert client.get("/admin/sessions_auth/token/").status_code == 403


@pytest.mark.parametrize(
    ("kind", "status"),
    [("CONTACT", "Active"), ("NONE", "Locked"), ("SUPER", "Closed"), ("SUPER", "Disabled")],
)
def test_who_may_not_sign_in_does_not_come_in(kind: str, status: str) -> None:
    user = factories.user(kind, activity_status=status)
    client = Client()

    answer = client.post("/admin/login/", {"username": user.login_name, "password": "Secret-pass-1"})

    assert answer.status_code == 200
    assert "sessionid" not in client.cookies
    client.force_login(user)
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_users_sign_in_with_their_password() -> None:
    user = factories.user()
    client = Client()

    answer = client.post(
        "/admin/login/?next=/admin/", {"username": user.login_name, "password": "Secret-pass-1"}
    )

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200
