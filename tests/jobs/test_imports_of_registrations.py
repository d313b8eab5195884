"""Registrations created, changed and deleted by files (spec 04 §3.4, §5.9)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from importjobs import tasks
from importjobs.models import Failure
from sessions_auth.tokens import issue
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api
from tests.exports.exporting import rows, text
from tests.jobs.importing import imported, outcomes, report, start

pytestmark = pytest.mark.django_db

V7 = """Identifier, CP Short Title, PPID, Registration Date, Registration Site, External Subject ID, Activity Status, \
Reason, First Name, Last Name, Middle Name, Email Address, Date Of Birth, Death Date, Gender, Race#1, Race#2, \
Vital Status, Ethnicity#1, Ethnicity#2, National ID, eMPI, PMI#1#Site Name, PMI#1#MRN, PMI#2#Site Name, PMI#2#MRN"""
LATER = {"Data Entry Status", "Receive Emails", "Phone Number", "Receive SMSes", "SMS Consent"}


@pytest.fixture
def lung(db: None) -> CollectionProtocol:
    return studies.protocol("LUNG")


def run(api: Api, content: str, **options: Any) -> list[str]:
    """The message of each row, blank where it went well."""
    job = imported(api, content, "cpr", **{"dateFormat": "yyyy-MM-dd", **options})
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


def codes(job_id: int) -> list[str]:
    return list(Failure.objects.filter(job_id=job_id).order_by("row").values_list("code", flat=True))


def histories() -> tuple[int, ...]:
    kinds: tuple[Any, ...] = (Registration, Participant, MedicalRecord)
    return tuple(
        kind._meta.get_field("history_rows").related_model._default_manager.count() for kind in kinds
    )


def test_the_template_holds_every_caption_of_version_seven_in_its_order(api: Api) -> None:
    header = api.get("/import-jobs/input-file-template?schema=cpr").body.decode()
    found = [caption.strip('"\n') for caption in header.split(",")]
    assert [caption for caption in found if caption not in LATER] == V7.split(", ")
    assert set(found) >= LATER
    assert found[found.index("Activity Status") + 1] == "Data Entry Status"


def test_an_update_changes_only_what_a_row_names(api: Api, lung: CollectionProtocol) -> None:
    site = factories.site()
    made = run(
        api,
        "CP Short Title,PPID,Registration Date,External Subject ID,First Name,Race#1,Race#2,PMI#1#Site Name,"
        "PMI#1#MRN,SSN,Ethnicity\n"
        f"LUNG,P1,2024-03-11,E1,Ida,White,Asian,{site.name},88,U-1,Unknown\n",
    )
    assert made == [""]
    row = Registration.objects.select_related("participant").get()
    content = (
        "CP Short Title,PPID,External Subject ID,Last Name,Race#1,First Name,Registration Date,Reason\n"
        "lung,P1,,Moreau,Asian,##set_to_blank##,,because\n"
    )
    assert run(api, content, importType="UPDATE") == [""]
    row = Registration.objects.select_related("participant").get()
    person = row.participant
    assert (row.external_subject_id, str(row.registration_date)) == ("E1", "2024-03-11")
    assert (person.first_name, person.last_name, person.races, person.uid) == (
        None,
        "Moreau",
        ["Asian"],
        "U-1",
    )
    assert person.ethnicities == ["Unknown"]
    assert [record.mrn for record in person.medical_records.all()] == ["88"]
    changes: Any = person.history  # type: ignore[attr-defined]
    assert changes.order_by("-pgh_id")[0].pgh_context.metadata["reason"] == "because"


def test_record_numbers_and_lists_are_replaced(api: Api, lung: CollectionProtocol) -> None:
    first, second = factories.site(), factories.site()
    row = studies.registration(lung, "P1")
    row.participant.medical_records.create(site=first, mrn="1")
    header = "Identifier,PMI#1#Site Name,PMI#1#MRN,Race#1"
    content = f"{header}\n{row.pk},{second.name},2,##set_to_blank##\n"
    assert run(api, content, importType="UPDATE") == [""]
    assert list(row.participant.medical_records.values_list("site", "mrn")) == [(second.pk, "2")]


def test_rows_that_change_nothing_leave_no_history(api: Api, lung: CollectionProtocol) -> None:
    site = factories.site()
    content = (
        "CP Short Title,PPID,Registration Date,Registration Site,First Name,Date Of Birth,Race#1,"
        "PMI#1#Site Name,PMI#1#MRN\n"
        f"LUNG,P1,2024-03-11,{site.name},Ida,1961-07-30,White,{site.name},88\n"
    )
    assert run(api, content) == [""]
    before = histories()
    assert run(api, content, importType="UPDATE") == [""]
    assert run(api, content, importType="UPSERT") == [""]
    assert histories() == before


