"""Finding, matching and masking participants; their consents (spec 03 §1.2, §1.5, §1.8, §1.9)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import User
from sites.models import Site
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ConsentTier
from specimens.specimen.models import Specimen
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

URL = "/collection-protocol-registrations"
MASK = "###"


@pytest.fixture
def north(db: None) -> Site:
    return factories.site("North Hospital")


@pytest.fixture
def cohort(north: Site) -> CollectionProtocol:
    return studies.protocol("LC", at=[north])


def person(n: int, **more: Any) -> dict[str, Any]:
    return {
        "firstName": f"Ida{n}", "lastName": "Moreau", "birthDate": f"1961-07-{n:02}", "uid": f"U-{n}",
        "empi": f"E-{n}", "pmis": [{"siteName": "North Hospital", "mrn": f"88-{n}"}], **more,
    }  # fmt: skip


@pytest.fixture
def three(api: Api, cohort: CollectionProtocol) -> list[int]:
    """P-1, P-2 and P-3, registered on the first three days of March 2024."""
    return [
        api.post(
            URL,
            studies.registration_body(
                cohort,
                f"P-{n}",
                registrationDate=f"2024-03-0{n}",
                externalSubjectId=f"X-{n}",
                participant=person(n),
            ),
        ).json["id"]
        for n in (1, 2, 3)
    ]


def found(api: Api, **search: Any) -> list[str]:
    """PPIDs of a search, in its order; the count call must agree."""
    rows = [row["ppid"] for row in api.post(f"{URL}/list", search).json]
    paged = {"startAt", "maxResults"} & search.keys()
    assert paged or api.post(f"{URL}/count", search).json == {"count": len(rows)}
    return rows


# --- Searching --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "ppids"),
    [
        ({}, ["P-3", "P-2", "P-1"]),
        ({"cpId": -1}, ["P-3", "P-2", "P-1"]),
        ({"cpId": None, "maxResults": None}, ["P-3", "P-2", "P-1"]),
        ({"cpId": 999999}, []),
        ({"ppid": "p-2"}, ["P-2"]),
        ({"ppid": "P-", "exactMatch": True}, []),
        ({"ppid": "P-1", "exactMatch": True}, ["P-1"]),
        ({"name": "IDA3"}, ["P-3"]),
        ({"name": "oreau"}, ["P-3", "P-2", "P-1"]),
        ({"participantId": "88-1"}, ["P-1"]),
        ({"participantId": "e-2"}, ["P-2"]),
        ({"participantId": "U-3"}, ["P-3"]),
        ({"uid": "U-1"}, ["P-1"]),
        ({"uid": "U-"}, []),
        ({"dob": "1961-07-02"}, ["P-2"]),
        ({"dob": -265852800000 - 28 * 86400000}, ["P-2"]),
        ({"registrationDate": "2024-03-03"}, ["P-3"]),
        ({"searchStr": "p-1"}, ["P-1"]),
        ({"searchStr": "ida2"}, ["P-2"]),
        ({"searchStr": "88-3", "ppid": "P-1", "name": "nobody"}, ["P-3"]),
        ({"ppids": ["P-1", "P-3", "nobody"]}, ["P-3", "P-1"]),
        ({"externalSubjectIds": ["X-2"]}, ["P-2"]),
        ({"empis": ["E-1", "E-2"]}, ["P-2", "P-1"]),
        ({"startAt": 1, "maxResults": 1}, ["P-2"]),
        ({"startAt": -5, "maxResults": 0}, ["P-3", "P-2", "P-1"]),
        ({"maxResults": 1, "ppids": ["P-1", "P-2"]}, ["P-2", "P-1"]),
        ({"orderBy": "ppid", "nonsense": 1}, ["P-3", "P-2", "P-1"]),
    ],
)
def test_a_search_answers_the_newest_first(
    api: Api, three: list[int], search: dict[str, Any], ppids: list[str]
) -> None:
    assert found(api, **search) == ppids


def test_registrations_are_found_by_their_ids(api: Api, three: list[int]) -> None:
    assert found(api, ids=three[:2]) == ["P-2", "P-1"]
    rows = api.get(f"{URL}?id={three[0]}&id={three[2]},999999").json
    assert [row["id"] for row in rows] == [three[2], three[0]]


def test_a_search_is_an_action_not_a_write(api: Api, three: list[int], statuses: Statuses) -> None:
    assert api.post(f"{URL}/list", {}).status == api.post(f"{URL}/count", {}).status == 200


def test_registrations_are_found_by_a_specimen(api: Api, three: list[int]) -> None:
    row = Registration.objects.get(pk=three[1])
    visit = studies.visit(row)
    tube = Specimen.objects.create(
        protocol=row.protocol,
        visit=visit,
        label="Tube-77",
        barcode="BAR-1",
        specimen_class="Fluid",
        type="Plasma",
    )
    assert found(api, specimen="tube-7") == found(api, specimen="bar") == ["P-2"]
    Specimen.objects.filter(pk=tube.pk).update(activity_status="Closed")
    assert found(api, specimen="tube-7") == []


def test_deleted_registrations_are_not_found(api: Api, three: list[int]) -> None:
    api.delete(f"{URL}/{three[0]}")
    assert found(api) == ["P-3", "P-2"]


def test_the_list_costs_the_same_number_of_queries_whatever_its_size(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api], three: list[int]
) -> None:
    reader = factories.user()
    factories.grant(reader, {"ParticipantPhi": ["Read"]}, protocol=cohort)

    def queries(client: Api, **search: Any) -> int:
        client.post(f"{URL}/list", {"maxResults": 1})
        with CaptureQueriesContext(
            connection,
        ) as counted:
            client.post(f"{URL}/list", search)
        return len(counted)

    for client in (api, as_user(reader)):
        assert queries(client, maxResults=1) == queries(client, maxResults=100) <= 8


# --- Masking ----------------------------------------------------------------------------------------


@pytest.fixture
def blind(cohort: CollectionProtocol, as_user: Callable[[User], Api]) -> Api:
    """Somebody who may read the cohort without names."""
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantDeid": ["Read"]}, protocol=cohort)
    return as_user(somebody)


def test_names_are_masked_where_there_are_none_too(api: Api, blind: Api, three: list[int]) -> None:
    for shown in (
        blind.get(f"{URL}/{three[0]}").json["participant"],
        blind.post(f"{URL}/list", {}).json[2]["participant"],
        blind.get(f"/participants/{Registration.objects.get(pk=three[0]).participant_id}").json,
    ):
        for key in ("firstName", "middleName", "lastName", "emailAddress", "phoneNumber", "uid", "empi"):
            assert shown[key] == MASK
        assert shown["pmis"] == [{"siteName": "North Hospital", "mrn": MASK}]
        assert not {"birthDate", "birthDateStr", "deathDate"} & shown.keys()
        assert shown["phiAccess"] is False


@pytest.mark.parametrize(
    "search",
    [
        {"name": "Ida"}, {"participantId": "88"}, {"uid": "U-1"}, {"dob": "1961-07-01"}, {"empis": ["E-1"]},
        {"searchStr": "Ida1"}, {"searchStr": "88-1"},
    ],
)  # fmt: skip
def test_without_phi_rights_a_search_by_identity_finds_nothing(
    blind: Api, three: list[int], search: dict[str, Any]
) -> None:
    assert found(blind, **search) == []
    assert found(blind, searchStr="P-1") == ["P-1"]


def test_each_row_is_masked_by_the_rights_in_its_protocol(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api]
) -> None:
    other, third = studies.protocol(), studies.protocol()
    for of, ppid in ((cohort, "open"), (other, "masked"), (third, "hidden")):
        api.post(URL, studies.registration_body(of, ppid, participant={"firstName": "Ida"}))
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantPhi": ["Read"]}, protocol=cohort)
    factories.grant(somebody, {"ParticipantDeid": ["Read"]}, protocol=other)
    rows = as_user(somebody).post(f"{URL}/list", {}).json
    assert {row["ppid"]: row["participant"]["firstName"] for row in rows} == {"open": "Ida", "masked": MASK}
    assert found(as_user(somebody), name="ida") == ["open"]


def test_somebody_without_any_right_sees_an_empty_list(
    as_user: Callable[[User], Api], three: list[int]
) -> None:
    nobody = as_user(factories.user())
    assert found(nobody) == []
    assert nobody.get(f"{URL}/{three[0]}").codes == ["RBAC_ACCESS_DENIED"]


# --- Participants and matches -----------------------------------------------------------------------


def test_a_participant_is_read_with_all_readable_registrations(
    api: Api, three: list[int], statuses: Statuses
) -> None:
    pk = Registration.objects.get(pk=three[0]).participant_id
    shown = api.get(f"/participants/{pk}").json
    assert (shown["firstName"], [row["ppid"] for row in shown["registeredCps"]]) == ("Ida1", ["P-1"])
    missing = api.get("/participants/999999")
    assert (missing.status, missing.codes) == (statuses.not_found, ["PARTICIPANT_NOT_FOUND"])


def test_a_match_tells_on_what_it_rests(api: Api, three: list[int], statuses: Statuses) -> None:
    def matched(**sent: Any) -> list[tuple[str, list[str]]]:
        answer = api.post("/participants/match", sent)
        assert answer.status == 200
        return [(row["participant"]["firstName"], row["matchedAttrs"]) for row in answer.json]

    mrn = {"siteName": "north hospital", "mrn": "88-1"}
    assert matched(empi="E-1", uid="U-1", pmis=[mrn], lastName="moreau", birthDate="1961-07-01") == [
        ("Ida1", ["empi", "uid", "pmi", "lnameAndDob"])
    ]
    assert matched(pmi=mrn, empi="E-2") == [("Ida1", ["pmi"]), ("Ida2", ["empi"])]
    assert matched(lastName="Moreau") == matched(empi="E-") == matched() == []


def test_matches_show_the_readable_registrations(
    api: Api, cohort: CollectionProtocol, three: list[int]
) -> None:
    row = api.post("/participants/match", {"empi": "E-1", "reqRegInfo": True}).json[0]["participant"]
    assert [summary["cpShortTitle"] for summary in row["registeredCps"]] == ["LC"]


def test_matching_by_identity_takes_phi_rights(blind: Api, three: list[int]) -> None:
    assert blind.post("/participants/match", {"empi": "E-1"}).json == []


# --- Consents ---------------------------------------------------------------------------------------


@pytest.fixture
def asked(cohort: CollectionProtocol) -> CollectionProtocol:
    """The cohort asks for two consents, C1 and C2."""
    for code, text in (("C1", "Blood may be stored"), ("C2", "Results may be shared")):
        statement = ConsentStatement.objects.create(code=code, statement=text)
        ConsentTier.objects.create(protocol=cohort, statement=statement)
    return cohort


def answers(api: Api, pk: int) -> dict[str, str | None]:
    return {row["code"]: row["response"] for row in api.get(f"{URL}/{pk}/consents").json["responses"]}


def test_consents_are_recorded_key_by_key(
    api: Api, asked: CollectionProtocol, three: list[int], statuses: Statuses
) -> None:
    path = f"{URL}/{three[0]}/consents"
    assert answers(api, three[0]) == {"C1": None, "C2": None}
    sent = {
        "consentSignatureDate": 1710115200000,
        "comments": "by post",
        "witness": {"emailAddress": User.objects.get(login_name="admin").email_address},
        "responses": [
            {"code": "c1", "response": "yes"},
            {"statement": "Results may be shared", "response": "No"},
        ],
    }
    answer = api.put(path, sent)
    assert answer.status == statuses.created
    assert (answer.json["cpShortTitle"], answer.json["ppid"], answer.json["empi"]) == ("LC", "P-1", "E-1")
    assert answer.json["witness"]["loginName"] == "admin"
    assert answer.json["consentSignatureDate"] == 1710115200000
    assert answers(api, three[0]) == {"C1": "Yes", "C2": "No"}

    api.put(path, {"responses": [{"code": "C1", "response": ""}, {"code": "C2"}]})
    assert answers(api, three[0]) == {"C1": None, "C2": "No"}
    assert api.get(path).json["comments"] == "by post"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"responses": [{"code": "C9", "response": "Yes"}]}, "CPR_INVALID_CONSENT_STATEMENT"),
        ({"responses": [{"code": "C1", "response": "Perhaps"}]}, "CPR_INVALID_CONSENT_RESPONSE"),
        ({"responses": [{"response": "Yes"}]}, "CONSENT_STATEMENTCODE_REQUIRED"),
        ({"witness": {"id": 999999}}, "CPR_CONSENT_WITNESS_NOT_FOUND"),
    ],
)
def test_what_consents_refuse(
    api: Api, asked: CollectionProtocol, three: list[int], sent: dict[str, Any], code: str
) -> None:
    answer = api.put(f"{URL}/{three[0]}/consents", sent)
    assert (answer.status, answer.codes) == (400, [code])
    assert answers(api, three[0]) == {"C1": None, "C2": None}


def test_consents_have_rights_of_their_own(
    asked: CollectionProtocol, as_user: Callable[[User], Api], three: list[int]
) -> None:
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantPhi": ["Read", "Update"], "Consent": ["Read"]}, protocol=asked)
    theirs = as_user(somebody)
    assert theirs.get(f"{URL}/{three[0]}/consents").status == 200
    refused = theirs.put(f"{URL}/{three[0]}/consents", {"comments": "x"})
    assert refused.codes == ["RBAC_ACCESS_DENIED"]


def test_consents_taken_from_another_protocol_are_read_there(
    api: Api, asked: CollectionProtocol, three: list[int]
) -> None:
    api.put(f"{URL}/{three[0]}/consents", {"responses": [{"code": "C1", "response": "Yes"}]})
    follower = studies.protocol(consents_source=asked)
    body = studies.registration_body(follower, participant={"empi": "E-1"})
    pk = api.post(URL, body).json["id"]
    assert answers(api, pk) == {"C1": "Yes", "C2": None}
    assert api.put(f"{URL}/{pk}/consents", {"comments": "x"}).codes == ["CP_CONSENTS_SOURCED"]
