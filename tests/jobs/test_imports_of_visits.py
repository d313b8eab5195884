"""Visits created, changed and deleted by files (spec 04 §3.4, §5.12)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from importjobs import tasks
from importjobs.models import Failure
from sessions_auth.models import User
from sessions_auth.tokens import issue
from specimens.participant.models import Registration
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api
from tests.exports.exporting import rows, text
from tests.jobs.importing import imported, outcomes, report, start
from tests.jobs.test_archives import zipped

pytestmark = pytest.mark.django_db

V7 = """Identifier, CP Short Title, PPID, Event Label, Name, Visit Date, Visit Site, Visit Status, \
Clinical Diagnosis#1, Clinical Diagnosis#2, Clinical Status, Cohort, Path. Number, Path Report Name, \
Missed/Not Collected Reason, Comments, Activity Status, Reason, Missed/Not Collected By#Email Address"""


@pytest.fixture
def ida(db: None) -> Registration:
    protocol = studies.protocol("LUNG")
    studies.event(protocol, "Baseline")
    return studies.registration(protocol, "P1")


def run(api: Api, content: str, **options: Any) -> list[str]:
    """The message of each row, blank where it went well."""
    options = {"dateFormat": "yyyy-MM-dd", "timeZone": "UTC", **options}
    job = imported(api, content, "visit", **options)
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


def codes(job_id: int) -> list[str]:
    return list(Failure.objects.filter(job_id=job_id).order_by("row").values_list("code", flat=True))


def histories() -> int:
    rows: Any = Visit._meta.get_field("history_rows").related_model
    return int(rows._default_manager.count())


def test_the_template_is_that_of_version_seven(api: Api) -> None:
    header = api.get("/import-jobs/input-file-template?schema=visit").body.decode()
    assert [caption.strip('"\n') for caption in header.split(",")] == V7.split(", ")


def test_dates_come_with_or_without_the_time(api: Api, ida: Registration) -> None:
    header = "CP Short Title,PPID,Name,Visit Date,Clinical Diagnosis"
    content = f"{header}\nLUNG,P1,A,2024-03-12,\nLUNG,P1,B,2024-03-12 09:15,\n"
    assert run(api, content, timeZone="Europe/Vienna") == ["", ""]
    assert list(Visit.objects.order_by("name").values_list("visit_date", flat=True)) == [
        datetime(2024, 3, 11, 23, tzinfo=UTC),
        datetime(2024, 3, 12, 8, 15, tzinfo=UTC),
    ]


def test_an_update_changes_only_what_a_row_names(api: Api, ida: Registration) -> None:
    event = ida.protocol.events.get()
    when = datetime(2024, 3, 12, 9, 15, 33, tzinfo=UTC)
    visit = studies.visit(
        ida, "V1", event=event, visit_date=when, comments="old", cohort=None, surgical_pathology_number="S-1"
    )
    later = studies.visit(ida, "V2", site=factories.site(), visit_date=datetime(2025, 1, 1, tzinfo=UTC))
    content = "Name,Comments,Path. Number,Visit Date,Reason\nV1,new,##set_to_blank##,2024-03-12 09:15,typo\n"
    assert run(api, content, importType="UPDATE") == [""]
    visit.refresh_from_db()
    assert (visit.comments, visit.surgical_pathology_number, visit.event_id) == ("new", None, event.pk)
    assert (visit.visit_date, visit.site_id) == (when, None)
    changes: Any = visit.history  # type: ignore[attr-defined]
    assert changes.order_by("-pgh_id")[0].pgh_context.metadata["reason"] == "typo"
    content = "Identifier,Visit Status,Missed/Not Collected By#Email Address,Name\n"
    assert run(api, f"{content}{later.pk},Missed Collection,admin@localhost,V3\n", importType="UPDATE") == [
        ""
    ]
    later.refresh_from_db()
    assert (later.status, later.name, later.missed_by_id is not None) == ("Missed Collection", "V3", True)


