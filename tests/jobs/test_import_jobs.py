"""Import jobs from upload to report (spec 04 §1, §2)."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from biobank.configuration.models import SettingValue
from importjobs.models import ImportJob, Upload
from importjobs.tasks import remove_old_files, tell_ends
from sessions_auth.models import User
from sites.models import Institute, Site
from tests import factories
from tests.client import Api
from tests.jobs.importing import finish, imported, outcomes, report, start, submit, upload

pytestmark = pytest.mark.django_db


def names() -> list[str]:
    return list(
        Institute.objects.exclude(activity_status="Disabled").order_by("pk").values_list("name", flat=True)
    )


# --- The ordinary way -------------------------------------------------------------------------------


def test_rows_become_records_and_the_job_tells_how_many(api: Api, admin: User) -> None:
    before = len(names())
    params = {"cpId": "-1", "n": 5, "entityType": None}
    job = imported(api, "Name\nNorth\nSouth\nWest\n", objectParams=params, noSuchKey=1)
    assert names()[before:] == ["North", "South", "West"]
    assert job == {
        **job,
        "name": "institute",
        "type": "CREATE",
        "status": "COMPLETED",
        "totalRecords": 3,
        "failedRecords": 0,
        "params": {"cpId": "-1", "n": "5", "entityType": None},
        "displayName": f"#{job['id']} Create Institutes",
        "dateFormat": "MM-dd-yyyy",
        "timeFormat": "HH:mm",
        "fieldSeparator": None,
    }
    assert job["createdBy"]["loginName"] == admin.login_name
    assert job["endTime"] >= job["creationTime"]


def test_a_queued_job_has_no_counts_and_no_report(api: Api) -> None:
    answer = submit(api, "Name\nNorth\n")
    assert {key: answer.json[key] for key in ("status", "totalRecords", "failedRecords", "endTime")} == {
        "status": "QUEUED",
        "totalRecords": None,
        "failedRecords": None,
        "endTime": None,
    }
    answer = api.get(f"/import-jobs/{answer.json['id']}/output")
    assert answer.codes == ["IMPORT_JOB_OUTPUT_FILE_NOT_CREATED"]


def test_a_bad_row_costs_only_itself(api: Api) -> None:
    job = imported(api, "Identifier,name,Colour\n7,North,red\n8,,blue\n9,north,\n10,South,\n")
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 4, 2)
    rows = report(api, job["id"])
    assert list(rows[0])[:3] == ["Identifier", "name", "Colour"]
    assert [row["OS_IMPORT_STATUS"] for row in rows] == ["SUCCESS", "FAIL", "FAIL", "SUCCESS"]
    assert rows[0]["OS_ERROR_MESSAGE"] == ""
    assert "same" in rows[2]["OS_ERROR_MESSAGE"]
    assert {"North", "South"} <= set(names())


def test_the_same_file_again_only_reports_duplicates(api: Api) -> None:
    imported(api, "Name\nNorth\nSouth\n")
    before = names()
    job = imported(api, "Name\nNorth\nSouth\n")
    assert (job["status"], job["failedRecords"]) == ("FAILED", 2)
    assert all("same" in row["OS_ERROR_MESSAGE"] for row in report(api, job["id"]))
    assert names() == before


def test_sub_records_travel_too(api: Api) -> None:
    institute = factories.institute("Northern University")
    coordinator = factories.user(of=institute)
    content = (
        "Name,Institute Name,Type,Coordinators#1#Email Address,Coordinators#2#Email Address\n"
        f"Clinic,northern university,Collection Site,{coordinator.email_address},\n"
        "Bank,Northern University,Collection Site,nobody@example.org,\n"
    )
    job = imported(api, content, "site")
    assert outcomes(api, job["id"]) == ["SUCCESS", "FAIL"]
    assert list(Site.objects.get(name="Clinic").coordinators.all()) == [coordinator]


def test_an_empty_file_with_a_header_completes(api: Api) -> None:
    job = imported(api, "Name\n")
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", 0)
    assert report(api, job["id"]) == []


# --- The report -------------------------------------------------------------------------------------


def test_the_report_is_written_byte_for_byte_as_documented(api: Api) -> None:
    content = ' Name ;note;other\n"a ""b""";"=1+1";-5\n;x\n\nA B;"two\nlines";@x;surplus\n'
    job = imported(api, content, fieldSeparator=";more")
    text = api.get(f"/import-jobs/{job['id']}/output").body.decode()
    assert text == (
        '"Name";"note";"other";"OS_IMPORT_STATUS";"OS_ERROR_MESSAGE"\n'
        '"a ""b""";"\'=1+1";"-5";"SUCCESS";""\n'
        '"";"x";"";"FAIL";"An institute needs a name"\n'
        '"A B";"two\nlines";"\'@x";"SUCCESS";"";"surplus"\n'
    )
    assert job["fieldSeparator"] == ";"


