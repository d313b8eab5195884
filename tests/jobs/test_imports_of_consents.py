"""Consents laid over what is known by files (spec 04 §3.2, §5.11)."""

from typing import Any

import pytest

from importjobs.models import Failure
from sessions_auth.tokens import issue
from specimens.participant.models import ConsentResponse, Registration
from specimens.protocol.models import ConsentStatement, ConsentTier
from tests import factories, studies
from tests.client import Api
from tests.exports.exporting import rows, text
from tests.jobs.headers import template
from tests.jobs.importing import imported, report
from tests.jobs.test_archives import zipped

pytestmark = pytest.mark.django_db

V7 = """CP Short Title, PPID, Consent Date, Consent Comments, Consent Statement, Consent Statement Code, \
Consent Response, Signed Consent Form, Consent Witness#Email Address"""


@pytest.fixture
def ida(db: None) -> Registration:
    protocol = studies.protocol("LUNG")
    for code in ("C1", "C2", "C3"):
        statement = ConsentStatement.objects.create(code=code, statement=f"Statement {code}")
        ConsentTier.objects.create(protocol=protocol, statement=statement)
    return studies.registration(protocol, "P1")


def run(api: Api, content: str | bytes, **options: Any) -> list[str]:
    """The code of each row, blank where it went well."""
    job = imported(api, content, "consent", **{"dateFormat": "yyyy-MM-dd", **options})
    found = dict(Failure.objects.filter(job_id=job["id"]).values_list("row", "code"))
    return [found.get(number, "") for number, _ in enumerate(report(api, job["id"]), 1)]


def answers() -> dict[str, str]:
    rows = ConsentResponse.objects.order_by("tier__statement__code")
    return dict(rows.values_list("tier__statement__code", "response"))


def test_the_template_is_that_of_version_seven(api: Api) -> None:
    assert template(api, "consent") == V7.split(", ")


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "UPSERT"])
def test_responses_are_laid_over_those_there_are_whatever_the_operation(
    api: Api, ida: Registration, operation: str
) -> None:
    tier = ConsentTier.objects.get(statement__code="C1")
    ConsentResponse.objects.create(registration=ida, tier=tier, response="No")
    content = (
        "CP Short Title,PPID,Consent Date,Consent Comments,Consent Statement,Consent Statement Code,Consent Response,"
        "Consent Witness#Email Address\n"
        "lung,P1,2024-03-11,as told,,c1,Yes,admin@localhost\nLUNG,P1,,,Statement C2,,No,\nLUNG,P1,,,Statement C3,,,\n"
    )
    assert run(api, content, importType=operation) == ["", "", ""]
    assert answers() == {"C1": "Yes", "C2": "No"}
    ida.refresh_from_db()
    assert (str(ida.consent_signature_date), ida.consent_comments) == ("2024-03-11", "as told")
    assert ida.consent_witness is not None
    content = "CP Short Title,PPID,Consent Comments,Consent Statement Code,Consent Response\n"
    marker = "##set_to_blank##"
    assert run(api, f"{content}LUNG,P1,{marker},C2,{marker}\nLUNG,P1,,C1,No\nLUNG,P1,,C1,Yes\n") == [""] * 3
    ida.refresh_from_db()
    assert (answers(), ida.consent_comments) == ({"C1": "Yes"}, None)


def test_the_same_again_leaves_no_history(api: Api, ida: Registration) -> None:
    content = "CP Short Title,PPID,Consent Date,Consent Statement Code,Consent Response\nLUNG,P1,2024-03-11,C1,Yes\n"
    run(api, content)
    kinds: tuple[Any, ...] = (Registration, ConsentResponse)
    tables = [kind._meta.get_field("history_rows").related_model._default_manager for kind in kinds]
    before = [table.count() for table in tables]
    assert run(api, content) == [""]
    assert [table.count() for table in tables] == before


def test_what_is_wrong_with_a_row_is_said(api: Api, ida: Registration) -> None:
    header = "CP Short Title,PPID,Consent Statement Code,Consent Response,Consent Witness#Email Address"
    sourced = studies.registration(studies.protocol("DEPENDENT", consents_source=ida.protocol), "P1")
    rows = {
        ",P1,C1,Yes,": "CPR_CP_REQUIRED",
        "NONE,P1,C1,Yes,": "CP_NOT_FOUND",
        "LUNG,,C1,Yes,": "CPR_PPID_REQUIRED",
        "LUNG,P9,C1,Yes,": "CPR_M_NOT_FOUND",
        "LUNG,P1,C9,Yes,": "CPR_INVALID_CONSENT_STATEMENT",
        "LUNG,P1,C1,Perhaps,": "CPR_INVALID_CONSENT_RESPONSE",
        "LUNG,P1,,Yes,": "CONSENT_STATEMENTCODE_REQUIRED",
        "LUNG,P1,C1,Yes,nobody@example.org": "CPR_CONSENT_WITNESS_NOT_FOUND",
        f"DEPENDENT,{sourced.ppid},C1,Yes,": "CP_CONSENTS_SOURCED",
        "LUNG,P1,C2,Yes,": "",
    }
    assert run(api, "\n".join([header, *rows]) + "\n") == list(rows.values())
    assert answers() == {"C2": "Yes"}


