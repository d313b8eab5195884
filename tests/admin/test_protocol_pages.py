"""Designing a study in the admin: the same rules as over HTTP."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions_auth.models import User
from specimens.protocol.models import (
    CollectionProtocol,
    ConsentStatement,
    Event,
    Requirement,
    SpecimenTypeUnit,
)
from tests import designs, factories
from tests.client import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(admin: User) -> Client:
    found = Client()
    found.force_login(admin)
    return found


def form(browser: Client, url: str, **filled: Any) -> Any:
    """Open a form, fill in some of its fields, and send it; the page after it."""
    page = browser.get(url)
    assert page.status_code == 200
    shown = page.context["adminform"].form
    values = {name: shown.get_initial_for_field(field, name) for name, field in shown.fields.items()}
    values = {name: getattr(value, "pk", value) for name, value in values.items()}
    for formset in page.context["inline_admin_formsets"]:
        prefix = formset.formset.prefix
        values |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    values |= filled
    return browser.post(
        url, {name: value for name, value in values.items() if value is not None and value is not False}
    )


def test_units_go_through_the_same_door(api: Api, browser: Client) -> None:
    of = designs.protocol(api)
    url = reverse("admin:protocol_specimentypeunit_add")
    page = form(
        browser, url, specimen_class="Fluid", type="Plasma", quantity_unit="barrel", protocol=of["id"]
    )
    assert "SPECIMEN_INVALID_UNIT" in errors(page)
    page = form(browser, url, specimen_class="fluid", type="plasma", quantity_unit="ml", protocol=of["id"])
    assert page.status_code == 302
    made = SpecimenTypeUnit.objects.get(protocol=of["id"])
    assert (made.specimen_class, made.type, made.quantity_unit) == ("Fluid", "Plasma", "ml")
    again = form(browser, url, specimen_class="Fluid", type="Plasma", quantity_unit="µl", protocol=of["id"])
    assert "SPECIMEN_TYPE_UNIT_DUP" in errors(again)
    url = reverse("admin:protocol_specimentypeunit_change", args=[made.pk])
    assert form(browser, url, quantity_unit="µl").status_code == 302
    assert api.get(f"/specimen-type-units?cpShortTitle={of['shortTitle']}").json[0]["quantityUnit"] == "µl"


def test_groups_show_their_protocols(api: Api, browser: Client) -> None:
    of = designs.protocol(api, shortTitle="MEMBER")
    group = api.post("/collection-protocol-groups", {"name": "Onco", "cps": [{"id": of["id"]}]}).json
    page = browser.get(reverse("admin:protocol_protocolgroup_change", args=[group["id"]]))
    assert page.status_code == 200 and b"MEMBER" in page.content
    assert b"Onco" in browser.get(reverse("admin:protocol_protocolgroup_changelist")).content


def errors(page: Any) -> str:
    return str(page.context["adminform"].form.errors)


def test_a_protocol_is_made_and_changed(browser: Client, admin: User) -> None:
    first, second = factories.site(), factories.site()
    add = reverse("admin:protocol_collectionprotocol_add")
    filled = {
        "short_title": "LUNG",
        "title": "Lungs",
        "principal_investigator": admin.pk,
        "sites": [first.pk],
    }
    page = form(browser, add, **filled, ppid_fmt="nonsense")
    assert "CP_INVALID_PPID_FMT" in errors(page)
    assert form(browser, add, **filled, ppid_fmt="%CP_UID%").status_code == 302
    made = CollectionProtocol.objects.get()
    assert (made.visit_collection_mode, made.activity_status) == ("ALL_SPMNS", "Active")
    link = made.protocol_sites.get()
    made.protocol_sites.update(code="NL")
    CollectionProtocol.objects.update(store_spr_enabled=True)
    change = reverse("admin:protocol_collectionprotocol_change", args=[made.pk])
    assert form(browser, change, title="Two lungs", sites=[first.pk, second.pk]).status_code == 302
    made.refresh_from_db()
    assert (made.title, made.store_spr_enabled, made.protocol_sites.count()) == ("Two lungs", True, 2)
    assert (made.protocol_sites.get(site=first).pk, made.protocol_sites.get(site=first).code) == (
        link.pk,
        "NL",
    )


def test_events_and_requirements_are_made_and_changed(browser: Client, api: Api) -> None:
    of = designs.protocol(api)
    add = reverse("admin:protocol_event_add")
    page = form(browser, add, protocol=of["id"], label="Week 1", point="7", point_unit="")
    assert "CPE_POINT_UNIT_REQUIRED" in errors(page)
    assert (
        form(browser, add, protocol=of["id"], label="Week 1", point="7", point_unit="DAYS").status_code == 302
    )
    event = Event.objects.get()
    filled = {
        "event": event.pk, "specimen_class": "Fluid", "type": "Whole Blood", "anatomic_site": "Not Specified",
        "laterality": "Left", "pathology": "Malignant", "storage_type": "Manual", "initial_qty": "10",
        "collection_procedure": "Not Specified", "collection_container": "CPT",
    }  # fmt: skip
    add = reverse("admin:protocol_requirement_add")
    assert "SR_INVALID_SPECIMEN_TYPE" in errors(form(browser, add, **{**filled, "type": "DNA"}))
    assert form(browser, add, **filled).status_code == 302
    row = Requirement.objects.get()
    change = reverse("admin:protocol_requirement_change", args=[row.pk])
    assert form(browser, change, code="WB").status_code == 302
    row.refresh_from_db()
    assert (row.code, row.laterality, row.event_id) == ("WB", "Left", event.pk)
    change = reverse("admin:protocol_event_change", args=[event.pk])
    assert form(browser, change, activity_status="Closed").status_code == 302
    row.refresh_from_db()
    assert row.activity_status == "Closed"


def test_consent_statements_are_made(browser: Client) -> None:
    add = reverse("admin:protocol_consentstatement_add")
    assert form(browser, add, code="A", statement="One").status_code == 302
    assert "CONSENT_STATEMENTDUP_CODE" in errors(form(browser, add, code="A", statement="Two"))
    assert ConsentStatement.objects.get().activity_status == "Active"


@pytest.mark.parametrize(
    "name", ["collectionprotocol", "event", "requirement", "consentstatement", "publishedversion"]
)
def test_lists_search_filter_and_link(browser: Client, api: Api, name: str) -> None:
    of = designs.protocol(api)
    designs.requirement(api, designs.event(api, of))
    url = reverse(f"admin:protocol_{name}_changelist")
    assert browser.get(url).status_code == 200
    assert browser.get(url, {"q": of["shortTitle"]}).status_code == 200


def test_a_protocol_shows_what_belongs_to_it_and_its_history(browser: Client, api: Api) -> None:
    of = designs.protocol(api)
    event = designs.event(api, of, "Baseline visit")
    page = browser.get(reverse("admin:protocol_collectionprotocol_change", args=[of["id"]]))
    assert reverse("admin:protocol_event_change", args=[event["id"]]) in page.content.decode()
    history = browser.get(reverse("admin:protocol_collectionprotocol_history", args=[of["id"]]))
    assert "rest" in history.content.decode()
