"""Workbooks as input (ours): the first sheet counts, and is read as if it had been saved as CSV."""

import pytest

from importjobs.models import Upload
from importjobs.uploads import csv_of
from tests.client import Api
from tests.jobs.importing import finish, imported, outcomes, report, submit, upload
from tests.jobs.test_import_jobs import archive
from tests.jobs.workbooks import Day, Formula, Value, workbook

pytestmark = pytest.mark.django_db

START = 45_352  # 2024-03-01 as a workbook counts days


def test_a_workbook_is_imported_and_reported_like_a_csv(api: Api) -> None:
    content = workbook(
        [["Name", "Note"], ["North", "a,b"], ["North", 'say "hi"'], [None, None], ["South", None]]
    )
    job = imported(api, content, fieldSeparator=";")
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 3, 1)
    assert job["fieldSeparator"] is None  # the text made of a workbook has commas, whatever was asked for
    assert outcomes(api, job["id"]) == ["SUCCESS", "FAIL", "SUCCESS"]
    assert report(api, job["id"])[1]["Note"] == 'say "hi"'


def test_cells_become_the_text_people_would_have_typed(api: Api) -> None:
    rows: list[list[Value]] = [
        ["Name", "Day", "Moment", "Whole", "Part", "Large", "Flag", "Formula", "Code", None],
        [
            "  North ",
            Day(START),
            Day(START + 0.4375, True),
            12,
            0.1,
            1e15,
            True,
            Formula("6*7", 42),
            "00012",
            None,
        ],
        ["South", Day(START + 0.5, True), Day(START, True), -3, 1e-7, 12345678.25, False, None, "=1+1"],
        [None, " "],
        [],
    ]
    submit(api, workbook(rows), dateFormat="d/M/yyyy", timeFormat="HH.mm")
    assert csv_of(Upload.objects.get()).read_text() == (
        "Name,Day,Moment,Whole,Part,Large,Flag,Formula,Code\n"
        "  North ,1/3/2024,1/3/2024 10.30,12,0.1,1000000000000000,yes,42,00012\n"
        "South,1/3/2024 12.00,1/3/2024,-3,0.0000001,12345678.25,no,,=1+1\n"
    )


def test_the_dates_follow_the_formats_of_the_job_not_those_of_an_earlier_preview(api: Api) -> None:
    file_id = upload(api, workbook([["PPID", "Registration Date"], ["A1", Day(START)]]), "people.xlsx")
    for date_format, shown in (("dd-MM-yyyy", "01-03-2024"), ("yyyy/MM/dd", "2024/03/01")):
        body = {"inputFileId": file_id, "objectType": "cpr", "dateFormat": date_format}
        found = api.post("/import-jobs/preview", body).json
        assert (found["format"], found["rows"][0]["cells"][1], found["rows"][0]["mistakes"]) == (
            "xlsx",
            shown,
            [],
        )
    job = api.post(
        "/import-jobs", {"objectType": "cpr", "inputFileId": file_id, "dateFormat": "dd-MM-yyyy"}
    ).json
    finish(api, job["id"])
    assert report(api, job["id"])[0]["Registration Date"] == "01-03-2024"


def test_a_workbook_may_travel_in_an_archive(api: Api) -> None:
    job = imported(api, archive(**{"rows.xlsx": workbook([["Name"], ["North"]]), "files/a.txt": b"a"}))
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", 1)


def test_a_parsed_workbook_can_be_used_again(api: Api) -> None:
    body = {"fileId": upload(api, workbook([["Name"], ["North"]])), "schema": "institute"}
    assert api.post("/import-jobs/process-file-records", body).json == [{"name": "North"}]
    assert api.post("/import-jobs/process-file-records", body).json == [{"name": "North"}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            workbook([["Name"], ["North"]], '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
            "spreadsheet",
        ),
        (archive(**{"xl/workbook.xml": b"<nonsense"}), "spreadsheet"),
        (workbook([["Name"], ["North"]])[:-200], "archive"),
        (workbook([]), "empty"),
        (workbook([["Name", None, "Code"], ["a", "b", "c"]]), "no name"),
    ],
    ids=["far corner", "no workbook", "cut", "empty", "unnamed column"],
)
def test_workbooks_that_cannot_be_read_are_parse_errors(api: Api, content: bytes, reason: str) -> None:
    answer = submit(api, content)
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_RECORD_PARSE_ERROR"])
    assert reason in answer.json[0]["message"]
