"""Participants, registrations and visits in the admin: the same rules and the same masks as over HTTP."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions_auth.models import User
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.visit.models import Visit
from tests import factories, studies

pytestmark = pytest.mark.django_db


def browser(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC", at=[factories.site("North Hospital")])


@pytest.fixture
def ida(cohort: CollectionProtocol) -> Registration:
    found = studies.registration(cohort, "LC-0042")
    Participant.objects.filter(pk=found.participant_id).update(
        first_name="Ida", last_name="Moreau", empi="E-1"
    )
    return found


def send(client: Client, url: str, **filled: Any) -> Any:
    """Open a form, fill in some of its fields, and send it; the page after it."""
    page = client.get(url)
    assert page.status_code == 200
    shown = page.context["adminform"].form
    values = {name: shown.get_initial_for_field(field, name) for name, field in shown.fields.items()}
    values = {name: getattr(value, "pk", value) for name, value in values.items()}
    for formset in page.context["inline_admin_formsets"]:
        prefix = formset.formset.prefix
        values |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    values |= filled
    return client.post(
        url,
        {
            name: value
            for name, value in values.items()
            if value is not None and value is not False and value != []
        },
    )


def errors(page: Any) -> str:
    return str(page.context["adminform"].form.errors)


def text(client: Client, name: str, *args: int, query: str = "") -> str:
    page = client.get(reverse(f"admin:{name}", args=args) + query)
    assert page.status_code == 200
    return str(page.content.decode())


def test_somebody_is_registered_and_changed(admin: User, cohort: CollectionProtocol) -> None:
    client = browser(admin)
    add = reverse("admin:participant_registration_add")
    filled = {"protocol": cohort.pk, "registration_date": "2024-03-11"}
    assert "CPR_PPID_REQUIRED" in errors(send(client, add, **filled))
    assert send(client, add, **filled, ppid="P-1").status_code == 302
    made = Registration.objects.get(ppid="P-1")
    person = reverse("admin:participant_participant_change", args=[made.participant_id])
    assert send(client, person, first_name="Ida", gender="Female").status_code == 302
    assert Participant.objects.get(pk=made.participant_id).first_name == "Ida"
    assert "PARTICIPANT_INVALID_EMAIL_ID" in errors(send(client, person, email_address="nobody"))
    change = reverse("admin:participant_registration_change", args=[made.pk])
    assert send(client, change, barcode="B1").status_code == 302
    again = Registration.objects.get(pk=made.pk)
    assert (again.barcode, again.ppid) == ("B1", "P-1")


def test_a_registration_with_visits_is_not_deleted_by_its_status(admin: User, ida: Registration) -> None:
    studies.visit(ida)
    change = reverse("admin:participant_registration_change", args=[ida.pk])
    assert "PARTICIPANT_REF_ENTITY_FOUND" in errors(send(browser(admin), change, activity_status="Disabled"))


def test_a_visit_is_made_and_changed(admin: User, ida: Registration) -> None:
    client = browser(admin)
    add = reverse("admin:visit_visit_add")
    filled = {"registration": ida.pk, "visit_date_0": "2024-03-12", "visit_date_1": "09:15:00"}
    assert send(client, add, **filled, clinical_diagnoses="Not Specified").status_code == 302
    made = Visit.objects.get()
    assert (made.status, made.clinical_diagnoses) == ("Complete", ["Not Specified"])
    change = reverse("admin:visit_visit_change", args=[made.pk])
    sent = {**filled, "surgical_pathology_number": "S-1", "comments": "seen"}
    assert send(client, change, **sent).status_code == 302
    again = Visit.objects.get(pk=made.pk)
    assert (again.name, again.surgical_pathology_number) == (made.name, "S-1")
    assert "VISIT_INVALID_CLINICAL_DIAGNOSIS" in errors(
        send(client, change, **filled, clinical_diagnoses="Hiccups")
    )


def test_lists_lead_from_protocols_to_visits(admin: User, ida: Registration) -> None:
    client = browser(admin)
    visit = studies.visit(ida, "V-1")
    rows = text(client, "participant_registration_changelist")
    assert "Ida Moreau" in rows and f"registration__id__exact={ida.pk}" in rows
    assert "LC-0042" in text(client, "visit_visit_changelist", query=f"?registration__id__exact={ida.pk}")
    assert "V-1" in text(client, "participant_registration_change", ida.pk)
    assert "LC-0042" in text(client, "visit_visit_change", visit.pk)
    assert "LC-0042" in text(client, "participant_participant_change", ida.participant_id)
    assert "LC-0042" in text(client, "participant_registration_changelist", query="?q=moreau")


def test_names_are_for_those_with_phi_rights(cohort: CollectionProtocol, ida: Registration) -> None:
    studies.visit(ida, "V-1", surgical_pathology_number="S-77")
    blind, seeing = factories.user(), factories.user()
    factories.grant(blind, {"ParticipantDeid": ["Read"], "Visit": ["Read"]}, protocol=cohort)
    factories.grant(seeing, {"ParticipantPhi": ["Read"], "Visit": ["Read"]}, protocol=cohort)
    visit = Visit.objects.get().pk

    client = browser(blind)
    rows = text(client, "participant_registration_changelist")
    assert "LC-0042" in rows and "Moreau" not in rows and "###" in rows
    assert "LC-0042" not in text(client, "participant_registration_changelist", query="?q=moreau")
    assert "Moreau" not in text(client, "participant_registration_change", ida.pk)
    assert "S-77" not in text(client, "visit_visit_change", visit)
    page = client.get(reverse("admin:participant_participant_change", args=[ida.participant_id]))
    assert page.status_code in (302, 403)

    client = browser(seeing)
    assert "Ida Moreau" in text(client, "participant_registration_changelist")
    assert "Moreau" in text(client, "participant_participant_change", ida.participant_id)
    assert "S-77" in text(client, "visit_visit_change", visit)


def test_records_of_other_protocols_are_out_of_sight(ida: Registration) -> None:
    stranger = factories.user()
    factories.grant(stranger, {"ParticipantPhi": ["Read"], "Visit": ["Read"]}, protocol=studies.protocol())
    client = browser(stranger)
    assert "LC-0042" not in text(client, "participant_registration_changelist")
    assert "Moreau" not in text(client, "participant_participant_changelist")
    visit = studies.visit(ida, "V-1")
    assert "V-1" not in text(client, "visit_visit_changelist")
    assert client.get(reverse("admin:visit_visit_change", args=[visit.pk])).status_code in (302, 404)