def test_rows_that_change_nothing_leave_no_history(api: Api, ida: Registration) -> None:
    site = factories.site()
    content = (
        "CP Short Title,PPID,Event Label,Name,Visit Date,Visit Site,Visit Status,Comments\n"
        f"LUNG,P1,Baseline,V1,2024-03-12,{site.name},Complete,x\nLUNG,P1,,V2,2024-03-13,,,\n"
    )
    assert run(api, content) == ["", ""]
    before = histories()
    assert run(api, content, importType="UPDATE") == ["", ""]
    assert run(api, content, importType="UPSERT") == ["", ""]
    assert histories() == before


def test_one_file_creates_and_updates(api: Api, ida: Registration) -> None:
    known = studies.visit(ida, "V1")
    content = (
        "Identifier,CP Short Title,PPID,Name,Comments,Visit Status\n"
        f"{known.pk},,,,a,\n,LUNG,P1,V2,b,\n,,,V2,c,\n,LUNG,P9,V3,d,\n,LUNG,P1,,e,Pending\n"
    )
    job = imported(api, content, "visit", importType="UPSERT")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "SUCCESS", "FAIL", "SUCCESS"]
    assert codes(job["id"]) == ["CPR_M_NOT_FOUND"]
    assert list(Visit.objects.order_by("comments").values_list("comments", flat=True)) == ["a", "c", "e"]


def test_an_update_that_finds_nothing_says_so(api: Api, ida: Registration) -> None:
    hidden = studies.visit(studies.registration(studies.protocol("FOREIGN")))
    content = f"Identifier,Name,Comments\n999999,,A\n,V1,B\n,,C\n{hidden.pk},,D\n,{hidden.name},E\n"
    job = imported(api, content, "visit", importType="UPDATE")
    expected = ["VISIT_NOT_FOUND", "VISIT_NOT_FOUND", "VISIT_NAME_REQUIRED"]
    assert codes(job["id"]) == expected
    user = factories.user()
    factories.grant(user, {"Visit": ["Read", "Update", "Export Import"]}, protocol=ida.protocol)
    job = imported(Api(issue(user)), content, "visit", importType="UPDATE")
    assert codes(job["id"]) == [*expected, "VISIT_NOT_FOUND", "VISIT_NOT_FOUND"]


def test_closed_closes_and_disabled_takes_specimens_along(api: Api, ida: Registration) -> None:
    kept, gone = studies.visit(ida, "V1"), studies.visit(ida, "V2")
    Specimen.objects.create(visit=gone, protocol=ida.protocol, label="S1", status="Collected")
    content = "Name,Activity Status\nV1,Closed\nV2,Disabled\n"
    assert run(api, content, importType="UPDATE") == ["", ""]
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert (kept.activity_status, gone.activity_status) == ("Closed", "Disabled")
    assert Specimen.objects.get().activity_status == "Disabled"


@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "by name"])
def test_a_file_ten_times_as_long_costs_no_more_queries(api: Api, ida: Registration, by_id: bool) -> None:
    site = factories.site()
    rows = Visit.objects.bulk_create(
        [Visit(registration=ida, protocol=ida.protocol, name=f"V{n}") for n in range(220)]
    )

    def queries(some: list[Visit], text: str) -> int:
        lines = [
            f"{row.pk if by_id else ''},LUNG,P1,Baseline,{row.name},{text},{site.name},{text}" for row in some
        ]
        header = "Identifier,CP Short Title,PPID,Event Label,Name,Comments,Visit Site,Path. Number"
        job = start(api, "\n".join([header, *lines]) + "\n", "visit", importType="UPDATE")
        with CaptureQueriesContext(connection) as asked:
            tasks.run(job)
        assert set(outcomes(api, job)) == {"SUCCESS"}
        return len(asked)

    queries(rows[:1], "z")
    assert queries(rows[1:21], "a") == queries(rows[21:], "b")