def test_the_right_to_consents_and_to_imports_is_needed(ida: Registration) -> None:
    user = factories.user(of=ida.protocol.protocol_sites.get().site.institute)
    factories.grant(user, {"Consent": ["Read", "Create", "Update"], "Visit": ["Export Import"]})
    content = "CP Short Title,PPID,Consent Statement Code,Consent Response\nLUNG,P1,C1,Yes\nLUNG,P9,C1,Yes\n"
    assert run(Api(issue(user)), content) == ["RBAC_ACCESS_DENIED"] * 2
    factories.grant(user, {"Consent": ["Export Import"]})
    assert run(Api(issue(user)), content) == ["", "CPR_M_NOT_FOUND"]


def test_rows_of_one_registration_belong_together(api: Api, ida: Registration) -> None:
    studies.registration(ida.protocol, "P2")
    content = (
        "CP Short Title,PPID,Consent Date,Consent Statement Code,Consent Response\n"
        "LUNG,P1,2024-03-11,C1,Yes\nLUNG,P2,,C1,Yes\nLUNG,P1,,C2,No\nLUNG,P2,,C9,Yes\n"
    )
    job = imported(api, content, "consent", dateFormat="yyyy-MM-dd", csvType="MULTIPLE_ROWS_PER_OBJ")
    assert (job["totalRecords"], job["failedRecords"]) == (2, 1)
    assert answers() == {"C1": "Yes", "C2": "No"}  # the one wrong statement of P2 costs all of its rows
    ida.refresh_from_db()
    assert str(ida.consent_signature_date) == "2024-03-11"


def test_signed_forms_come_along(api: Api, ida: Registration) -> None:
    other = studies.registration(ida.protocol, "P2")
    waived = studies.registration(studies.protocol("WAIVED", consents_waived=True), "P1")
    content = (
        "CP Short Title,PPID,Consent Comments,Signed Consent Form\n"
        "LUNG,P1,x,form.pdf\nLUNG,P2,x,missing.pdf\nWAIVED,P1,x,form.pdf\n"
    )
    archive = zipped({"rows.csv": content.encode(), "files/form.pdf": b"%PDF"})
    expected = ["", "CPR_CONSENT_FORM_NOT_FOUND", "CP_CONSENTS_WAIVED"]
    assert run(api, archive) == expected
    form = api.get(f"/collection-protocol-registrations/{ida.pk}/consent-form")
    assert (form.body, form.headers["Content-Disposition"]) == (b"%PDF", 'attachment;filename="form.pdf"')
    for row in (other, waived):
        row.refresh_from_db()
        assert (row.consent_comments, row.consent_document) == (None, None)
    changes: Any = ida.history  # type: ignore[attr-defined]
    before = changes.count()
    assert run(api, archive, importType="UPDATE") == expected
    assert changes.count() == before  # the same form again


# --- Exports ----------------------------------------------------------------------------------------


def test_an_export_has_a_line_for_each_statement_and_changes_nothing_when_imported(
    api: Api, ida: Registration
) -> None:
    content = (
        "CP Short Title,PPID,Consent Date,Consent Statement Code,Consent Response,Consent Witness#Email Address\n"
        "LUNG,P1,2024-03-11,C2,Yes,admin@localhost\n"
    )
    assert run(api, content) == [""]
    without = studies.registration(studies.protocol("NONE"), "P1", consent_comments="by phone")
    studies.registration(without.protocol, "P2")
    sourced = studies.protocol("DEPENDENT", consents_source=ida.protocol)
    studies.registration(sourced, "P1")
    lines = rows(text(api, "consent"))
    captions = ("CP Short Title", "PPID", "Consent Statement Code", "Consent Response")
    assert [tuple(line[caption] for caption in captions) for line in lines] == [
        ("LUNG", "P1", "C1", ""),
        ("LUNG", "P1", "C2", "Yes"),
        ("LUNG", "P1", "C3", ""),
        ("NONE", "P1", "", ""),
    ]
    assert (lines[1]["Consent Statement"], lines[3]["Consent Comments"]) == ("Statement C2", "by phone")
    assert len(rows(text(api, "consent", params={"cpId": str(ida.protocol_id), "ppids": "P1"}))) == 3
    kinds: tuple[Any, ...] = (Registration, ConsentResponse)
    tables = [kind._meta.get_field("history_rows").related_model._default_manager for kind in kinds]
    before = [table.count() for table in tables]
    again = text(api, "consent")
    assert run(api, again, dateFormat="MM-dd-yyyy", importType="UPDATE") == [""] * 4
    assert [table.count() for table in tables] == before
    ConsentResponse.objects.all().delete()
    Registration.objects.update(consent_signature_date=None, consent_witness=None, consent_comments=None)
    assert run(api, again, dateFormat="MM-dd-yyyy") == [""] * 4
    assert text(api, "consent") == again


def test_consents_are_exported_with_the_right_to_do_so(ida: Registration) -> None:
    user = factories.user(of=ida.protocol.protocol_sites.get().site.institute)
    factories.grant(user, {"Consent": ["Read"], "ParticipantPhi": ["Read", "Export Import"]})
    assert rows(text(Api(issue(user)), "consent")) == []
    factories.grant(user, {"Consent": ["Export Import"]})
    assert len(rows(text(Api(issue(user)), "consent"))) == 3
