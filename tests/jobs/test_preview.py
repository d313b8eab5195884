"""How a file would be understood, before it is imported."""

from collections.abc import Callable
from typing import Any

import pytest

from importjobs.models import ImportJob
from sessions_auth.models import User
from sites.models import Institute
from tests import factories
from tests.client import Api
from tests.jobs.importing import upload

pytestmark = pytest.mark.django_db

PATH = "/import-jobs/preview"


def preview(api: Api, content: str, schema: str = "institute", **options: Any) -> dict[str, Any]:
    answer = api.post(PATH, {"inputFileId": upload(api, content), "objectType": schema, **options})
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_columns_are_explained_and_unknown_ones_get_suggestions(api: Api) -> None:
    found = preview(api, "Identifier,name,Activty Status\n7,North,Active\n")
    shown = [
        (column["caption"], column["known"], column["used"], column["attribute"])
        for column in found["columns"]
    ]
    assert shown == [
        ("Identifier", True, False, "id"),  # an identifier means nothing when records are created
        ("name", True, True, "name"),
        ("Activty Status", False, False, None),
    ]
    assert found["columns"][2]["suggestions"] == ["Activity Status"]
    assert [column["caption"] for column in found["missing"]] == ["Activity Status"]


def test_the_paths_of_repeated_columns_and_sub_records_are_told(api: Api) -> None:
    found = preview(
        api, "Name,Coordinators#2#Email Address,Coordinators#1#Email Address\nA,b@x.org,a@x.org\n", "site"
    )
    assert [column["attribute"] for column in found["columns"]] == [
        "name",
        "coordinators[1].emailAddress",
        "coordinators[0].emailAddress",
    ]
    assert found["rows"][0]["record"]["coordinators"] == [
        {"emailAddress": "a@x.org"},
        {"emailAddress": "b@x.org"},
    ]


def test_rows_show_their_cells_their_meaning_and_their_mistakes(api: Api) -> None:
    found = preview(
        api, "PPID,Registration Date\nA1,03-06-2024\nA2,soon\n\nA3\n", "cpr", dateFormat="dd-MM-yyyy"
    )
    good, bad, short = found["rows"]
    assert (found["totalRows"], found["dateFormat"], found["fieldSeparator"]) == (3, "dd-MM-yyyy", ",")
    assert good["record"]["ppid"] == "A1"
    assert (bad["row"], bad["cells"], bad["record"]) == (2, ["A2", "soon"], None)
    [mistake] = bad["mistakes"]
    assert (mistake["column"], mistake["caption"], mistake["value"]) == (1, "Registration Date", "soon")
    assert (short["cells"], short["record"]) == (["A3", ""], {"ppid": "A3"})


def test_fifty_rows_are_shown_and_all_are_counted(api: Api) -> None:
    found = preview(api, "Name\n" + "".join(f"North {n}\n" for n in range(70)))
    assert (len(found["rows"]), found["totalRows"]) == (50, 70)


def test_a_preview_writes_nothing_and_leaves_the_file_usable(api: Api) -> None:
    before = Institute.objects.count()
    body = {"inputFileId": upload(api, "Name\nNorth\n"), "objectType": "institute"}
    assert api.post(PATH, body).json == api.post(PATH, body).json
    assert (Institute.objects.count(), ImportJob.objects.count()) == (before, 0)
    assert api.post("/import-jobs", body).json["status"] == "QUEUED"


def test_a_file_too_large_for_the_job_is_told_beforehand(api: Api) -> None:
    api.put("/config-settings", {"module": "common", "name": "import_max_records_per_txn", "value": "1"})
    assert preview(api, "Name\nA\nB\n", atomic=True)["status"] == "TXN_SIZE_EXCEEDED"
    assert preview(api, "Name\nA\nB\n")["status"] is None


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        ("Name,name\n", {}, "IMPORT_JOB_RECORD_PARSE_ERROR"),
        ("Name\n", {"objectType": "nothing"}, "IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND"),
        ("Name\n", {"dateFormat": "hello"}, "IMPORT_JOB_INVALID_DATE_FORMAT"),
    ],
)
def test_what_a_job_would_refuse_a_preview_refuses(
    api: Api, content: str, options: dict[str, Any], code: str
) -> None:
    body = {"inputFileId": upload(api, content), "objectType": "institute", **options}
    answer = api.post(PATH, body)
    assert (answer.status, answer.codes) == (400, [code])


def test_a_preview_needs_the_right_to_import(as_user: Callable[[User], Api]) -> None:
    answer = as_user(factories.user()).post(PATH, {"objectType": "institute"})
    assert (answer.status, answer.codes) == (403, ["RBAC_ACCESS_DENIED"])
