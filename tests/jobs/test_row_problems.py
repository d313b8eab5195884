"""What went wrong with rows, as data: column, value, code, hint (ours, beside spec 04 §2.10)."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from biobank.access import Actor
from biobank.batch.door import Change, Door
from biobank.batch.insert import insert
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from sites.detail import InstituteDetail
from sites.models import Institute
from tests import factories
from tests.client import Api
from tests.jobs.importing import imported, start

pytestmark = pytest.mark.django_db


def problems(api: Api, job_id: int, query: str = "") -> dict[str, Any]:
    answer = api.get(f"/import-jobs/{job_id}/errors{query}")
    assert answer.status == 200, answer.json
    return dict(answer.json)


def site_job(api: Api) -> dict[str, Any]:
    """Two cells wrong in one row, a duplicate, an unknown coordinator, a good row."""
    institute = factories.institute("Northern University")
    factories.site("Clinic", institute=institute)
    return imported(
        api,
        "Identifier,name,Institute Name,Type,Coordinators#1#Email Address\n"
        "x,Bank,Northern University,Collection Site,\n"
        "\n"
        ",CLINIC,Northern University,Collection Site,\n"
        ",North,Northern University,Collection Site,nobody@example.org\n"
        ",South,Northern University,Collection Site,\n",
        "site",
        importType="CREATE",
    )


def test_each_problem_names_its_column_value_code_and_hint(api: Api) -> None:
    job = imported(
        api,
        "CP Short Title,PPID,Registration Date,Date Of Birth\nP,1,2024-01-02,soon\nP,2,01-02-2024,\n",
        "cpr",
    )
    found = problems(api, job["id"])
    assert (found["total"], [row["row"] for row in found["rows"]]) == (2, [1, 2])
    cells = found["rows"][0]["problems"]
    assert [(cell["column"], cell["value"], cell["code"]) for cell in cells] == [
        ("Registration Date", "2024-01-02", "IMPORT_JOB_RECORD_PARSE_ERROR"),
        ("Date Of Birth", "soon", "IMPORT_JOB_RECORD_PARSE_ERROR"),
    ]
    assert all("MM-dd-yyyy" in cell["hint"] for cell in cells)
    [unknown] = found["rows"][1]["problems"]  # the message names the protocol, which is one cell of the row
    assert (unknown["column"], unknown["value"]) == ("CP Short Title", "P")


def test_a_problem_of_the_rules_finds_the_cell_whose_value_it_names(api: Api) -> None:
    found = problems(api, site_job(api)["id"])["rows"]
    assert [(row["row"], row["problems"][0]["column"], row["problems"][0]["value"]) for row in found] == [
        (2, "name", "CLINIC"),
        (3, "Coordinators#1#Email Address", "nobody@example.org"),
    ]


def test_pages_count_rows_and_csv_holds_all(api: Api) -> None:
    job = imported(api, "Name\n" + "a\n" + "A\n" * 5)
    page = problems(api, job["id"], "?startAt=1&maxResults=2")
    assert (page["total"], [row["row"] for row in page["rows"]]) == (5, [3, 4])
    for query, accepted in (("?format=csv", "*/*"), ("", "text/csv")):
        answer = api.get(f"/import-jobs/{job['id']}/errors{query}", Accept=accepted)
        lines = list(csv.DictReader(io.StringIO(answer.body.decode())))
        assert [line["row"] for line in lines] == ["2", "3", "4", "5", "6"]
        assert list(lines[0]) == ["row", "column", "value", "code", "message", "hint"]
        assert (lines[0]["column"], lines[0]["value"]) == ("Name", "A")


def test_statistics_count_what_each_column_got_wrong(api: Api) -> None:
    days = ["x"] * 3 + ["y"] * 2 + [f"d{n}" for n in range(12)]
    job = imported(
        api,
        "CP Short Title,Registration Date\n" + "".join(f"P,{day}\n" for day in days) + "P,01-02-2024\n",
        "cpr",
    )
    found = api.get(f"/import-jobs/{job['id']}/statistics").json
    assert found["rows"] == 18
    columns = {column["column"]: column for column in found["columns"]}
    dates = columns["Registration Date"]
    assert (dates["column"], dates["count"], dates["distinct"]) == ("Registration Date", 17, 14)
    assert dates["values"][:2] == [{"value": "x", "count": 3}, {"value": "y", "count": 2}]
    assert len(dates["values"]) == 10
    assert dates["codes"] == [{"value": "IMPORT_JOB_RECORD_PARSE_ERROR", "count": 17}]
    assert columns["CP Short Title"]["values"] == [{"value": "P", "count": 1}]


def test_a_good_job_has_no_problems(api: Api) -> None:
    job = imported(api, "Name\nNorth\n")
    assert problems(api, job["id"]) == {"total": 0, "rows": []}
    assert api.get(f"/import-jobs/{job['id']}/statistics").json == {"rows": 0, "columns": []}


def test_long_values_and_many_problems_are_cut(api: Api) -> None:
    job = imported(api, "Name\n" + "x" * 90_000 + "\n")
    [row] = problems(api, job["id"])["rows"]
    assert len(row["problems"][0]["value"]) <= 255


def test_progress_is_told_before_during_and_after(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS, settings.JOB_SLICE_SECONDS = 2, 0
    job_id = start(api, "Name\nA\na\nB\nC\n")
    path = f"/import-jobs/{job_id}/progress"
    queued = api.get(path).json
    assert (queued["status"], queued["done"], queued["rows"], queued["rate"]) == ("QUEUED", 0, 4, None)
    from importjobs import tasks

    tasks.run(job_id)
    halfway = api.get(path).json
    assert (halfway["status"], halfway["done"], halfway["failed"]) == ("IN_PROGRESS", 2, 1)
    assert (halfway["percent"], halfway["over"]) == (50, False)
    assert halfway["rate"] > 0
    assert halfway["left"] is not None
    while not api.get(path).json["over"]:
        tasks.run(job_id)
    assert api.get(path).json["percent"] == 100


@pytest.mark.parametrize(
    "path", ["/errors", "/errors?format=csv", "/statistics", "/progress", "/failed-rows"]
)
def test_only_the_creator_and_super_administrators_see_them(
    api: Api, as_user: Callable[[User], Api], statuses: Any, path: str
) -> None:
    mine = factories.institute()
    owner, chief = factories.user("INSTITUTE", of=mine), factories.user("INSTITUTE", of=mine)
    job = imported(as_user(owner), "Name\nNorth\n")
    for who, wanted in ((owner, 200), (api, 200), (chief, statuses.forbidden)):
        caller = who if isinstance(who, Api) else as_user(who)
        assert caller.get(f"/import-jobs/{job['id']}{path}").status == wanted
    answer = api.get(f"/import-jobs/999999{path}")
    assert (answer.status, answer.codes) == (statuses.not_found, ["IMPORT_JOB_NOT_FOUND"])


def test_rows_that_only_the_database_refuses_are_left_out_together(admin: User) -> None:
    """Not one by one: a batch is planned a second time without them, however many do not fit."""
    planned: list[int] = []

    def plan(changes: Sequence[Change[InstituteDetail]], actor: Actor) -> list[Institute]:
        planned.append(len(changes))
        return [Institute(name=change.detail.name or "") for change in changes]

    def apply(rows: Sequence[Institute], actor: Actor) -> list[int]:
        insert(rows)
        return [row.pk for row in rows]

    door: Door[InstituteDetail, Institute] = Door("unchecked", plan, apply)
    names = ["x" * 300 if n % 3 else f"Institute {n}" for n in range(30)]
    for _ in range(2):
        changes = [Change(InstituteDetail(name=name)) for name in names]
        outcomes = door.write_each(changes, actor_of(admin))
        assert [outcome.ok for outcome in outcomes] == [n % 3 == 0 for n in range(30)]
        assert {problem.code for outcome in outcomes for problem in outcome.problems} == {
            "COMMON_UNFIT_VALUE"
        }
        assert planned == [30, 10]
        planned.clear()
        names = [f"{name} again" for name in names]


def test_of_rows_that_are_refused_for_other_reasons_each_costs_itself(admin: User) -> None:
    def plan(changes: Sequence[Change[InstituteDetail]], actor: Actor) -> list[Institute]:
        return [Institute(name=change.detail.name or "") for change in changes]

    def apply(rows: Sequence[Institute], actor: Actor) -> list[int]:
        insert(rows)
        return [row.pk for row in rows]

    door: Door[InstituteDetail, Institute] = Door("unchecked", plan, apply)
    names = ["A", "B", "a", "C", "b", "D"]
    outcomes = door.write_each([Change(InstituteDetail(name=name)) for name in names], actor_of(admin))
    assert [outcome.ok for outcome in outcomes] == [True, True, False, True, False, True]
    assert set("ABCD") <= set(Institute.objects.values_list("name", flat=True))
