"""`POST /query` and what stands around it, over HTTP (spec 05 §3)."""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from queries import runs
from queries.models import QueryAudit, QueryExport
from queries.runner import SLOTS
from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses
from tests.queries.conftest import Biobank

AQL = 'select Participant.ppid, Specimen.label as "Label" where Specimen.lineage = "New"'


def test_the_answer_has_all_seven_keys(api: Api, biobank: Biobank) -> None:
    body = {
        "aql": AQL,
        "cpId": str(biobank.lung.pk),
        "outputColumnExprs": "true",
        "indexOf": "Specimen.label",
    }
    answer = api.post("/query", body)
    assert answer.status == 200
    assert answer.json == {
        "columnMetadata": [
            {"expr": "Participant.ppid", "aggregate": False},
            {"expr": "Specimen.label", "aggregate": False},
        ],
        "columnLabels": ["Participant.ppid", "Specimen.label"],
        "columnTypes": ["STRING", "STRING"],
        "columnUrls": [None, None],
        "rows": [["P1", "S1"], ["P1", "S2"]],
        "columnIndices": [1],
        "dbRowsCount": 2,
    }  # fmt: skip


def test_the_same_labels_are_numbered_and_hidden_aliases_stay(api: Api, biobank: Biobank) -> None:
    aql = (
        'select Participant.id as "$cprId", Participant.ppid, Participant.ppid, count(Specimen.id)'
        " where Specimen.id exists"
    )
    assert api.post("/query", {"aql": aql}).json["columnLabels"] == [
        "$cprId", "Participant# PPID", "Participant# PPID - 1", "Column",
    ]  # fmt: skip
    labels = api.post("/query", {"aql": aql, "outputColumnExprs": True}).json["columnLabels"]
    assert labels == ["$cprId", "Participant.ppid", "Participant.ppid - 1", "count ( Specimen.id )"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"aql": ""},
        {"aql": "select nonsense"},
        {"aql": AQL, "wideRowMode": "deep"},
        {"aql": AQL, "drivingForm": "Freezer"},
        {"aql": AQL + " having sum(Specimen.label) > 3"},
    ],
)
def test_bad_queries_are_malformed(
    api: Api, biobank: Biobank, body: dict[str, Any], statuses: Statuses
) -> None:
    for path in ("/query", "/query/export"):
        answer = api.post(path, body)
        assert (answer.status, answer.codes) == (400, ["QUERY_MALFORMED"])


def test_other_bad_input(api: Api, anonymous: Api, biobank: Biobank) -> None:
    assert api.post("/query", {"aql": AQL, "querySpace": "elsewhere"}).codes == ["COMMON_INVALID_INPUT"]
    assert api.post("/query", {"aql": AQL, "cpId": "x"}).codes == ["INVALID_REQUEST"]
    assert api.post("/query", [AQL]).codes == ["INVALID_REQUEST"]
    assert anonymous.post("/query", {"aql": AQL}).status == 401


