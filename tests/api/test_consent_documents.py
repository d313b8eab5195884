"""Signed consent documents (spec 03 §1.9, §1.10)."""

from collections.abc import Callable
from typing import Any

import pytest

from biobank.files.stored import place
from sessions_auth.models import User
from specimens.participant.models import Participant, Registration
from specimens.participant.reads.consents import AREA
from specimens.protocol.models import CollectionProtocol
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
CONTENT = b"%PDF-1.7 signed \xff"


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC")


@pytest.fixture
def ida(cohort: CollectionProtocol) -> Registration:
    return studies.registration(cohort, "P-1")


def path(of: Registration, call: str = "consent-form") -> str:
    return f"/collection-protocol-registrations/{of.pk}/{call}"


def upload(api: Api, of: Registration, name: str = "signed form.pdf") -> Any:
    return api.upload(path(of), name, CONTENT)


def test_a_document_is_kept_and_comes_back_under_its_name(
    api: Api, ida: Registration, django_capture_on_commit_callbacks: Any
) -> None:
    answer = upload(api, ida)
    assert (answer.status, answer.json) == (200, "signed form.pdf")
    assert api.get(path(ida, "consents")).json["consentDocumentName"] == "signed form.pdf"
    file = api.get(path(ida))
    assert (file.body, file.headers["Content-Type"]) == (CONTENT, "application/pdf")
    assert file.headers["Content-Disposition"] == 'attachment;filename="signed form.pdf"'
    first = place(AREA, Registration.objects.get(pk=ida.pk).consent_document or "")
    with django_capture_on_commit_callbacks(execute=True):
        assert upload(api, ida, "ß" * 300).json == "ß" * 200
    assert not first.exists()


def test_a_deleted_document_is_gone(
    api: Api, ida: Registration, statuses: Statuses, django_capture_on_commit_callbacks: Any
) -> None:
    upload(api, ida)
    file = place(AREA, Registration.objects.get(pk=ida.pk).consent_document or "")
    with django_capture_on_commit_callbacks(execute=True):
        answer = api.delete(path(ida))
    assert (answer.status, answer.json, file.exists()) == (200, True, False)
    for missing in (api.get(path(ida)), api.delete(path(ida))):
        assert (missing.status, missing.codes) == (statuses.not_found, ["CPR_CONSENT_FORM_NOT_FOUND"])
    assert api.get(path(ida, "consents")).json["consentDocumentName"] is None
    unknown = api.get("/collection-protocol-registrations/999999/consent-form")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CPR_M_NOT_FOUND"])


def test_a_document_that_vanished_from_disk_is_not_found(api: Api, ida: Registration) -> None:
    upload(api, ida)
    place(AREA, Registration.objects.get(pk=ida.pk).consent_document or "").unlink()
    assert api.get(path(ida)).codes == ["CPR_CONSENT_FORM_NOT_FOUND"]


def test_protocols_without_consents_of_their_own_keep_no_documents(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    CollectionProtocol.objects.filter(pk=cohort.pk).update(consents_waived=True)
    assert upload(api, ida).codes == ["CP_CONSENTS_WAIVED"]
    source = studies.protocol("SOURCE")
    CollectionProtocol.objects.filter(pk=cohort.pk).update(consents_waived=False, consents_source=source)
    assert upload(api, ida).codes == api.delete(path(ida)).codes == ["CP_CONSENTS_SOURCED"]


def test_consents_taken_from_another_protocol_are_read_there_with_their_document(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    source = studies.protocol("SOURCE")
    CollectionProtocol.objects.filter(pk=cohort.pk).update(consents_source=source)
    assert api.get(path(ida, "consents")).json["consentSignatureDate"] is None
    there = Registration.objects.create(
        protocol=source, participant=ida.participant, ppid="S-1", registration_date="2024-01-01"
    )
    upload(api, there, "there.pdf")
    api.put(path(there, "consents"), {"consentSignatureDate": "2024-01-02", "comments": "by phone"})
    shown = api.get(path(ida, "consents")).json
    assert (shown["ppid"], shown["consentSignatureDate"]) == ("P-1", 1704153600000)
    assert (shown["comments"], shown["consentDocumentName"]) == ("by phone", "there.pdf")
    assert api.get(path(ida)).body == CONTENT


def test_the_name_of_a_document_follows_the_document_alone(api: Api, ida: Registration) -> None:
    upload(api, ida)
    api.put(path(ida, "consents"), {"consentDocumentName": "../../etc/passwd"})
    assert api.get(path(ida, "consents")).json["consentDocumentName"] == "signed form.pdf"


@pytest.mark.parametrize(
    ("operations", "allowed"),
    [
        ([], set()),
        (["Read"], {"get"}),
        (["Create"], {"post"}),
        (["Update"], {"post"}),
        (["Delete"], {"delete"}),
    ],
)
def test_documents_take_rights_on_consents(
    api: Api, ida: Registration, as_user: Callable[[User], Api], operations: list[str], allowed: set[str]
) -> None:
    upload(api, ida)
    somebody = factories.user()
    factories.grant(somebody, {"Consent": operations, "ParticipantPhi": ["Read", "Update", "Delete"]})
    theirs = as_user(somebody)
    answers = {"get": theirs.get(path(ida)), "post": upload(theirs, ida), "delete": theirs.delete(path(ida))}
    assert {name for name, answer in answers.items() if answer.status == 200} == allowed
    assert all(a.codes == ["RBAC_ACCESS_DENIED"] for name, a in answers.items() if name not in allowed)


def test_anonymizing_takes_documents_and_earlier_values_away(
    api: Api, cohort: CollectionProtocol, django_capture_on_commit_callbacks: Any
) -> None:
    factories.site("North Hospital")
    person = {"firstName": "Ida", "empi": "E-1", "pmis": [{"siteName": "North Hospital", "mrn": "88-1"}]}
    body = studies.registration_body(cohort, participant=person)
    row = Registration.objects.get(pk=api.post("/collection-protocol-registrations", body).json["id"])
    studies.visit(row, surgical_pathology_number="S-1")
    upload(api, row, "moreau.pdf")
    file = place(AREA, Registration.objects.get(pk=row.pk).consent_document or "")

    with django_capture_on_commit_callbacks(execute=True):
        assert api.put(path(row, "anonymize")).status == 201

    assert not file.exists()
    assert api.get(path(row, "consents")).json["consentDocumentName"] is None
    who: Any = Participant.objects.get(pk=row.participant_id)
    record: Any = who.medical_records.get()
    visit: Any = row.visits.get()
    cpr: Any = row
    past = [
        *who.history.values_list("first_name", "empi"),
        *record.history.values_list("mrn"),
        *visit.history.values_list("surgical_pathology_number"),
        *cpr.history.values_list("consent_document_name", "consent_document"),
    ]
    assert len(past) >= 6 and {value for values in past for value in values} == {None}
    assert who.history.order_by("-pgh_id")[0].pgh_context.metadata["reason"] == "anonymized"
