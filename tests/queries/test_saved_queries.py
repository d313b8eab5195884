"""Saved queries and folders over HTTP (spec 05 §4, §5)."""

from collections.abc import Callable
from typing import Any

import pytest

from queries.models import SavedQuery, ScheduledJob
from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses
from tests.queries.conftest import Biobank

DELAY = "minutes_between(Specimen.createdOn, SpecimenCollectionGroup.collectionDate) between (0, 60)"


def filter_token(number: int) -> dict[str, Any]:
    return {"nodeType": "FILTER", "value": number}


def definition(title: str = "Frozen plasma", **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "selectList": ["Participant.ppid", {"name": "Specimen.label", "displayLabel": "Label"}],
        "filters": [
            {
                "id": 1,
                "field": "Specimen.type",
                "op": "IN",
                "values": ["Plasma", "Serum"],
                "parameterized": True,
            },
            {"id": 2, "field": "Specimen.availableQty", "op": "GT", "values": [1]},
        ],
        "queryExpression": [filter_token(1), {"nodeType": "OPERATOR", "value": "AND"}, filter_token(2)],
        "wideRowMode": "DEEP",
        **more,
    }


def test_create_read_run_and_delete(api: Api, admin: User, biobank: Biobank, statuses: Statuses) -> None:
    made = api.post("/saved-queries", definition(id=77, cpId="-1"))
    assert made.status == statuses.created
    pk = made.json["id"]
    assert pk != 77
    assert (made.json["caseSensitive"], made.json["createdBy"]["id"]) == (False, admin.pk)
    assert "cpId" not in made.json
    assert api.get(f"/saved-queries/{pk}").json == made.json
    run = api.post(f"/query/{pk}", {})
    assert (run.status, run.json["rows"]) == (200, [["P1", "S1"], ["P3", "S3_%"]])
    assert run.json["columnLabels"] == ["Participant# PPID", "Label"]
    page = api.post(f"/query/{pk}", {"startAt": "1", "maxResults": "1"})
    assert page.json["rows"] == [["P3", "S3_%"]]
    deleted = api.delete(f"/saved-queries/{pk}")
    assert (deleted.status, deleted.json) == (200, pk)
    gone = api.get(f"/saved-queries/{pk}")
    assert (gone.status, gone.codes) == (statuses.not_found, ["QUERY_NOT_FOUND"])
    assert api.post(f"/query/{pk}", {}).codes == ["QUERY_NOT_FOUND"]


def test_values_given_for_one_run(api: Api, biobank: Biobank) -> None:
    pk = api.post("/saved-queries", definition()).json["id"]
    serum = {"criteria": [{"filterId": 1, "values": ["serum", None]}, {"filterId": 2, "values": ["100"]}]}
    assert api.post(f"/query/{pk}", serum).json["rows"] == [["P3", "S3_%"]]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["1", "3"], ["S1", "S1.1"]),
        (["3", None], ["S3_%"]),
        ([None, "1"], ["S1.1", "S2"]),
        ([None], ["S1", "S1.1", "S2", "S3_%"]),
    ],
)
def test_ranges_given_for_one_run(
    api: Api, biobank: Biobank, values: list[str | None], labels: list[str]
) -> None:
    quantity = {"id": 1, "field": "Specimen.availableQty", "op": "GE", "values": ["0"], "parameterized": True}
    pk = api.post(
        "/saved-queries",
        definition(selectList=["Specimen.label"], filters=[quantity], queryExpression=[filter_token(1)]),
    ).json["id"]
    run = api.post(f"/query/{pk}", {"criteria": [{"filterId": 1, "searchType": "RANGE", "values": values}]})
    assert sorted(row[0] for row in run.json["rows"]) == labels