def test_the_report_is_a_csv_attachment(api: Api) -> None:
    job = imported(api, "Name\nNorth\n")
    answer = api.get(f"/import-jobs/{job['id']}/output")
    assert answer.headers["Content-Type"] == "application/csv"
    assert answer.headers["Content-Disposition"] == f"attachment;filename=BulkImportJob_{job['id']}.csv"


def test_old_files_are_removed_and_the_job_stays(api: Api, settings: Any) -> None:
    job = imported(api, "Name\nNorth\n")
    unused = upload(api, "Name\n")
    past = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS + 1)
    ImportJob.objects.filter(pk=job["id"]).update(finished_at=past)
    Upload.objects.filter(pk=unused).update(created_at=past)
    remove_old_files()
    assert api.get(f"/import-jobs/{job['id']}").json["status"] == "COMPLETED"
    assert api.get(f"/import-jobs/{job['id']}/output").codes == ["IMPORT_JOB_OUTPUT_FILE_NOT_CREATED"]
    assert not Upload.objects.exists()


# --- All or nothing ---------------------------------------------------------------------------------


def test_an_atomic_job_saves_all_or_nothing_and_reports_every_bad_row(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS = 2
    before = names()
    job = imported(api, "Name\nNorth\n" + '""\nEast\n"  "\nNORTH\n'.replace('""', "x" * 300), atomic=True)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 4, 2)
    assert outcomes(api, job["id"]) == ["SUCCESS", "FAIL", "SUCCESS", "FAIL"]
    assert names() == before
    job = imported(api, "Name\nNorth\nEast\nWest\n", atomic=True)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("COMPLETED", 3, 0)
    assert names() == [*before, "North", "East", "West"]


def test_a_file_too_large_for_one_transaction_makes_no_job_and_stays_usable(api: Api) -> None:
    SettingValue.objects.create(module="common", name="import_max_records_per_txn", value="2")
    file_id = upload(api, "Name\nNorth\n\nSouth\n")
    body = {"objectType": "institute", "inputFileId": file_id, "atomic": True}
    answer = api.post("/import-jobs", body)
    assert answer.status == 200
    assert {key: value for key, value in answer.json.items() if value is not None} == {
        "status": "TXN_SIZE_EXCEEDED",
        "totalRecords": 3,
    }
    assert not ImportJob.objects.exists()
    assert api.post("/import-jobs", {**body, "atomic": False}).json["status"] == "QUEUED"


def test_a_file_too_large_for_the_online_queue_can_wait_for_the_other(api: Api) -> None:
    SettingValue.objects.create(module="common", name="online_import_job_size_limit", value="1")
    body = {"objectType": "institute", "inputFileId": upload(api, "Name\nNorth\nSouth\n")}
    assert api.post("/import-jobs", body).json["status"] == "TOO_LARGE"
    queued = api.post("/import-jobs", {**body, "offlineQueue": True}).json
    assert queued["status"] == "OFFLINE_QUEUED"
    assert finish(api, queued["id"])["status"] == "COMPLETED"


