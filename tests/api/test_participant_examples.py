"""What clients of the API rely on: the worked examples and the list of behaviours (spec 03 §1.12, §2.10, §7)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from terminology.models import PermissibleValue
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

URL = "/collection-protocol-registrations"
REGISTRATION = {
    "ppid": "LC-0042", "registrationDate": "2024-03-11", "site": "North Hospital",
    "participant": {
        "firstName": "Ida", "lastName": "Moreau", "birthDate": "1961-07-30", "gender": "Female",
        "races": ["White"], "ethnicities": ["Not Hispanic or Latino"], "vitalStatus": "Alive",
        "pmis": [{"siteName": "North Hospital", "mrn": "88-1204"}],
    },
}  # fmt: skip


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol(
        "LC", title="Lung cohort", at=[factories.site("North Hospital")], visit_name_fmt="%PPI%-V%PPI_UID%"
    )


@pytest.fixture
def ida(cohort: CollectionProtocol) -> Registration:
    return studies.registration(cohort, "LC-0042")


def tube(of: Visit, **more: Any) -> Specimen:
    row = {"label": f"T-{factories.number()}", "specimen_class": "Fluid", "type": "Plasma", **more}
    return Specimen.objects.create(protocol=of.protocol, visit=of, **row)


def without_nulls(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if value is not None}


# --- The worked examples ----------------------------------------------------------------------------


def test_registering_answers_the_keys_of_the_example(
    api: Api, cohort: CollectionProtocol, statuses: Statuses
) -> None:
    answer = api.post(f"{URL}/", {"cpId": cohort.pk, **REGISTRATION})
    assert answer.status == statuses.created
    person = answer.json["participant"]
    assert without_nulls(answer.json) == {
        "id": answer.json["id"],
        "participant": {
            "id": person["id"], "source": "OpenSpecimen", "firstName": "Ida", "lastName": "Moreau",
            "emailOptIn": False, "textOptIn": False, "birthDate": -265852800000, "birthDateStr": "1961-07-30",
            "gender": "Female", "races": ["White"], "vitalStatus": "Alive",
            "pmis": [{"siteName": "North Hospital", "mrn": "88-1204"}],
            "ethnicities": ["Not Hispanic or Latino"], "activityStatus": "Active", "phiAccess": True,
            "registeredCps": [], "cpId": -1, "reqRegInfo": False, "forceDelete": False,
        },
        "cpId": cohort.pk, "cpTitle": "Lung cohort", "cpShortTitle": "LC", "ppid": "LC-0042",
        "activityStatus": "Active", "dataEntryStatus": "COMPLETE", "registrationDate": 1710115200000,
        "site": "North Hospital", "aliquotLabelFmt": "%PSPEC_LABEL%_%PSPEC_UID%", "forceDelete": False,
    }  # fmt: skip
    nulls = {
        "opComments", "barcode", "externalSubjectId", "consentDetails", "specimenLabelFmt", "derivativeLabelFmt",
    }  # fmt: skip
    assert {key for key, value in answer.json.items() if value is None} == nulls

    again = api.post(URL, {"cpId": cohort.pk, "ppid": "LC-0042", "registrationDate": 1, "participant": {}})
    assert (again.status, again.codes) == (400, ["CPR_DUP_PPID"])
    assert "LC-0042" in again.json[0]["message"]


def test_a_visit_answers_the_keys_of_the_example(
    api: Api, cohort: CollectionProtocol, ida: Registration, statuses: Statuses
) -> None:
    event = studies.event(cohort, "Baseline", 0)
    term = PermissibleValue.objects.create(attribute="clinical_diagnosis", value="Adenocarcinoma")
    answer = api.post(
        "/visits",
        {
            "cprId": ida.pk, "eventId": event.pk, "name": "", "status": "Complete",
            "visitDate": "2024-03-12T09:15:00Z", "site": "North Hospital", "clinicalDiagnoses": ["Adenocarcinoma"],
            "clinicalStatus": "Operative",
        },
    )  # fmt: skip
    assert answer.status == statuses.created
    counters = (
        "totalPendingSpmns", "pendingPrimarySpmns", "plannedPrimarySpmnsColl", "uncollectedPrimarySpmns",
        "unplannedPrimarySpmnsColl", "storedSpecimens", "notStoredSpecimens", "distributedSpecimens",
        "closedSpecimens",
    )  # fmt: skip
    assert answer.json == {
        "id": answer.json["id"], "cpId": cohort.pk, "eventId": event.pk, "cprId": ida.pk, "ppid": "LC-0042",
        "name": "LC-0042-V1", "eventLabel": "Baseline", "eventPoint": 0, "eventPointUnit": "DAYS",
        "status": "Complete", "visitDate": 1710234900000, **dict.fromkeys(counters, 0),
        "cpTitle": "Lung cohort", "cpShortTitle": "LC", "clinicalDiagnoses": ["Adenocarcinoma"],
        "diagnosisList": [
            {
                "id": term.pk, "value": "Adenocarcinoma", "attribute": "clinical_diagnosis", "conceptCode": None,
                "props": {}, "activityStatus": "Active",
            }
        ],
        "clinicalStatus": "Operative", "activityStatus": "Active", "site": "North Hospital", "sprLocked": False,
        "forceDelete": False, "description": "T0D: Baseline / 03-12-2024",
    }  # fmt: skip


def test_consents_answer_every_key(api: Api, ida: Registration) -> None:
    path = f"{URL}/{ida.pk}/consents"
    answer = api.put(path, {"consentSignatureDate": 1710115200000, "responses": []})
    assert answer.json == {
        "cprId": None, "cpId": None, "cpShortTitle": "LC", "ppid": "LC-0042", "empi": None,
        "consentSignatureDate": 1710115200000, "witness": None, "comments": None, "responses": [],
        "consentDocumentName": None, "statement": None, "code": None, "response": None, "documentFile": None,
    }  # fmt: skip


# --- The list of behaviours -------------------------------------------------------------------------


def test_1_creating_and_missing_have_the_statuses_of_the_mode(
    api: Api, cohort: CollectionProtocol, statuses: Statuses
) -> None:
    assert api.post(URL, studies.registration_body(cohort)).status == statuses.created
    for path, code in ((f"{URL}/999999", "CPR_M_NOT_FOUND"), ("/visits/999999", "VISIT_NOT_FOUND")):
        assert (api.get(path).status, api.get(path).codes) == (statuses.not_found, [code])


def test_2_unknown_keys_and_numeric_texts_pass_and_pages_hold_a_hundred(
    api: Api, cohort: CollectionProtocol
) -> None:
    body = {**studies.registration_body(cohort), "cpId": str(cohort.pk), "race": "White", "dob": "1961-07-30"}
    assert api.post(URL, body).status == 201
    for _ in range(100):
        studies.registration(cohort)
    assert len(api.post(f"{URL}/list", {"cpId": str(cohort.pk), "maxResults": None}).json) == 100
    assert len(api.post(f"{URL}/list", {"startAt": "100", "maxResults": "7"}).json) == 1


def test_3_registrations_are_merged_visits_are_replaced(api: Api, cohort: CollectionProtocol) -> None:
    made = api.post(URL, {"cpId": cohort.pk, **REGISTRATION}).json
    assert api.put(f"{URL}/{made['id']}", {"externalSubjectId": "X"}).json == {
        **made,
        "externalSubjectId": "X",
    }
    visit = api.post("/visits", {"cprId": made["id"], "comments": "first", "status": "Pending"}).json
    after = api.put(f"/visits/{visit['id']}", {"cprId": made["id"]}).json
    assert (after["status"], "comments" in after) == ("Complete", False)
    assert api.put(f"/visits/{visit['id']}", {"comments": "x"}).codes == ["CPR_PPID_REQUIRED"]


def test_4_a_known_record_number_brings_the_participant_back(api: Api, cohort: CollectionProtocol) -> None:
    first = api.post(URL, {"cpId": cohort.pk, **REGISTRATION}).json
    second = api.post(URL, {"cpId": studies.protocol().pk, **REGISTRATION}).json
    assert second["participant"]["id"] == first["participant"]["id"]
    assert Participant.objects.count() == 1


def test_5_without_identity_rights_names_are_masked_and_searching_them_finds_nothing(
    api: Api, cohort: CollectionProtocol, ida: Registration, as_user: Callable[[User], Api]
) -> None:
    reader = factories.user()
    factories.grant(reader, {"ParticipantDeid": ["Read"]}, protocol=cohort)
    (row,) = as_user(reader).post(f"{URL}/list", {}).json
    assert {row["participant"][key] for key in ("firstName", "middleName", "lastName", "uid", "empi")} == {
        "###"
    }
    for search in ({"name": "I"}, {"participantId": "1"}, {"uid": "1"}, {"dob": 1}, {"empis": ["1"]}):
        assert as_user(reader).post(f"{URL}/list", search).json == []
        assert as_user(reader).post(f"{URL}/count", search).json == {"count": 0}


def test_6_deletes_stop_at_what_was_collected_unless_forced(api: Api, ida: Registration) -> None:
    visit = studies.visit(ida, "V1")
    held = tube(visit, label="T1")
    assert api.delete(f"{URL}/{ida.pk}").codes == ["PARTICIPANT_REF_ENTITY_FOUND"]
    assert api.delete(f"/visits/{visit.pk}").codes == ["SPECIMEN_REF_ENTITY_FOUND"]
    gone = api.delete(f"{URL}/{ida.pk}?forceDelete=true").json
    assert gone["activityStatus"] == "Disabled" and gone["ppid"].startswith("LC-0042_1")
    visit.refresh_from_db()
    held.refresh_from_db()
    assert visit.name.startswith("V1_1") and str(held.label).startswith("T1_1")
    assert visit.activity_status == held.activity_status == "Disabled"
    again = api.post(URL, studies.registration_body(ida.protocol, "LC-0042"))
    assert again.status == 201


def test_7_a_protocol_without_ppid_format_needs_a_ppid(api: Api, cohort: CollectionProtocol) -> None:
    assert not cohort.manual_ppid_enabled and not cohort.ppid_fmt
    assert api.post(URL, {**studies.registration_body(cohort), "ppid": ""}).codes == ["CPR_PPID_REQUIRED"]


def test_11_a_missed_visit_takes_its_collected_specimens_along(api: Api, ida: Registration) -> None:
    visit = studies.visit(ida, "V1")
    held = tube(visit, initial_qty=10, available_qty=10)
    body = {"cprId": ida.pk, "name": "V1", "status": "Missed Collection"}
    assert api.put(f"/visits/{visit.pk}", body).status == 201
    held.refresh_from_db()
    assert (held.status, held.available_qty) == ("Missed Collection", Decimal(0))


def test_13_a_birth_date_comes_back_as_the_same_day_in_every_zone(
    api: Api, cohort: CollectionProtocol, settings: Any
) -> None:
    for zone in ("America/Denver", "Pacific/Kiritimati"):
        settings.TIME_ZONE = zone
        body = studies.registration_body(cohort, participant={"birthDate": "1961-07-30"})
        made = api.post(URL, body).json
        shown = api.get(f"{URL}/{made['id']}").json["participant"]
        assert shown["birthDateStr"] == "1961-07-30"
        again = api.put(f"{URL}/{made['id']}", {"participant": {"birthDate": shown["birthDate"]}}).json
        assert again["participant"]["birthDateStr"] == "1961-07-30"


# --- Drafts -----------------------------------------------------------------------------------------


def test_drafts_are_for_protocols_that_allow_them(api: Api, cohort: CollectionProtocol) -> None:
    CollectionProtocol.objects.filter(pk=cohort.pk).update(draft_data_entry=True)
    made = api.post(URL, studies.registration_body(cohort, dataEntryStatus="DRAFT")).json
    assert made["dataEntryStatus"] == "DRAFT"
    done = api.put(f"{URL}/{made['id']}", {"dataEntryStatus": "COMPLETE"}).json
    assert done["dataEntryStatus"] == "COMPLETE"
    assert api.put(f"{URL}/{made['id']}", {"dataEntryStatus": "HALF"}).codes == ["COMMON_INVALID_INPUT"]