def test_one_file_creates_and_updates(api: Api, lung: CollectionProtocol) -> None:
    known = studies.registration(lung, "P1")
    content = (
        "Identifier,CP Short Title,PPID,Registration Date,Last Name\n"
        f"{known.pk},,,,Able\n,LUNG,P2,2024-03-12,Baker\n,LUNG,P2,,Cole\n,LUNG,P3,,Dane\n"
    )
    job = imported(api, content, "cpr", importType="UPSERT", dateFormat="yyyy-MM-dd")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "SUCCESS", "FAIL"]
    assert codes(job["id"]) == ["CPR_REG_DATE_REQUIRED"]
    rows = Registration.objects.order_by("ppid").values_list("ppid", "participant__last_name")
    assert list(rows) == [("P1", "Able"), ("P2", "Cole")]


def test_an_update_that_finds_nothing_says_so(api: Api, lung: CollectionProtocol) -> None:
    hidden = studies.registration(studies.protocol("FOREIGN", at=[factories.site(of=factories.institute())]))
    content = (
        "Identifier,CP Short Title,PPID,Last Name\n"
        f"999999,,,A\n,LUNG,P1,B\n,LUNG,,C\n,,P1,D\n{hidden.pk},,,E\n,FOREIGN,{hidden.ppid},F\n"
    )
    job = imported(api, content, "cpr", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["FAIL"] * 4 + ["SUCCESS"] * 2
    expected = ["CPR_M_NOT_FOUND", "CPR_M_NOT_FOUND", "CPR_PPID_REQUIRED", "CPR_CP_REQUIRED"]
    assert codes(job["id"]) == expected
    user = factories.user()
    factories.grant(user, {"ParticipantPhi": ["Create", "Read", "Update", "Export Import"]})
    job = imported(Api(issue(user)), content, "cpr", importType="UPDATE")
    assert codes(job["id"]) == [*expected, "CPR_M_NOT_FOUND", "CPR_M_NOT_FOUND"]


def test_closed_closes_and_disabled_takes_visits_and_specimens_along(
    api: Api, lung: CollectionProtocol
) -> None:
    kept, gone = studies.registration(lung, "P1"), studies.registration(lung, "P2")
    visit = studies.visit(gone)
    Specimen.objects.create(visit=visit, protocol=lung, label="S1", status="Collected")
    content = "CP Short Title,PPID,Activity Status,Reason\nLUNG,P1,Closed,\nLUNG,P2,Disabled,moved away\n"
    assert run(api, content, importType="UPDATE") == ["", ""]
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert (kept.activity_status, gone.activity_status) == ("Closed", "Disabled")
    assert gone.ppid.startswith("P2_")
    assert Visit.objects.get().activity_status == Specimen.objects.get().activity_status == "Disabled"
    changes: Any = gone.history  # type: ignore[attr-defined]
    assert changes.order_by("-pgh_id")[0].pgh_context.metadata["reason"] == "moved away"


def test_deleting_by_file_needs_the_right_to_delete_and_to_import(lung: CollectionProtocol) -> None:
    row = studies.registration(lung, "P1")
    user = factories.user(of=lung.protocol_sites.get().site.institute)
    rights = {"ParticipantPhi": ["Create", "Read", "Update", "Export Import"]}
    factories.grant(user, rights)
    content = "CP Short Title,PPID,Activity Status\nLUNG,P1,Disabled\n"
    job = imported(Api(issue(user)), content, "cpr", importType="UPDATE")
    assert codes(job["id"]) == ["RBAC_ACCESS_DENIED"]
    factories.grant(user, {"ParticipantPhi": ["Delete"]})
    job = imported(Api(issue(user)), content, "cpr", importType="UPDATE")
    assert outcomes(Api(issue(user)), job["id"]) == ["SUCCESS"]
    row.refresh_from_db()
    assert row.activity_status == "Disabled"


@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "by PPID"])
def test_a_file_ten_times_as_long_costs_no_more_queries(
    api: Api, lung: CollectionProtocol, by_id: bool
) -> None:
    site = factories.site()
    people = Participant.objects.bulk_create([Participant() for _ in range(220)])
    rows = Registration.objects.bulk_create(
        [
            Registration(protocol=lung, participant=person, ppid=f"P{n}", registration_date="2024-03-11")
            for n, person in enumerate(people)
        ]
    )

    def queries(some: list[Registration], text: str) -> int:
        lines = [
            f"{row.pk if by_id else ''},LUNG,{row.ppid},{text},{text}{row.pk},{site.name},{text}{row.pk},Asian"
            for row in some
        ]
        header = (
            "Identifier,CP Short Title,PPID,External Subject ID,Last Name,PMI#1#Site Name,PMI#1#MRN,Race#1"
        )
        job = start(api, "\n".join([header, *lines]) + "\n", "cpr", importType="UPDATE")
        with CaptureQueriesContext(connection) as asked:
            tasks.run(job)
        assert set(outcomes(api, job)) == {"SUCCESS"}
        return len(asked)

    queries(rows[:1], "z")
    assert queries(rows[1:20], "a") == queries(rows[20:], "b")