# --- What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"Name,\nNorth,\n", "no name"),
        (b"Name,NAME\nNorth,South\n", "more than once"),
        ("Name\nÜnited\n".encode("latin-1"), "line 2 is not UTF-8"),
        (b'Name\n"North\nSouth\n', "never closes"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "UTF-8"),
        (b"PK\x03\x04 broken", "archive"),
    ],
)
def test_unreadable_files_are_refused_when_the_job_is_created(api: Api, content: bytes, reason: str) -> None:
    answer = submit(api, content)
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_RECORD_PARSE_ERROR"])
    assert reason in answer.json[0]["message"]
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    "file_id", [None, "", "nonsense", "../../etc/passwd", "5f0c0d6e-6a3a-4b0e-9e55-0a4f8f7f4d21"]
)
def test_an_unknown_input_file_is_a_parse_error(api: Api, file_id: str | None) -> None:
    answer = api.post("/import-jobs", {"objectType": "institute", "inputFileId": file_id})
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_RECORD_PARSE_ERROR"])


def test_an_input_file_serves_one_job_only(api: Api) -> None:
    body = {"objectType": "institute", "inputFileId": upload(api, "Name\nNorth\n")}
    assert api.post("/import-jobs", body).status == 200
    answer = api.post("/import-jobs", body)
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_RECORD_PARSE_ERROR"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"importType": "MERGE"}, "COMMON_INVALID_INPUT"),
        ({"csvType": "BOTH"}, "COMMON_INVALID_INPUT"),
        ({"csvType": "MULTIPLE_ROWS_PER_OBJ"}, "COMMON_INVALID_INPUT"),
        ({"fieldSeparator": '"'}, "COMMON_INVALID_INPUT"),
        ({"dateFormat": "hello"}, "IMPORT_JOB_INVALID_DATE_FORMAT"),
        ({"timeFormat": "moo"}, "IMPORT_JOB_INVALID_TIME_FORMAT"),
        ({"timeZone": "Mars/Olympus"}, "COMMON_INVALID_TZ"),
        ({"timeZone": "../../etc/passwd"}, "COMMON_INVALID_TZ"),
        ({"objectType": "unicorn"}, "IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND"),
        ({"objectType": "Institute"}, "IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND"),
        ({"objectParams": []}, "INVALID_REQUEST"),
        ({"atomic": "perhaps"}, "INVALID_REQUEST"),
    ],
)
def test_wrong_options_are_refused_and_the_file_stays_usable(
    api: Api, options: dict[str, Any], code: str
) -> None:
    body = {"objectType": "institute", "inputFileId": upload(api, "Name\nNorth\n")}
    answer = api.post("/import-jobs", {**body, **options})
    assert (answer.status, answer.codes) == (400, [code])
    assert api.post("/import-jobs", body).status == 200


def test_fifty_megabytes_of_huge_cells_fail_row_by_row(api: Api) -> None:
    before = names()
    job = imported(api, b"Name\n" + (b"x" * 990_000 + b"\n") * 50 + b"Last\n" + b" " * 1_000_000)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 51, 50)
    assert names() == [*before, "Last"]


def test_uploads_need_a_part_called_file(api: Api) -> None:
    answer = api.post("/import-jobs/input-file", {"file": "x"})
    assert answer.status == 415
    raw = api.client.post(
        "/openspecimen/rest/ng/import-jobs/input-file",
        {"other": "x"},
        headers={"X-OS-API-TOKEN": api.token or ""},
    )
    assert (raw.status_code, raw.json()[0]["code"]) == (400, "INVALID_REQUEST")


def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(api: Api, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    answer = api.upload("/import-jobs/input-file", "big.csv", b"Name\n" + b"x" * 2000)
    assert (answer.status, answer.codes) == (400, ["COMMON_TOO_LARGE"])
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("Ü b.csv", "Ü b.csv"),
        ("..", "input.csv"),
    ],
)
def test_file_names_never_leave_their_folder(api: Api, sent: str, kept: str) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from importjobs.uploads import home, store
    from sessions_auth.actor import actor_of

    file = SimpleUploadedFile("x", b"Name\n")
    file._name = sent  # type: ignore[attr-defined]  # as a client that does not clean its names
    found = store(file, actor_of(User.objects.get(login_name="admin")))
    assert found.filename == kept
    assert sorted(path.name for path in home(found.id).iterdir()) == ["original"]