def test_aggregates_temporal_columns_and_sub_queries(api: Api, biobank: Biobank) -> None:
    inner = api.post("/saved-queries", definition("Inner")).json["id"]
    outer = definition(
        "Outer",
        selectList=[
            "Participant.ppid",
            {"name": "$temporal.2"},
            {"name": "Specimen.id", "aggFns": [{"name": "count", "desc": "Specimens"}]},
        ],
        filters=[
            {"id": 1, "field": "Specimen.label", "op": "IN", "subQueryId": inner},
            {"id": 2, "expr": DELAY, "desc": "Delay"},
            {"id": 3, "expr": "years_between(current_date(), Participant.dateOfBirth) <", "parameterized": True},
        ],
        queryExpression=[filter_token(1), {"nodeType": "OPERATOR", "value": "AND"}, filter_token(2),
                         {"nodeType": "OPERATOR", "value": "AND"}, filter_token(3)],
        havingClause="count(Specimen.id) > 0",
    )  # fmt: skip
    made = api.post("/saved-queries", outer)
    run = api.post(f"/query/{made.json['id']}", {}).json
    assert run["columnLabels"] == ["Participant# PPID", "Delay", "Specimens "]
    assert run["columnMetadata"][2] == {"expr": "count ( distinct Specimen.id )", "aggregate": True}
    assert run["rows"] == [["P1", "30", "1"]]
    assert api.get(f"/saved-queries/{inner}").json["dependentQueries"] == [made.json["id"]]
    assert api.delete(f"/saved-queries/{inner}").codes == ["QUERY_DEPS_FOUND"]
    itself = {"id": 1, "field": "Specimen.label", "op": "IN", "subQueryId": made.json["id"]}
    circle = definition("Inner", filters=[itself], queryExpression=[filter_token(1)])
    assert api.put(f"/saved-queries/{inner}", circle).codes == ["QUERY_MALFORMED"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": " "}, "QUERY_TITLE_REQUIRED"),
        ({"selectList": ["Specimen.colour"]}, "QUERY_MALFORMED"),
        ({"queryExpression": []}, "QUERY_MALFORMED"),
        ({"queryExpression": [filter_token(9)]}, "QUERY_MALFORMED"),
        (
            {"queryExpression": [{"nodeType": "PARENTHESIS", "value": "LEFT"}, filter_token(1)]},
            "QUERY_MALFORMED",
        ),
        (
            {"filters": [{"id": 1, "field": "Specimen.type", "op": "EQ", "values": []}, {"id": 2}]},
            "QUERY_MALFORMED",
        ),
        (
            {"filters": [{"id": 1, "field": "Specimen.type", "op": "LIKE", "values": ["x"]}]},
            "QUERY_MALFORMED",
        ),
        (
            {"filters": [{"id": 1, "field": "Specimen.id", "op": "EQ", "values": ["1 or 1"]}]},
            "QUERY_MALFORMED",
        ),
        (
            {"filters": [{"id": 1, "field": "Specimen.type", "op": "IN", "subQueryId": 999999}]},
            "QUERY_NOT_FOUND",
        ),
        ({"cpId": 999999}, "CP_NOT_FOUND"),
        ({"filters": "all"}, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_saved(api: Api, biobank: Biobank, change: dict[str, Any], code: str) -> None:
    answer = api.post("/saved-queries", definition(**change))
    assert (answer.status, answer.codes) == (400, [code])
    assert not SavedQuery.objects.exists()


def test_quotes_in_values_are_data(api: Api, biobank: Biobank) -> None:
    biobank.s1.comments = 'a "quoted" \\ word'
    biobank.s1.save()
    text = {"id": 1, "field": "Specimen.comments", "op": "EQ", "values": ['a "quoted" \\ word']}
    body = definition(filters=[text], queryExpression=[filter_token(1)])
    pk = api.post("/saved-queries", body).json["id"]
    assert api.post(f"/query/{pk}", {}).json["rows"] == [["P1", "S1"]]


def test_lists_filter_page_and_count(api: Api, biobank: Biobank) -> None:
    pks = [
        api.post("/saved-queries", definition(f"Query {n}", cpId=biobank.lung.pk)).json["id"]
        for n in range(3)
    ]
    listed = api.get("/saved-queries?countReq=true&max=2").json
    assert (listed["count"], [each["id"] for each in listed["queries"]]) == (3, [pks[2], pks[1]])
    assert set(listed["queries"][0]["createdBy"]) == {"id", "firstName", "lastName"}
    assert api.get("/saved-queries?startAt=2").json["count"] is None
    assert [each["id"] for each in api.get("/saved-queries?searchString=QUERY 1&returnList=true").json] == [
        pks[1]
    ]
    assert [each["id"] for each in api.get(f"/saved-queries?searchString={pks[0]}&returnList=true").json] == [
        pks[0]
    ]
    assert api.get(f"/saved-queries/count?cpId={biobank.skin.pk}").json == {"count": 0}
    assert api.get("/saved-queries?startAt=-1").codes == ["QUERY_INVALID_PAGINATION_FILTER"]
    assert api.get("/saved-queries?maxResults=0").codes == ["QUERY_INVALID_PAGINATION_FILTER"]
    assert api.post(f"/saved-queries/{pks[0]}/labels").json == {"status": True}
    first = api.get("/saved-queries?orderByStarred=true&returnList=true").json[0]
    assert (first["id"], first["starred"]) == (pks[0], True)
    assert api.delete(f"/saved-queries/{pks[0]}/labels").json == {"status": True}


def test_others_see_and_change_only_what_is_shared(
    api: Api, as_user: Callable[[User], Api], biobank: Biobank, statuses: Statuses
) -> None:
    user = factories.user(of=biobank.institute)
    factories.grant(user, {"Query": ["Create", "Read", "Update", "Delete"], "ParticipantDeid": ["Read"]})
    other = as_user(user)
    pk = api.post("/saved-queries", definition()).json["id"]
    assert other.get("/saved-queries").json["queries"] == []
    assert other.get(f"/saved-queries/{pk}").status == 200
    refused = other.put(f"/saved-queries/{pk}", definition("Mine now"))
    assert (refused.status, refused.codes) == (statuses.forbidden, ["QUERY_OP_NOT_ALLOWED"])
    assert other.delete(f"/saved-queries/{pk}").codes == ["QUERY_OP_NOT_ALLOWED"]
    assert other.get(f"/saved-queries/{pk}/definition-file").codes == ["QUERY_OP_NOT_ALLOWED"]
    folder = api.post(
        "/query-folders",
        {
            "name": "Lung",
            "sharedWith": [{"id": user.pk}],
            "queries": [{"id": pk}],
            "allowEditsBySharedUsers": True,
        },
    )
    assert (folder.status, folder.json["sharedWith"][0]["id"]) == (statuses.created, user.pk)
    assert [each["id"] for each in other.get("/saved-queries").json["queries"]] == [pk]
    assert other.put(f"/saved-queries/{pk}", definition("Ours")).status == statuses.created
    mismatch = api.put(f"/saved-queries/{pk}", definition(id=pk + 1))
    assert (mismatch.status, mismatch.codes) == (400, ["INVALID_REQUEST"])


def test_folders(api: Api, biobank: Biobank, statuses: Statuses) -> None:
    pks = [api.post("/saved-queries", definition(f"Query {n}")).json["id"] for n in range(2)]
    assert api.post("/query-folders", {"name": ""}).codes == ["QUERY_FOLDER_NAME_REQUIRED"]
    assert api.post("/query-folders", {"name": "x", "queries": [{"id": 999999}]}).codes == [
        "QUERY_QUERIES_NOT_ACCESSIBLE"
    ]
    assert api.post("/query-folders", {"name": "x", "sharedWith": [{"id": 999999}]}).codes == [
        "QUERY_INVALID_SHARE_ACCESS_DETAILS"
    ]
    pk = api.post("/query-folders", {"name": "Reports"}).json["id"]
    assert [
        each["id"] for each in api.put(f"/query-folders/{pk}/saved-queries?operation=ADD", pks).json
    ] == pks[::-1]
    assert [
        each["id"] for each in api.put(f"/query-folders/{pk}/saved-queries?operation=REMOVE", pks[:1]).json
    ] == pks[1:]
    assert api.put(f"/query-folders/{pk}/saved-queries?operation=TURN", pks).codes == ["COMMON_INVALID_INPUT"]
    assert api.get(f"/query-folders/{pk}/saved-queries?countReq=true").json["count"] == 1
    assert api.get(f"/query-folders/{pk}/saved-queries-count").json == {"count": 1}
    assert api.get(f"/query-folders/{pk}?includeQueries=true").json["queries"][0]["id"] == pks[1]
    assert api.put(f"/query-folders/{pk}/users", [biobank.reader.pk]).json[0]["id"] == biobank.reader.pk
    assert api.put(f"/query-folders/{pk}", {"name": "All", "sharedWithAll": True}).json["sharedWith"] == []
    assert [each["name"] for each in api.get("/query-folders").json] == ["All"]
    assert api.delete(f"/query-folders/{pk}").json == pk
    gone = api.get(f"/query-folders/{pk}")
    assert (gone.status, gone.codes) == (statuses.not_found, ["QUERY_FOLDER_NOT_FOUND"])
    assert SavedQuery.objects.filter(pk__in=pks, activity_status="Active").count() == 2


def test_definitions_travel_as_files(api: Api, biobank: Biobank) -> None:
    pk = api.post("/saved-queries", definition(cpId=biobank.lung.pk)).json["id"]
    file = api.get(f"/saved-queries/{pk}/definition-file")
    assert file.headers["Content-Disposition"] == f"attachment;filename=QueryDef_{pk}.json"
    copied = api.upload("/saved-queries/definition-file", "q.json", file.body)
    assert copied.json["id"] != pk
    assert copied.json["filters"] == api.get(f"/saved-queries/{pk}").json["filters"]
    assert api.upload("/saved-queries/definition-file", "q.json", b"{oops").codes == ["INVALID_REQUEST"]


def test_reports(api: Api, biobank: Biobank) -> None:
    crosstab = {
        "type": "crosstab",
        "params": {
            "groupRowsBy": [{"id": "Participant.gender"}],
            "groupColBy": [{"id": "Specimen.type"}],
            "summaryFields": [{"id": "Specimen.id$count"}],
        },
    }
    counted = {"name": "Specimen.id", "aggFns": [{"name": "count", "desc": "n"}]}
    body = definition(
        selectList=["Participant.gender", "Specimen.type", counted],
        filters=[{"id": 1, "field": "Specimen.id", "op": "EXISTS"}],
        queryExpression=[filter_token(1)],
    )
    for column in (crosstab["params"]["groupColBy"], crosstab["params"]["groupColBy"][0]):  # type: ignore[index]
        crosstab["params"]["groupColBy"] = column  # type: ignore[index]
        pk = api.post("/saved-queries", {**body, "reporting": crosstab}).json["id"]
        run = api.post(f"/query/{pk}", {}).json
        assert run["columnLabels"] == ["Participant# Gender", "DNA", "Plasma", "Serum", "Total"]
        assert run["rows"] == [
            ["\0\0\0\0\0", "1", "2", "1", "4"], ["Female", "1", "2", "0", "3"], ["Male", "0", "0", "1", "1"],
        ]  # fmt: skip
    summed = {
        "aql": 'select Specimen.label, Specimen.availableQty where Specimen.id exists columnsummary("sum", "1", "2")'
    }
    assert api.post("/query", summed).json["rows"][-1] == [None, "10.50"]
    assert api.post("/query", {"aql": summed["aql"].replace('"2"', '"1"')}).codes == ["QUERY_MALFORMED"]


def test_deleting_a_query_deletes_its_jobs(api: Api, biobank: Biobank) -> None:
    pk = api.post("/saved-queries", definition()).json["id"]
    api.post(
        "/scheduled-jobs",
        {"name": "Job", "type": "QUERY", "savedQuery": {"id": pk}, "repeatSchedule": "MINUTELY"},
    )
    api.delete(f"/saved-queries/{pk}")
    job = ScheduledJob.objects.get()
    assert (job.activity_status, job.name.startswith("Job_")) == ("Disabled", True)