def test_a_report_needs_a_complete_visit_and_its_own_right(ida: Registration) -> None:
    user = factories.user(of=ida.protocol.protocol_sites.get().site.institute)
    factories.grant(user, {"Visit": ["Read", "Create", "Update", "Export Import"]})
    content = (
        "CP Short Title,PPID,Name,Visit Status,Path Report Name\n"
        "LUNG,P1,A,Complete,r.txt\nLUNG,P1,B,Pending,r.txt\nLUNG,P1,C,,\n"
    )
    archive = zipped({"rows.csv": content.encode(), "files/r.txt": "größer".encode("cp1252")})
    job = imported(Api(issue(user)), archive, "visit", importType="UPSERT")
    assert codes(job["id"]) == ["RBAC_ACCESS_DENIED", "RBAC_ACCESS_DENIED"]
    factories.grant(user, {"SurgicalPathologyReport": ["Read", "Create", "Export Import"]})
    job = imported(Api(issue(user)), archive, "visit", importType="UPSERT")
    assert codes(job["id"]) == ["VISIT_COMPL_VISIT_REQ"]
    visit = Visit.objects.get(name="A")
    before = histories()
    assert Api(issue(user)).get(f"/visits/{visit.pk}/spr-text").json == "größer"
    job = imported(Api(issue(user)), archive, "visit", importType="UPSERT")
    assert (codes(job["id"]), histories()) == (["VISIT_COMPL_VISIT_REQ"], before)


# --- Exports ----------------------------------------------------------------------------------------


@pytest.fixture
def visits(ida: Registration) -> list[Visit]:
    event, site = ida.protocol.events.get(), factories.site()
    when = datetime(2024, 3, 12, 9, 15, 33, tzinfo=UTC)
    more = {
        "event": event,
        "site": site,
        "surgical_pathology_number": "S-1",
        "comments": "x",
        "visit_date": when,
    }
    admin = User.objects.get(login_name="admin")
    return [
        studies.visit(ida, "V1", **more),
        studies.visit(ida, "V2", site=site, visit_date=datetime(2024, 3, 13, tzinfo=UTC)),
        studies.visit(
            ida, "V3", status="Missed Collection", missed_by=admin, missed_reason="Laboratory error"
        ),
    ]


def test_an_export_imported_again_changes_nothing(api: Api, visits: list[Visit]) -> None:
    content = text(api, "visit")
    assert "S-1" in content
    before = histories()
    assert run(api, content, importType="UPDATE", dateFormat="MM-dd-yyyy") == ["", "", ""]
    assert run(api, content, importType="UPSERT", dateFormat="MM-dd-yyyy") == ["", "", ""]
    assert histories() == before


def test_an_export_makes_the_same_records_elsewhere(api: Api, visits: list[Visit]) -> None:
    content = text(api, "visit")
    Visit.objects.all().delete()
    assert run(api, content, dateFormat="MM-dd-yyyy") == ["", "", ""]
    again = text(api, "visit")
    assert [line.split(",", 1)[1] for line in again.splitlines()] == [
        line.split(",", 1)[1] for line in content.splitlines()
    ]


def test_an_export_holds_what_was_asked_for(api: Api, ida: Registration, visits: list[Visit]) -> None:
    other = studies.visit(studies.registration(studies.protocol("HEART"), "P2"), "V9")
    studies.visit(ida, "V4", activity_status="Disabled")

    def found(**params: str) -> list[str]:
        return [row["Name"] for row in rows(text(api, "visit", params=params))]

    assert found() == ["V1", "V2", "V3", "V9"]
    assert found(cpId=str(other.protocol_id)) == ["V9"]
    assert found(cpId=str(ida.protocol_id), visitNames="V3,V9") == ["V3"]
    assert found(ppids="P2") == ["V9"]


def test_an_export_leaves_out_what_its_reader_may_not_see(
    api: Api, ida: Registration, visits: list[Visit]
) -> None:
    api.upload(f"/visits/{visits[0].pk}/spr-file", "report.pdf", b"%PDF-1.7")
    user = factories.user(of=ida.protocol.protocol_sites.get().site.institute)
    factories.grant(
        user, {"Visit": ["Read"], "ParticipantPhi": ["Read"], "SurgicalPathologyReport": ["Read"]}
    )
    assert rows(text(Api(issue(user)), "visit")) == []
    factories.grant(user, {"Visit": ["Export Import"]})
    first = rows(text(Api(issue(user)), "visit"))[0]
    assert (first["Name"], first["Path. Number"], first["Path Report Name"]) == ("V1", "", "")
    factories.grant(user, {"ParticipantPhi": ["Export Import"], "SurgicalPathologyReport": ["Export Import"]})
    first = rows(text(Api(issue(user)), "visit"))[0]
    assert (first["Path. Number"], first["Path Report Name"]) == ("S-1", "1_report.pdf")
