"""Lists that an installation lays out (spec 02 §A10)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import User
from specimens.protocol.models import SystemWorkflow
from tests import factories
from tests.client import Api, Statuses
from tests.queries.asking import ask
from tests.queries.conftest import Biobank

AsUser = Callable[[User], Api]
PEOPLE, SPECIMENS, PROTOCOLS = "participant-list-view", "specimen-list-view", "cp-list-view"
Json = dict[str, Any]


def rows(api: Api, pk: int, name: str, filters: list[Json] | None = None, more: str = "") -> list[list[Any]]:
    answer = api.post(f"/collection-protocols/{pk}/list-detail?listName={name}{more}", filters or [])
    assert answer.status == 200, answer.json
    return [row["data"] for row in answer.json["rows"]]


def firsts(api: Api, pk: int, name: str, *filters: Json) -> list[Any]:
    """The first column of what is found."""
    return [row[0] for row in rows(api, pk, name, list(filters))]


def lay_out(api: Api, pk: int, name: str, **data: Any) -> None:
    body = [{"name": name, "view": None, "ctrl": None, "data": data}]
    assert api.patch(f"/collection-protocols/{pk}/workflows", body).status == 200


def reader(biobank: Biobank, **rights: list[str]) -> User:
    factories.grant(biobank.reader, rights, protocol=biobank.lung)
    return biobank.reader


# --- Configuration ----------------------------------------------------------------------------------


def test_a_list_that_nobody_configured_has_a_layout(api: Api, biobank: Biobank) -> None:
    answer = api.get(f"/collection-protocols/{biobank.lung.pk}/list-config?listName={PEOPLE}")
    assert answer.status == 200
    found = answer.json
    assert (found["name"], found["drivingForm"]) == (PEOPLE, "Participant")
    assert found["columns"][0] == {"expr": "Participant.ppid", "caption": "PPID", "dataType": "STRING"}
    assert found["hiddenColumns"] == [{"expr": "Participant.id", "caption": "cprId"}]
    assert found["fixedColumns"] is None
    assert found["orderBy"] == [{"expr": "Participant.regDate", "direction": "desc"}]
    assert found["filters"][0]["caption"] == "PPID"


def test_the_protocol_s_layout_goes_before_the_system_s(api: Api, biobank: Biobank) -> None:
    lung, skin = biobank.lung.pk, biobank.skin.pk
    lay_out(api, -1, PEOPLE, columns=[{"expr": "Participant.gender", "caption": "Gender", "width": 40}])
    lay_out(
        api,
        lung,
        PEOPLE,
        filters=[{"expr": "Participant.ppid", "caption": "PPID"}],
        columns=[
            {"expr": "Participant.ppid", "caption": "PPID"},
            {"expr": "count(distinct Specimen.id)", "caption": "Specimens"},
        ],
        orderBy=[{"expr": "Participant.ppid", "direction": "desc"}],
    )
    assert rows(api, lung, PEOPLE) == [["P2", "0"], ["P1", "3"]]
    assert rows(api, skin, PEOPLE) == [["Male"]]
    config = api.get(f"/collection-protocols/{skin}/list-config?listName={PEOPLE}").json
    assert config["columns"] == [
        {"expr": "Participant.gender", "caption": "Gender", "dataType": "STRING", "width": 40}
    ]
    assert SystemWorkflow.objects.filter(name=PEOPLE).exists()


def test_names_and_protocols_must_exist(api: Api, biobank: Biobank, statuses: Statuses) -> None:
    lung = f"/collection-protocols/{biobank.lung.pk}"
    for name in ("", "?listName=", "?listName=freezer-list-view", "?listName=common"):
        for answer in (
            api.get(f"{lung}/list-config{name}"),
            api.post(f"{lung}/list-detail{name}", []),
            api.post(f"{lung}/list-size{name}", []),
            api.get(f"{lung}/expression-values{name}"),
        ):
            assert (answer.status, answer.codes) == (400, ["CP_INVALID_LIST_NAME"])
    answer = api.get(f"/collection-protocols/999999/list-config?listName={PEOPLE}")
    assert (answer.status, answer.codes) == (statuses.not_found, ["CP_NOT_FOUND"])
    assert api.get(f"/collection-protocols/x/list-config?listName={PEOPLE}").codes == ["INVALID_REQUEST"]
    bodies: tuple[Any, ...] = (None, {}, [1])
    for body in bodies:
        answer = api.post(f"{lung}/list-detail?listName={PEOPLE}", body)
        assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ("PPID", "CP_INVALID_LIST_CONFIG"),
        ([{"expr": ["Participant.ppid"]}], "CP_INVALID_LIST_CONFIG"),
        ([{"caption": "nothing"}], "QUERY_MALFORMED"),
        ([{"expr": "Participant.ppid, Participant.lastName"}], "QUERY_MALFORMED"),
        ([{"expr": "distinct Participant.ppid"}], "QUERY_MALFORMED"),
        ([{"expr": "Participant.ppid where Participant.id exists or Participant.id"}], "QUERY_MALFORMED"),
        ([{"expr": "Participant.ppid); drop table protocol_event; --"}], "QUERY_MALFORMED"),
        ([{"expr": "Participant.secret"}], "QUERY_MALFORMED"),
        ([{"expr": "Freezer.name"}], "QUERY_MALFORMED"),
    ],
)
def test_a_layout_holds_expressions_and_nothing_else(
    api: Api, biobank: Biobank, columns: Any, code: str
) -> None:
    lay_out(api, biobank.lung.pk, PEOPLE, columns=columns)
    answer = api.post(f"/collection-protocols/{biobank.lung.pk}/list-detail?listName={PEOPLE}", [])
    assert (answer.status, answer.codes) == (400, [code])


# --- Rows -------------------------------------------------------------------------------------------


def test_rows_have_shown_and_hidden_cells(api: Api, biobank: Biobank) -> None:
    pk = biobank.lung.pk
    answer = api.post(
        f"/collection-protocols/{pk}/list-detail?listName={SPECIMENS}&includeCount=true&maxResults=2", []
    ).json
    assert answer["size"] == 3
    assert [each["caption"] for each in answer["columns"]][:2] == ["Label", "Lineage"]
    first, second = answer["rows"]
    assert first["hidden"] == {"specimenId": str(biobank.s1.pk)}
    assert first["data"][:3] == ["S1", "New", "Plasma"]
    assert (second["data"][0], second["fixedData"]) == ("S2", None)
    assert [row[0] for row in rows(api, pk, SPECIMENS, more="&startAt=2")] == ["S1.1"]
    assert api.post(f"/collection-protocols/{pk}/list-size?listName={SPECIMENS}", []).json == {"size": 3}
    without = api.post(f"/collection-protocols/{pk}/list-detail?listName={SPECIMENS}", []).json
    assert without["size"] is None


def test_protocols_are_listed_starred_first_with_counts_on_request(api: Api, biobank: Biobank) -> None:
    biobank.protocol("CENTRIC", "Nameless", biobank.site)
    type(biobank.lung).objects.filter(short_title="CENTRIC").update(specimen_centric=True)
    assert api.post(f"/collection-protocols/{biobank.skin.pk}/labels").status == 200
    path = f"/collection-protocols/-1/list-detail?listName={PROTOCOLS}"
    plain = api.post(path, []).json
    assert (plain["fixedColumns"], plain["rows"][0]["fixedData"]) == (None, None)
    found = api.post(path + "&includeStats=true", []).json
    assert [each["caption"] for each in found["fixedColumns"]] == ["Participants", "Specimens"]
    shown = [(row["data"][0], row["fixedData"]) for row in found["rows"]]
    assert shown == [("SKIN", [1, 1]), ("CENTRIC", [-1, 0]), ("LUNG", [2, 3])]
    starred, other = found["rows"][0]["hidden"], found["rows"][1]["hidden"]
    assert starred.keys() == {"cpId", "starred", "catalogId"}
    assert starred["cpId"] == str(biobank.skin.pk)
    assert starred["starred"] and not other["starred"]
    config = api.get(f"/collection-protocols/-1/list-config?listName={PROTOCOLS}&includeStats=true").json
    assert [each["caption"] for each in config["fixedColumns"]] == ["Participants", "Specimens"]


def test_filters_fit_the_kind_of_their_column(api: Api, biobank: Biobank) -> None:
    pk = biobank.lung.pk
    lay_out(
        api,
        pk,
        SPECIMENS,
        columns=[{"expr": "Specimen.label"}],
        filters=[
            {"expr": each}
            for each in (
                "Specimen.label", "Specimen.type", "Specimen.availableQty", "Specimen.createdOn",
                "Participant.emailOptIn",
            )
        ],
    )  # fmt: skip

    def found(expr: str, values: list[Any], kind: str | None = None) -> list[str]:
        return firsts(api, pk, SPECIMENS, {"expr": expr, "values": values, "searchType": kind})

    assert found("Specimen.label", ["s1"]) == ["S1", "S1.1"]
    assert found("Specimen.label", ["s1"], "EQUALS") == ["S1"]
    assert found("Specimen.label", ["S1.1", "s2"]) == ["S2", "S1.1"]
    assert found("Specimen.label", ["%"]) == []
    assert found("Specimen.label", ['"; delete', "\\"], "CONTAINS") == []
    assert found("Specimen.label", []) == found("Specimen.label", [None, " "]) == ["S1", "S2", "S1.1"]
    assert found("Specimen.type", ["dna"]) == ["S2"]
    assert found("Specimen.availableQty", [2.5]) == ["S1"]
    assert found("Specimen.availableQty", ["1", "0"]) == ["S2", "S1.1"]
    assert found("Specimen.availableQty", [None, 2], "RANGE") == ["S2", "S1.1"]
    assert found("Specimen.availableQty", [1, 2.5], "range") == ["S1", "S1.1"]
    assert found("Specimen.availableQty", [None, None], "RANGE") == ["S1", "S2", "S1.1"]
    assert found("Specimen.createdOn", ["2021-03-05"]) == ["S1", "S2"]
    assert found("Specimen.createdOn", [1614902400000]) == ["S1", "S2"]
    assert found("Specimen.createdOn", ["03-05-2021", None], "RANGE") == ["S1", "S2"]
    assert found("Specimen.createdOn", [None, "2021-03-04T10:00:00Z"], "RANGE") == []
    assert found("Participant.emailOptIn", [True]) == ["S1", "S2", "S1.1"]
    assert found("Participant.emailOptIn", ["false"]) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"expr": "Participant.lastName", "values": ["x"]},
        {"expr": "Participant.ppid exists or Participant.id", "values": ["x"]},
        {"expr": None, "values": ["x"]},
        {"values": ["x"]},
        {"expr": "Participant.ppid", "values": ["x"], "searchType": "LIKE"},
        {"expr": "Participant.visitCount.completedVisits", "values": ["many"]},
        {"expr": "Participant.visitCount.completedVisits", "values": ["NaN"]},
        {"expr": "Participant.emailOptIn", "values": ["perhaps"]},
        {"expr": "Participant.regDate", "values": ["99999999999999999"]},
    ],
)
def test_only_configured_expressions_are_asked_for(api: Api, biobank: Biobank, wanted: Json) -> None:
    lay_out(
        api,
        biobank.lung.pk,
        PEOPLE,
        columns=[{"expr": "Participant.ppid"}, {"expr": "Participant.visitCount.completedVisits"}],
        filters=[{"expr": "Participant.regDate"}, {"expr": "Participant.emailOptIn"}],
    )
    for path in ("list-detail", "list-size"):
        answer = api.post(f"/collection-protocols/{biobank.lung.pk}/{path}?listName={PEOPLE}", [wanted])
        assert (answer.status, answer.codes) == (400, ["COMMON_INVALID_INPUT"])


def test_counts_can_be_looked_for(api: Api, biobank: Biobank) -> None:
    many = "count(distinct Specimen.id)"
    lay_out(api, biobank.lung.pk, PEOPLE, columns=[{"expr": "Participant.ppid"}, {"expr": many}])
    wanted = [{"expr": many, "values": ["1", None], "searchType": "RANGE"}]
    assert rows(api, biobank.lung.pk, PEOPLE, wanted) == [["P1", "3"]]
    answer = api.post(f"/collection-protocols/{biobank.lung.pk}/list-size?listName={PEOPLE}", wanted)
    assert answer.json == {"size": 1}


def test_values_of_an_expression(api: Api, biobank: Biobank) -> None:
    path = f"/collection-protocols/{biobank.lung.pk}/expression-values?listName={SPECIMENS}"
    assert api.get(f"{path}&expr=Specimen.type").json == ["DNA", "Plasma"]
    assert api.get(f"{path}&expr=Specimen.type&searchTerm=pla").json == ["Plasma"]
    for expr in ("", "&expr=Participant.lastName", "&expr=count(Specimen.id)"):
        assert api.get(path + expr).codes == ["COMMON_INVALID_INPUT"]
    lay_out(api, biobank.lung.pk, SPECIMENS, columns=[{"expr": "count(Specimen.id)"}])
    assert api.get(f"{path}&expr=count(Specimen.id)").codes == ["COMMON_INVALID_INPUT"]


# --- Who sees what ----------------------------------------------------------------------------------


def test_a_list_shows_what_its_caller_may_read(
    api: Api, anonymous: Api, biobank: Biobank, as_user: AsUser, statuses: Statuses
) -> None:
    rights = {"CollectionProtocol": ["Read"], "ParticipantDeid": ["Read"], "PrimarySpecimen": ["Read"]}
    caller = as_user(reader(biobank, **rights))
    lung, skin = biobank.lung.pk, biobank.skin.pk
    assert firsts(caller, -1, PROTOCOLS) == ["LUNG"]
    assert firsts(caller, -1, PEOPLE) == firsts(caller, lung, PEOPLE) == ["P1", "P2"]
    assert firsts(caller, -1, SPECIMENS) == firsts(caller, lung, SPECIMENS) == ["S1", "S2"]
    size = caller.post(f"/collection-protocols/-1/list-size?listName={SPECIMENS}", [])
    assert size.json == {"size": 2}
    answer = caller.post(f"/collection-protocols/{skin}/list-detail?listName={PEOPLE}", [])
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    nobody = as_user(factories.user())
    for name in (PROTOCOLS, PEOPLE, SPECIMENS):
        assert rows(nobody, -1, name) == []
    values = f"/collection-protocols/-1/expression-values?listName={SPECIMENS}&expr=Specimen.type"
    assert nobody.get(values).json == []
    assert caller.get(values).json == ["DNA", "Plasma"]
    assert anonymous.get(f"/collection-protocols/-1/list-config?listName={PROTOCOLS}").status == 401


def test_identities_are_masked_and_cannot_be_guessed(api: Api, biobank: Biobank, as_user: AsUser) -> None:
    rights = {"CollectionProtocol": ["Read"], "ParticipantDeid": ["Read"]}
    caller = as_user(reader(biobank, **rights))
    pk, mask = biobank.lung.pk, "##########"
    born = 'date_format(Participant.dateOfBirth, "%year4%")'
    columns = [
        {"expr": expr}
        for expr in (
            "Participant.ppid",
            "Participant.lastName",
            born,
            "min(Participant.firstName)",
            "count(Visit.id)",
        )
    ]
    columns[-1] = {"expr": "count(distinct SpecimenCollectionGroup.id)"}
    order = [{"expr": "Participant.lastName", "direction": "desc"}]
    filters = [{"expr": "Participant.lastName"}, {"expr": born}]
    lay_out(api, pk, PEOPLE, columns=columns, filters=filters, orderBy=order)
    assert rows(api, pk, PEOPLE) == [["P2", "O'Neil", None, "Ada", "0"], ["P1", "Nguyễn", "1980", "Zoë", "2"]]
    for where in (pk, -1):
        if where == pk:
            assert rows(caller, pk, PEOPLE) == [["P1", mask, mask, mask, "2"], ["P2", mask, mask, mask, "0"]]
        lay_out(api, -1, PEOPLE, columns=columns, filters=filters, orderBy=order)
        assert rows(caller, where, PEOPLE, [{"expr": "Participant.lastName", "values": ["Ng"]}]) == []
        assert rows(caller, where, PEOPLE, [{"expr": born, "values": ["1980"]}]) == []
        size = f"/collection-protocols/{where}/list-size?listName={PEOPLE}"
        assert caller.post(size, [{"expr": "Participant.lastName", "values": ["Ng"]}]).json == {"size": 0}
        values = f"/collection-protocols/{where}/expression-values?listName={PEOPLE}"
        assert caller.get(f"{values}&expr=Participant.lastName").json == []
        assert api.get(f"{values}&expr=Participant.lastName&searchTerm=ng").json == ["Nguyễn"]
    factories.grant(biobank.reader, {"ParticipantPhi": ["Read"]}, protocol=biobank.lung)
    named = as_user(biobank.reader)
    assert rows(named, pk, PEOPLE)[0][:2] == ["P2", "O'Neil"]
    assert rows(named, pk, PEOPLE, [{"expr": "Participant.lastName", "values": ["Ng"]}])[0][0] == "P1"


def test_the_smallest_of_identifying_values_is_not_told(biobank: Biobank) -> None:
    from biobank.access import Grant
    from biobank.wire.errors import Refused

    caller = biobank.actor(Grant("ParticipantDeid", "Read", biobank.site.pk))
    for function in ("min", "max"):
        with pytest.raises(Refused, match="QUERY_PHI_NOT_ALLOWED_IN_AGR"):
            ask(f"select {function}(Participant.lastName) where Participant.id exists", caller)
    assert ask("select min(Participant.lastName) where Participant.id exists", biobank.super).rows


def test_lists_cost_the_same_whatever_they_show(api: Api, biobank: Biobank) -> None:
    path = f"/collection-protocols/-1/list-detail?listName={PROTOCOLS}&includeStats=true&includeCount=true"

    def cost() -> int:
        api.post(path, [])
        with CaptureQueriesContext(connection) as captured:
            assert api.post(path, []).status == 200
        return len(captured)

    few = cost()
    for n in range(4):
        biobank.protocol(f"MORE{n}", f"More {n}", biobank.site)
    assert cost() == few <= 16