# --- Archives ---------------------------------------------------------------------------------------


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in entries.items():
            found.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_holds_one_csv_at_its_top(api: Api) -> None:
    content = archive(**{"files/scan.pdf": b"%PDF", "rows.csv": b"Name\nNorth\n"})
    job = imported(api, content)
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", 1)
    assert outcomes(api, job["id"]) == ["SUCCESS"]


@pytest.mark.parametrize("name", ["files/rows.csv", "rows.txt"])
def test_an_archive_without_csv_at_its_top(api: Api, name: str) -> None:
    answer = submit(api, archive(**{name: b"Name\nNorth\n"}))
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_CSV_NOT_FOUND_IN_ZIP"])


@pytest.mark.parametrize(
    "content",
    [
        archive(**{"rows.csv": b"Name\n" + b"0" * 50_000_000}),
        archive(**{"rows.csv": b"Name\nNorth\n", "../../outside.csv": b"Name\n"}),
        archive(**{"rows.csv": b"Name\nNorth\n", "/etc/cron.d/x": b"Name\n"}),
        archive(**{"rows.csv": b"Name\nNorth\n"})[:-30],
    ],
    ids=["bomb", "traversal", "absolute", "cut"],
)
def test_dangerous_archives_are_refused(api: Api, content: bytes) -> None:
    answer = submit(api, content)
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_RECORD_PARSE_ERROR"])
    assert not ImportJob.objects.exists()


# --- Stop -------------------------------------------------------------------------------------------


def test_a_queued_job_stops_at_once(api: Api) -> None:
    before = names()
    job_id = start(api, "Name\nNorth\n")
    answer = api.put(f"/import-jobs/{job_id}/stop")
    assert (answer.status, answer.json["status"], answer.json["endTime"]) == (200, "STOPPED", None)
    assert finish(api, job_id)["status"] == "STOPPED"
    assert names() == before
    assert api.get(f"/import-jobs/{job_id}/output").codes == ["IMPORT_JOB_OUTPUT_FILE_NOT_CREATED"]