# --- Exports ----------------------------------------------------------------------------------------


@pytest.fixture
def moreau(api: Api, lung: CollectionProtocol) -> Registration:
    """Somebody of whom everything is known."""
    site = factories.site().name
    content = (
        f"{V7.replace(', ', ',').replace('Identifier,', '')},Phone Number,Receive Emails,SMS Consent\n"
        f"LUNG,P1,2024-03-11,{site},E1,,,Ida,Moreau,M,ida@example.org,1961-07-30,2020-01-31,Female,White,Asian,Dead,"
        f"Not Hispanic or Latino,Unknown,U-1,M-1,{site},88,{factories.site().name},,+4312345,yes,no\n"
    )
    assert run(api, content) == [""]
    return Registration.objects.select_related("participant").get()


def test_an_export_imported_again_changes_nothing(api: Api, moreau: Registration) -> None:
    studies.registration(studies.protocol("HEART"), "P2")
    content = text(api, "cpr")
    assert "Moreau" in content
    before = histories()
    assert run(api, content, importType="UPDATE", dateFormat="MM-dd-yyyy") == ["", ""]
    assert run(api, content, importType="UPSERT", dateFormat="MM-dd-yyyy") == ["", ""]
    assert histories() == before


def test_an_export_makes_the_same_records_elsewhere(api: Api, moreau: Registration) -> None:
    content = text(api, "cpr")
    moreau.delete()
    moreau.participant.delete()
    assert run(api, content, dateFormat="MM-dd-yyyy") == [""]
    again = text(api, "cpr")
    assert [line.split(",", 1)[1] for line in again.splitlines()] == [
        line.split(",", 1)[1] for line in content.splitlines()
    ]


def test_an_export_holds_what_was_asked_for(api: Api, moreau: Registration, lung: CollectionProtocol) -> None:
    second = studies.registration(lung, "P2")
    other = studies.registration(studies.protocol("HEART"), "P1")
    studies.registration(lung, "P3", activity_status="Disabled")

    def found(**params: str) -> list[int]:
        return [int(row["Identifier"]) for row in rows(text(api, "cpr", params=params))]

    assert found() == [moreau.pk, second.pk, other.pk]
    assert found(cpId=str(lung.pk)) == [moreau.pk, second.pk]
    assert found(cpId="-1", ppids="P1, P9") == [moreau.pk, other.pk]


def test_an_export_leaves_out_what_its_reader_may_not_see(
    moreau: Registration, lung: CollectionProtocol
) -> None:
    user = factories.user(of=lung.protocol_sites.get().site.institute)
    factories.grant(user, {"ParticipantDeid": ["Read"], "ParticipantPhi": ["Read"]})
    assert rows(text(Api(issue(user)), "cpr")) == []
    factories.grant(user, {"ParticipantDeid": ["Export Import"]})
    (row,) = rows(text(Api(issue(user)), "cpr"))
    told = {caption for caption, cell in row.items() if cell}
    assert told == {
        "Identifier", "CP Short Title", "PPID", "Registration Date", "Registration Site", "External Subject ID",
        "Activity Status", "Data Entry Status", "Receive Emails", "Receive SMSes", "SMS Consent", "Gender", "Race#1",
        "Race#2", "Vital Status", "Ethnicity#1", "Ethnicity#2",
    }  # fmt: skip
    factories.grant(user, {"ParticipantPhi": ["Export Import"]})
    (row,) = rows(text(Api(issue(user)), "cpr"))
    assert (row["Last Name"], row["PMI#1#MRN"]) == ("Moreau", "88")