@pytest.fixture
def elsewhere(db: None) -> Iterator[CursorWrapper]:
    """Another connection to the same database, in a transaction of its own."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.rollback()
        other.close()


def test_a_query_that_takes_too_long_is_stopped(api: Api, biobank: Biobank, elsewhere: CursorWrapper) -> None:
    elsewhere.execute("LOCK TABLE terminology_permissiblevalue IN ACCESS EXCLUSIVE MODE")
    slow = "select SpecimenCollectionGroup.clinicalDiagnoses.code where SpecimenCollectionGroup.id exists"
    answer = api.post("/query", {"aql": slow, "timeoutInSeconds": "1"})
    assert (answer.status, answer.codes) == (400, ["QUERY_TIMEOUT"])
    assert QueryAudit.objects.latest("pk").record_count == -1
    assert api.post("/query", {"aql": AQL}).status == 200


def test_only_so_many_queries_run_at_once(
    api: Api, biobank: Biobank, elsewhere: CursorWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queries.runner.number", lambda module, name: 1)
    elsewhere.execute("SELECT pg_advisory_xact_lock(%s, 1)", [SLOTS])
    assert api.post("/query", {"aql": AQL}).codes == ["QUERY_TOO_BUSY"]
    elsewhere.execute("ROLLBACK")
    assert api.post("/query", {"aql": AQL}).status == 200


# --- Who may see what -----------------------------------------------------------------------------------


def reader(biobank: Biobank, **rights: list[str]) -> User:
    user = factories.user(of=biobank.institute)
    factories.grant(user, {"Query": ["Read"], **rights}, site=biobank.site)
    return user


def test_a_caller_without_the_right_may_not_query(
    as_user: Callable[[User], Api], biobank: Biobank, statuses: Statuses
) -> None:
    user = factories.user(of=biobank.institute)
    factories.grant(user, {"ParticipantPhi": ["Read"]})
    answer = as_user(user).post("/query", {"aql": AQL})
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


def test_rows_of_other_protocols_are_not_shown(as_user: Callable[[User], Api], biobank: Biobank) -> None:
    api = as_user(reader(biobank, ParticipantPhi=["Read"]))
    rows = api.post("/query", {"aql": "select Participant.ppid where Participant.id exists"}).json["rows"]
    assert rows == [["P1"], ["P2"]]
    every = "select Participant.ppid where Participant.id exists"
    sneaky = f"select Participant.ppid where Participant.ppid in ({every}) or Participant.id exists"
    assert api.post("/query", {"aql": sneaky}).json["rows"] == [["P1"], ["P2"]]
    for cp in (biobank.skin.pk, 999_999):
        assert api.post("/query", {"aql": AQL, "cpId": cp}).codes == ["RBAC_ACCESS_DENIED"]
    count = "select count(distinct CollectionProtocol.id) where CollectionProtocol.id exists"
    assert api.post("/query", {"aql": count, "drivingForm": "CollectionProtocol"}).json["rows"] == [["1"]]


def test_a_protocol_at_two_sites_does_not_double_its_rows(
    as_user: Callable[[User], Api], biobank: Biobank
) -> None:
    from specimens.protocol.models import ProtocolSite

    ProtocolSite.objects.create(protocol=biobank.lung, site=biobank.other_site)
    user = factories.user(of=biobank.institute)
    factories.grant(user, {"Query": ["Read"], "ParticipantDeid": ["Read"]})
    rows = (
        as_user(user)
        .post("/query", {"aql": "select Participant.ppid where Participant.id exists"})
        .json["rows"]
    )
    assert rows == [["P1"], ["P2"], ["P3"]]


def test_identifying_cells_are_masked(as_user: Callable[[User], Api], biobank: Biobank) -> None:
    user = reader(biobank, ParticipantDeid=["Read"])
    factories.grant(user, {"ParticipantPhi": ["Read"]}, site=biobank.other_site)
    api, mask = as_user(user), "#" * 10
    aql = (
        'select Participant.ppid, Participant.firstName, Participant.dateOfBirth, concat(Participant.lastName, "!")'
        " where Participant.id exists"
    )
    assert api.post("/query", {"aql": aql}).json["rows"] == [
        ["P1", mask, mask, mask],
        ["P2", mask, mask, mask],
        ["P3", "Émile", "12-31-2000", None],
    ]
    wide = 'select Participant.medicalRecord.medicalRecordNumber where Participant.ppid = "P1"'
    assert api.post("/query", {"aql": wide, "wideRowMode": "DEEP"}).json["rows"] == [[mask, mask]]
    ages = 'select years_between("01-01-2021", Participant.dateOfBirth) where Participant.dateOfBirth exists'
    assert api.post("/query", {"aql": ages}).json["rows"] == [["40"], ["20"]]
    names = 'select Participant.ppid where Participant.firstName = "Zoë"'
    assert api.post("/query", {"aql": names}).json["rows"] == [["P1"]]


def test_identifying_fields_are_not_summarised(
    as_user: Callable[[User], Api], biobank: Biobank, api: Api
) -> None:
    aql = "select Participant.firstName, count(Participant.id) where Participant.id exists"
    user = reader(biobank, ParticipantPhi=["Read"])
    assert as_user(user).post("/query", {"aql": aql}).codes == ["QUERY_PHI_NOT_ALLOWED_IN_AGR"]
    assert len(api.post("/query", {"aql": aql}).json["rows"]) == 3


# --- Facets, audit --------------------------------------------------------------------------------------


def test_facets(api: Api, biobank: Biobank) -> None:
    answer = api.post(
        "/query/facet-values", {"facets": ["Specimen.type", "Participant.gender"], "cpId": biobank.lung.pk}
    )
    assert answer.json == [
        {"expr": "Specimen.type", "caption": "Type", "values": ["DNA", "Plasma"], "dbRows": 2},
        {"expr": "Participant.gender", "caption": "Gender", "values": ["Female"], "dbRows": 1},
    ]
    found = api.post("/query/facet-values", {"facets": ["Specimen.type"], "searchTerm": "PLAS"}).json
    assert found[0]["values"] == ["Plasma"]
    restricted = {"facets": ["Specimen.type"], "restriction": 'Participant.ppid = "P3"'}
    assert api.post("/query/facet-values", restricted).json[0]["values"] == ["Serum"]
    assert api.post("/query/facet-values", {"facets": ["Specimen.colour"]}).codes == ["QUERY_MALFORMED"]
    assert api.get("/query/default-result-view").json == []


def test_every_execution_is_noted(api: Api, admin: User, biobank: Biobank) -> None:
    api.post("/query", {"aql": AQL, "runType": "Count"})
    entry = QueryAudit.objects.latest("pk")
    assert (entry.run_by, entry.run_type, entry.record_count, entry.aql) == (admin, "Count", 3, AQL)
    listed = api.get("/query-audit-logs?maxResults=1").json[0]
    assert (listed["id"], listed["recordCount"]) == (entry.pk, 3)
    assert api.get(f"/query-audit-logs/{entry.pk}").json["aql"] == AQL
    assert api.get("/query-audit-logs/count").json == {"count": QueryAudit.objects.count()}
    assert api.get("/query-audit-logs/999999").codes == ["QUERY_AUDIT_LOG_NOT_FOUND"]


# --- Export ---------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are worked on when they are sent."""

    def work(made: QueryExport) -> None:
        from queries.tasks import run_export

        run_export(made.pk)

    monkeypatch.setattr(runs, "send", work)