@pytest.mark.parametrize("atomic", [False, True])
def test_a_running_job_stops_at_the_next_chunk(
    api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    settings.IMPORT_CHUNK_ROWS = 2
    before = names()
    job_id = start(api, "Name\nN1\nN2\nN3\nN4\nN5\n", atomic=atomic)
    from importjobs.runner import _Run

    write = _Run._write

    def stopped_by_somebody(self: _Run, job: ImportJob, chunk: Any) -> Any:
        if chunk.first_row == 1:
            assert api.put(f"/import-jobs/{job_id}/stop").json["status"] == "IN_PROGRESS"
        return write(self, job, chunk)

    monkeypatch.setattr(_Run, "_write", stopped_by_somebody)
    job = finish(api, job_id)
    assert (job["status"], job["totalRecords"]) == ("STOPPED", 2)
    assert job["endTime"] is not None
    assert outcomes(api, job_id) == ["SUCCESS", "SUCCESS"]
    assert names() == (before if atomic else [*before, "N1", "N2"])


def test_a_finished_or_unknown_job_cannot_be_stopped(api: Api) -> None:
    job = imported(api, "Name\nNorth\n")
    answer = api.put(f"/import-jobs/{job['id']}/stop")
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_NOT_IN_PROGRESS"])
    assert api.put("/import-jobs/999999/stop").codes == ["IMPORT_JOB_NOT_FOUND"]


# --- Slices -----------------------------------------------------------------------------------------


def test_a_job_goes_on_where_its_last_slice_ended(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS = 3
    settings.JOB_SLICE_SECONDS = 0
    wanted = [f"Institute of slices {n}" for n in range(10)]
    job_id = start(api, "Name,note\n" + "".join(f'{name},"a\nb"\n' for name in wanted))
    seen = []
    while (job := finish(api, job_id))["status"] == "IN_PROGRESS":
        seen.append(job["totalRecords"])
        assert len(report(api, job_id)) == job["totalRecords"]
    assert seen == [3, 6, 9]
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", 10)
    assert [name for name in names() if "slices" in name] == wanted


def test_a_job_whose_creator_is_gone_fails_with_a_reason(api: Api, as_user: Callable[[User], Api]) -> None:
    user = factories.user("SUPER")
    job_id = start(as_user(user), "Name\nNorth\n")
    User.objects.filter(pk=user.pk).update(activity_status="Closed")
    job = finish(api, job_id)
    assert (job["status"], job["totalRecords"]) == ("FAILED", 0)
    assert report(api, job_id) == [
        {
            "Name": "",
            "OS_IMPORT_STATUS": "FAIL",
            "OS_ERROR_MESSAGE": "The account of the job's creator is no longer active",
        }
    ]


def test_a_failure_of_ours_ends_the_job_without_quoting_records(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from importjobs.runner import _Run

    def broken(self: _Run, job: ImportJob, chunk: Any) -> None:
        raise KeyError(chunk.rows[0][0])

    monkeypatch.setattr(_Run, "_write", broken)
    job = imported(api, "Name\nSecret Person\n")
    assert job["status"] == "FAILED"
    assert "KeyError" in report(api, job["id"])[0]["OS_ERROR_MESSAGE"]
    assert "Secret Person" not in caplog.text + str(ImportJob.objects.get().error)


# --- Who sees what ----------------------------------------------------------------------------------


def test_jobs_are_seen_by_their_creator_and_by_super_administrators(
    api: Api, as_user: Callable[[User], Api], statuses: Any
) -> None:
    mine = factories.institute()
    owner, chief = factories.user("INSTITUTE", of=mine), factories.user("INSTITUTE", of=mine)
    other = factories.user("INSTITUTE", of=factories.institute())
    job_id = start(as_user(owner), "Name\nNorth\n", "site")
    assert [as_user(user).get(f"/import-jobs/{job_id}").status for user in (owner, chief, other)] == [
        200,
        statuses.forbidden,
        statuses.forbidden,
    ]
    assert api.get(f"/import-jobs/{job_id}").status == 200
    listed = [[job["id"] for job in as_user(user).get("/import-jobs").json] for user in (owner, chief, other)]
    assert listed == [[job_id], [job_id], []]
    for method, path in (("get", "/output"), ("put", "/stop")):
        answer = as_user(chief).call(method, f"/import-jobs/{job_id}{path}")
        assert (answer.status, answer.codes) == (statuses.forbidden, ["IMPORT_JOB_ACCESS_DENIED"])
    answer = api.get("/import-jobs/999999")
    assert (answer.status, answer.codes) == (statuses.not_found, ["IMPORT_JOB_NOT_FOUND"])
    assert api.get("/import-jobs/abc").codes == ["INVALID_REQUEST"]


def test_bulk_imports_need_the_operation_on_some_resource(as_user: Callable[[User], Api]) -> None:
    without, with_ = factories.user(), factories.user()
    factories.grant(without, {"Specimen": ["Read", "Create"]})
    factories.grant(with_, {"Specimen": ["Read", "Export Import"]})
    answer = as_user(without).upload("/import-jobs/input-file", "x.csv", b"Name\n")
    assert (answer.status, answer.codes) == (403, ["RBAC_ACCESS_DENIED"])
    assert as_user(without).post("/import-jobs", {}).codes == ["RBAC_ACCESS_DENIED"]
    job_id = start(as_user(with_), "Name\nNorth\n")
    job = finish(as_user(with_), job_id)
    assert (job["status"], job["failedRecords"]) == ("FAILED", 1)  # institutes are for super administrators


def test_nobody_can_use_the_file_of_somebody_else(as_user: Callable[[User], Api]) -> None:
    owner, thief = factories.user("INSTITUTE"), factories.user("INSTITUTE")
    body = {"objectType": "institute", "inputFileId": upload(as_user(owner), "Name\nNorth\n")}
    assert as_user(thief).post("/import-jobs", body).codes == ["IMPORT_JOB_RECORD_PARSE_ERROR"]


# --- Lists ------------------------------------------------------------------------------------------


def test_lists_are_newest_first_and_paged(api: Api) -> None:
    ids = [start(api, "Name\nNorth\n") for _ in range(4)]
    assert [job["id"] for job in api.get("/import-jobs").json] == ids[::-1]
    assert [job["id"] for job in api.get("/import-jobs?startAt=1&maxResults=2").json] == [ids[2], ids[1]]
    assert len(api.get("/import-jobs?startAt=-5&maxResults=0").json) == 4


def test_other_parameters_match_the_params_and_one_match_is_enough(api: Api) -> None:
    def job(params: dict[str, Any] | None, schema: str = "institute") -> int:
        return start(api, "Name\nNorth\n", schema, objectParams=params)

    seven, specimen = job({"cpId": 7}), job({"cpId": "8", "entityType": "Specimen"})
    job(None)
    site = job({"cpId": "9"}, "site")

    def listed(query: str) -> list[int]:
        return [found["id"] for found in api.get(f"/import-jobs?{query}").json]

    assert listed("cpId=7&entityType=Specimen") == [specimen, seven]
    assert listed("cpId=7") == [seven]
    assert listed("objectType=site") == [site]
    assert listed("objectType=site,institute&cpId=9") == [site]
    assert listed("colour=red") == []


# --- Helpers ----------------------------------------------------------------------------------------


def test_the_template_is_one_quoted_line(api: Api) -> None:
    answer = api.get("/import-jobs/input-file-template?schema=institute&cpId=abc")
    assert answer.body == b'"Identifier","Name","Activity Status"\n'
    assert answer.headers["Content-Type"] == "application/csv"
    assert answer.headers["Content-Disposition"] == "attachment;filename=institute.csv"
    answer = api.get("/import-jobs/input-file-template?schema=nothing")
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND"])
    assert api.get("/import-jobs/input-file-template").status == 400


def test_a_file_can_be_parsed_without_importing_it(api: Api) -> None:
    file_id = upload(api, "Name,Born,Race#1\nAda,10-12-1815,x\n")
    fields = [
        {"caption": "Name", "attribute": "name"},
        {"caption": "Born", "attribute": "born", "type": "dateOnly"},
        {"caption": "Race", "attribute": "races", "multiple": True},
    ]
    body = {"fileId": file_id, "fields": fields, "params": {"dateFormat": "dd-MM-yyyy"}}
    expected = [{"name": "Ada", "born": "1815-12-10", "races": ["x"]}]
    assert api.post("/import-jobs/process-file-records", body).json == expected
    assert api.post("/import-jobs/process-file-records", body).json == expected
    assert api.post("/import-jobs/process-file-records", {"fileId": file_id, "schema": "institute"}).json == [
        {"name": "Ada"}
    ]
    wrong = {**body, "params": {"dateFormat": "yyyy-MM-dd"}}
    assert api.post("/import-jobs/process-file-records", wrong).codes == ["IMPORT_JOB_RECORD_PARSE_ERROR"]
    assert api.post("/import-jobs/process-file-records", {"fileId": file_id}).codes == [
        "COMMON_INVALID_INPUT"
    ]


def test_the_header_of_an_ad_hoc_file(api: Api) -> None:
    fields = [
        {"caption": "Name", "attribute": "name"},
        {"caption": "Race", "attribute": "r", "multiple": True},
    ]
    answer = api.post("/import-jobs/record-fields-csv", fields)
    assert (answer.status, answer.body) == (200, b'"Name","Race#1","Race#2"\n')


# --- Notices ----------------------------------------------------------------------------------------


def test_the_creator_gets_one_mail_after_the_run(api: Api, admin: User, mailoutbox: Any) -> None:
    job = imported(api, "Name\nNorth\n\nnorth\n")
    [mail] = mailoutbox
    assert mail.to == [admin.email_address]
    assert f"#{job['id']} Create Institutes: Failed" in mail.subject
    assert "Rows: 2\nFailed: 1\n" in mail.body
    assert f"/importjobs/importjob/{job['id']}/change/" in mail.body
    api.put(f"/import-jobs/{start(api, 'Name')}/stop")
    ImportJob.objects.update(finished_at="2020-01-01T00:00Z")
    tell_ends()
    assert len(mailoutbox) == 1  # neither again, nor of a job that never ran


def test_people_who_want_no_mail_get_none(as_user: Callable[[User], Api], mailoutbox: Any) -> None:
    imported(as_user(factories.user("SUPER", dnd=True)), "Name\nNorth\n")
    assert mailoutbox == []
