"""Settings that change who a participant is and who may see them (spec 01 §D.7, §E.4, 03 §1.4)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import User
from sites.models import Site
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol
from tests import factories, specimen_cast, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocol-registrations"


def configure(api: Api, name: str, value: str) -> None:
    answer = api.put("/config-settings", {"module": "biospecimen", "name": name, "value": value})
    assert answer.status in (200, 201), answer.json


@pytest.fixture
def sites(db: None) -> tuple[Site, Site]:
    return factories.site("North"), factories.site("South")


@pytest.fixture
def cohort(sites: tuple[Site, Site]) -> CollectionProtocol:
    return studies.protocol("LC", at=list(sites))


def register(api: Api, of: CollectionProtocol, **person: Any) -> Any:
    return api.post(URL, studies.registration_body(of, participant=person))


# --- Identifiers ------------------------------------------------------------------------------------


def test_national_ids_follow_the_pattern_and_may_be_demanded(api: Api, cohort: CollectionProtocol) -> None:
    configure(api, "participant_uid_pattern", r"\d{3}-\d{4}")
    configure(api, "uid_mandatory", "true")
    assert register(api, cohort, uid="12").codes == ["PARTICIPANT_INVALID_UID"]
    assert register(api, cohort).codes == ["PARTICIPANT_UID_REQUIRED"]
    made = register(api, cohort, uid="123-4567").json
    assert made["participant"]["uid"] == "123-4567"
    assert api.put(f"{URL}/{made['id']}", {"participant": {"uid": ""}}).codes == ["PARTICIPANT_UID_REQUIRED"]
    assert api.put(f"{URL}/{made['id']}", {"participant": {"lastName": "M"}}).status == 201


def test_master_indexes_follow_the_pattern(api: Api, cohort: CollectionProtocol) -> None:
    configure(api, "mpi_pattern", "E-[0-9]+")
    assert register(api, cohort, empi="X").codes == ["PARTICIPANT_INVALID_MPI"]
    assert register(api, cohort, empi="E-7").status == 201


def test_master_indexes_that_are_generated_are_never_given(api: Api, cohort: CollectionProtocol) -> None:
    known = register(api, cohort, empi="MPI0002").json
    configure(api, "mpi_format", "MPI%SYS_UID(4)%")
    made = [register(api, cohort).json["participant"]["empi"] for _ in range(3)]
    assert len(set(made)) == 3 and all(text.startswith("MPI0") for text in made) and "MPI0002" not in made
    assert register(api, cohort, empi="mine").codes == ["PARTICIPANT_MANUAL_MPI_NOT_ALLOWED"]
    path = f"{URL}/{known['id']}"
    assert api.put(path, {"participant": {"empi": None}}).codes == ["PARTICIPANT_MANUAL_MPI_NOT_ALLOWED"]
    assert api.put(path, {"participant": {"empi": "MPI0002", "lastName": "M"}}).status == 201
    second = register(api, studies.protocol(), empi="MPI0002").json
    assert second["participant"]["id"] == known["participant"]["id"]


def test_a_master_index_without_number_serves_one_participant_only(
    api: Api, cohort: CollectionProtocol
) -> None:
    configure(api, "mpi_format", "M-%TODAY_DATE(yyyy)%")
    assert register(api, cohort).status == 201
    assert register(api, cohort).codes == ["PARTICIPANT_DUP_EMPI"]


def test_masks_that_come_back_leave_the_stored_identity(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api]
) -> None:
    person = {
        "firstName": "Ida",
        "empi": "E-1",
        "birthDate": "1961-07-30",
        "pmis": [{"siteName": "North", "mrn": "1"}],
    }
    made = register(api, cohort, **person).json
    clerk = factories.user()
    factories.grant(clerk, {"ParticipantPhi": ["Update"], "ParticipantDeid": ["Read"]})
    theirs, path = as_user(clerk), f"{URL}/{made['id']}"
    shown = theirs.get(path).json
    assert (shown["participant"]["firstName"], shown["participant"]["pmis"][0]["mrn"]) == ("###", "###")
    shown["participant"]["gender"] = "Female"
    assert theirs.put(path, shown).status == 201
    after = api.get(path).json["participant"]
    assert after == {**made["participant"], "gender": "Female"}


# --- Record numbers restrict access -----------------------------------------------------------------


@pytest.fixture
def people(api: Api, cohort: CollectionProtocol) -> dict[str, Registration]:
    """One with a number in the North, one with numbers in both, one with none."""
    north, south = {"siteName": "North", "mrn": "1"}, {"siteName": "South", "mrn": "2"}
    pmis: dict[str, list[dict[str, str]]] = {
        "north": [north],
        "both": [{**north, "mrn": "3"}, south],
        "none": [],
    }
    found = {}
    for name, numbers in pmis.items():
        body = studies.registration_body(cohort, name, participant={"lastName": name, "pmis": numbers})
        found[name] = Registration.objects.get(pk=api.post(URL, body).json["id"])
    return found


@pytest.fixture
def southern(sites: tuple[Site, Site], as_user: Callable[[User], Api]) -> Api:
    """Somebody with every right in the South, where the protocol collects too."""
    user = factories.user()
    everything = ["Create", "Read", "Update", "Delete"]
    rights = {
        **dict.fromkeys(("ParticipantPhi", "Visit", "Consent", "Specimen"), everything),
        "Query": ["Read"],
    }
    factories.grant(user, rights, site=sites[1])
    return as_user(user)


def test_numbers_at_foreign_sites_hide_participants_when_access_is_restricted(
    api: Api, southern: Api, people: dict[str, Registration], statuses: Statuses
) -> None:
    visits = {name: studies.visit(row, f"V-{name}") for name, row in people.items()}

    def seen(call: str) -> set[str]:
        if call == "visits":
            return {row["name"][2:] for row in southern.get("/visits/list").json}
        return {row["ppid"] for row in southern.post(f"{URL}/list", {}).json}

    assert seen("registrations") == seen("visits") == {"north", "both", "none"}
    configure(api, "mrn_restriction_enabled", "true")
    assert seen("registrations") == seen("visits") == {"both", "none"}
    assert southern.post(f"{URL}/count", {}).json == {"count": 2}
    matched = southern.post("/participants/match", {"pmi": {"siteName": "North", "mrn": "1"}})
    assert matched.json == []

    hidden, visit = people["north"], visits["north"]
    path = f"{URL}/{hidden.pk}"
    for answer in (
        southern.get(path),
        southern.put(path, {"barcode": "B"}),
        southern.delete(path),
        southern.put(f"{path}/anonymize"),
        southern.put(f"{path}/consents", {"comments": "x"}),
        southern.get(f"{path}/consents"),
        southern.get(f"/visits?cprId={hidden.pk}"),
        southern.get(f"/visits/{visit.pk}"),
        southern.post("/visits", {"cprId": hidden.pk}),
        southern.put(f"/visits/{visit.pk}", {"cprId": people["both"].pk}),
        southern.delete(f"/visits/{visit.pk}"),
        southern.get(f"/participants/{hidden.participant_id}"),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])

    for name in ("both", "none"):
        path = f"{URL}/{people[name].pk}"
        assert southern.get(path).status == 200
        assert southern.put(path, {"barcode": name}).status == statuses.created
        assert southern.post("/visits", {"cprId": people[name].pk}).status == statuses.created
    assert api.get(f"{URL}/{hidden.pk}").status == 200


def test_specimens_and_queries_keep_to_the_restriction_too(
    api: Api, southern: Api, people: dict[str, Registration], statuses: Statuses
) -> None:
    visits = {name: studies.visit(row, f"V-{name}") for name, row in people.items()}
    made = {name: specimen_cast.saved(api, visit) for name, visit in visits.items()}
    aql = "select Participant.ppid, Specimen.label where Specimen.label exists"

    def seen() -> tuple[set[str], set[str]]:
        listed = southern.post("/specimens/search", {}).json
        asked = southern.post("/query", {"aql": aql, "cpId": -1}).json["rows"]
        return {row["ppid"] for row in listed}, {row[0] for row in asked}

    everybody = {"north", "both", "none"}
    assert seen() == (everybody, everybody)
    configure(api, "mrn_restriction_enabled", "true")
    assert seen() == ({"both", "none"}, {"both", "none"})

    pk, hidden_visit = made["north"]["id"], visits["north"]
    for answer in (
        southern.get(f"/specimens/{pk}"),
        southern.put(f"/specimens/{pk}", {"comments": "x"}),
        southern.post("/specimens", specimen_cast.body(hidden_visit, "N")),
        southern.post("/specimens", {"lineage": "Aliquot", "parentId": pk, "initialQty": 1, "label": "A"}),
        southern.get(f"/specimens?cprId={people['north'].pk}"),
        southern.delete(f"/specimens/{pk}"),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert southern.put(f"/specimens/{made['both']['id']}", {"comments": "x"}).status == statuses.created
    assert southern.delete(f"/specimens/{made['none']['id']}").status == 200