def test_an_export_is_a_zip_with_one_csv(api: Api, admin: User, biobank: Biobank, at_once: None) -> None:
    aql = AQL.replace('"Label"', '"La, \\"bel\\""') + ' or Participant.ppid = "P2"'
    started = api.post("/query/export", {"aql": aql, "cpId": biobank.lung.pk}).json
    assert started["completed"] is True
    answer = api.get(f"/query/export?fileId={started['dataFile']}&filename=../my file")
    assert (answer.status, answer.headers["Content-Disposition"]) == (
        200,
        'attachment; filename="myfile.zip"',
    )
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        (name,) = archive.namelist()
        lines = archive.read(name).decode().splitlines()
    assert name.startswith("query_0_")
    assert name.endswith(".csv")
    assert lines[0] == f'"Exported By","{admin.first_name} {admin.last_name}"'
    assert lines[2:] == [
        '"Collection Protocol","LUNG"', '"",""', '"Participant_PPID","La, ""bel"""', '"P1","S1"', '"P1","S2"', '"P2",',
    ]  # fmt: skip


def test_only_the_owner_downloads_an_export(
    api: Api, as_user: Callable[[User], Api], biobank: Biobank, at_once: None, statuses: Statuses
) -> None:
    name = api.post("/query/export", {"aql": AQL}).json["dataFile"]
    other = as_user(reader(biobank, ParticipantPhi=["Read"])).get(f"/query/export?fileId={name}")
    assert (other.status, other.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    gone = api.get("/query/export?fileId=../../etc/passwd")
    assert (gone.status, gone.codes) == (statuses.not_found, ["QUERY_EXPORT_DATA_FILE_NOT_FOUND"])
    assert api.get("/query/export").codes == ["INVALID_REQUEST"]


def test_an_export_that_still_runs(api: Api, biobank: Biobank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "WAIT_SECONDS", 0.0)
    started = api.post("/query/export", {"aql": AQL}).json
    assert started["completed"] is False
    assert api.get(f"/query/export?fileId={started['dataFile']}").codes == ["QUERY_EXPORT_DATA_IN_PROGRESS"]
