"""Who is meant: several participants, registrations, visits at once (spec 03 §1.8, §2.1)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import User
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol
from tests import factories, studies
from tests.client import Api

pytestmark = pytest.mark.django_db

CPR = "/collection-protocol-registrations"
IDA = {
    "firstName": "Ida", "lastName": "Moreau", "birthDate": "1961-07-30", "uid": "U-1", "empi": "E-1",
    "pmis": [{"siteName": "North Hospital", "mrn": "88-1"}],
}  # fmt: skip


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC", at=[factories.site("North Hospital")])


@pytest.fixture
def ida(api: Api, cohort: CollectionProtocol) -> dict[str, Any]:
    found: dict[str, Any] = api.post(CPR, studies.registration_body(cohort, "P-1", participant=IDA)).json
    return found


@pytest.fixture
def blind(cohort: CollectionProtocol, as_user: Callable[[User], Api]) -> Api:
    """Somebody who may read everything but identities."""
    user = factories.user()
    factories.grant(user, {"ParticipantDeid": ["Read"], "Visit": ["Read"]}, protocol=cohort)
    return as_user(user)


# --- Participants -----------------------------------------------------------------------------------


def test_several_descriptions_are_matched_at_once(api: Api, ida: dict[str, Any]) -> None:
    sent: list[dict[str, Any]] = [
        {"empi": "E-1", "uid": "U-1", "pmis": [{"siteName": "NORTH hospital", "mrn": "88-1"}]},
        {
            "lastName": "MOREAU",
            "birthDate": "1961-07-30",
            "pmi": {"siteName": "North Hospital", "mrn": "88-1"},
        },
        {"lastName": "Moreau", "birthDate": "1961-07-31"},
        {},
    ]
    answer = api.post("/participants/multi-match", sent)
    assert answer.status == 200
    assert [row["criteria"].get("empi") for row in answer.json] == ["E-1", None, None, None]
    assert [[match["matchedAttrs"] for match in row["matches"]] for row in answer.json] == [
        [["empi", "uid", "pmi"]], [["pmi", "lnameAndDob"]], [], [],
    ]  # fmt: skip
    candidate = answer.json[0]["matches"][0]["participant"]
    assert (candidate["id"], candidate["firstName"]) == (ida["participant"]["id"], "Ida")
    assert [row["ppid"] for row in candidate["registeredCps"]] == ["P-1"]
    assert api.post("/participants/multi-match", {}).codes == ["INVALID_REQUEST"]


def test_the_number_of_queries_does_not_grow_with_the_descriptions(api: Api, ida: dict[str, Any]) -> None:
    def queries(sent: list[dict[str, Any]], path: str) -> int:
        with CaptureQueriesContext(connection) as counted:
            assert len(api.post(path, sent).json) == len(sent)
        return len(counted)

    for path, one in (
        ("/participants/multi-match", IDA),
        (f"{CPR}/matches", {"cpShortTitle": "LC", "ppid": "P-2", "participant": IDA}),
    ):
        queries([one], path)
        assert queries([one] * 5, path) == queries([one], path) <= 16


def test_without_phi_rights_nobody_is_matched(blind: Api, ida: dict[str, Any]) -> None:
    assert blind.post("/participants/multi-match", [{"empi": "E-1"}]).json[0]["matches"] == []


# --- Registrations ----------------------------------------------------------------------------------


def test_registrations_are_matched_by_ppid_or_empi_else_the_participants_are(
    api: Api, cohort: CollectionProtocol, ida: dict[str, Any]
) -> None:
    sent = [
        {"cpId": cohort.pk, "ppid": "P-1"},
        {"cpShortTitle": "lc", "ppid": "P-1"},
        {"cpShortTitle": "LC", "participant": {"empi": "E-1"}},
        {"cpShortTitle": "LC", "ppid": "P-9", "participant": {"uid": "U-1"}},
        {"participant": {"uid": "nobody"}},
    ]
    answer = api.post(f"{CPR}/matches", sent)
    assert answer.status == 200
    assert [(row["cpr"] or {}).get("id") for row in answer.json] == [ida["id"]] * 3 + [None, None]
    assert [row["input"]["ppid"] for row in answer.json] == ["P-1", "P-1", None, "P-9", None]
    assert answer.json[0]["participants"] is None
    (match,) = answer.json[3]["participants"]["matches"]
    assert match["participant"]["id"] == ida["participant"]["id"]
    assert answer.json[4]["participants"]["matches"] == []


def test_matched_registrations_are_masked_and_an_empi_finds_nothing_without_phi_rights(
    blind: Api, ida: dict[str, Any]
) -> None:
    by_ppid, by_empi = blind.post(
        f"{CPR}/matches",
        [{"cpShortTitle": "LC", "ppid": "P-1"}, {"cpShortTitle": "LC", "participant": {"empi": "E-1"}}],
    ).json
    assert by_ppid["cpr"]["participant"]["firstName"] == "###"
    assert (by_empi["cpr"], by_empi["participants"]["matches"]) == (None, [])


def test_unreadable_registrations_are_not_matched(
    as_user: Callable[[User], Api], ida: dict[str, Any]
) -> None:
    (row,) = as_user(factories.user()).post(f"{CPR}/matches", [{"cpShortTitle": "LC", "ppid": "P-1"}]).json
    assert row["cpr"] is None


# --- Visits -----------------------------------------------------------------------------------------


def test_visits_are_matched_by_who_came_or_by_accession_number(
    api: Api, blind: Api, cohort: CollectionProtocol, ida: dict[str, Any]
) -> None:
    row = Registration.objects.get(pk=ida["id"])
    studies.visit(row, "V1", surgical_pathology_number="S-1")
    studies.visit(row, "V2")

    def found(caller: Api, attr: str, value: str, cp: int | None = cohort.pk) -> list[tuple[str, list[str]]]:
        answer = caller.post("/visits/match", {"cpId": cp, "attr": attr, "value": value})
        assert answer.status == 200
        return [(m["cpr"]["ppid"], [visit["name"] for visit in m["visits"]]) for m in answer.json]

    everything = [("P-1", ["V1", "V2"])]
    assert found(api, "EMPI_MRN", "E-1") == found(api, "EMPI_MRN", "88-1") == everything
    assert found(api, "ACCESSION_NO", "S-1") == [("P-1", ["V1"])]
    assert found(api, "EMPI_MRN", "E-1", None) == everything
    assert found(api, "EMPI_MRN", "E-1", studies.protocol().pk) == found(api, "ACCESSION_NO", "") == []
    assert found(blind, "EMPI_MRN", "E-1") == found(blind, "ACCESSION_NO", "S-1") == []
    assert api.post("/visits/match", {"attr": "NAME", "value": "x"}).codes == ["COMMON_INVALID_INPUT"]
