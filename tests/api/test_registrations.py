"""Registering participants over HTTP (spec 03 §1)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db

URL = "/collection-protocol-registrations"
IDA = {
    "firstName": "Ida", "lastName": "Moreau", "birthDate": "1961-07-30", "gender": "Female", "races": ["White"],
    "ethnicities": ["Not Hispanic or Latino"], "vitalStatus": "Alive",
}  # fmt: skip


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC", title="Lung cohort", at=[factories.site("North Hospital")])


def register(api: Api, of: CollectionProtocol, ppid: str | None = None, **more: Any) -> dict[str, Any]:
    answer = api.post(URL, studies.registration_body(of, ppid, **more))
    assert answer.status in (200, 201), answer.json
    found: dict[str, Any] = answer.json
    return found


def refused(api: Api, of: CollectionProtocol, **more: Any) -> list[str]:
    answer = api.post(URL, studies.registration_body(of, **more))
    assert answer.status == 400
    return answer.codes


# --- Creating ---------------------------------------------------------------------------------------


def test_a_registration_is_created_and_read_back(
    api: Api, cohort: CollectionProtocol, statuses: Statuses
) -> None:
    pmis = [{"siteName": "North Hospital", "mrn": "88-1204"}]
    body = studies.registration_body(
        cohort, "LC-0042", site="north hospital", participant={**IDA, "pmis": pmis}
    )
    answer = api.post(f"{URL}/", body)
    assert answer.status == statuses.created
    made = answer.json
    assert (made["cpTitle"], made["cpShortTitle"], made["ppid"]) == ("Lung cohort", "LC", "LC-0042")
    assert (made["registrationDate"], made["site"]) == (1710115200000, "North Hospital")
    person = made["participant"]
    assert (person["birthDate"], person["birthDateStr"]) == (-265852800000, "1961-07-30")
    assert (person["pmis"], person["phiAccess"], person["registeredCps"]) == (pmis, True, [])
    assert (person["source"], person["cpId"], person["emailOptIn"]) == ("OpenSpecimen", -1, False)
    assert "middleName" not in person
    assert made["aliquotLabelFmt"] == "%PSPEC_LABEL%_%PSPEC_UID%"
    assert api.get(f"{URL}/{made['id']}").json == made


@pytest.mark.parametrize("name", ["cpTitle", "cpShortTitle"])
def test_the_protocol_may_be_named_by_title_or_short_title(
    api: Api, cohort: CollectionProtocol, name: str
) -> None:
    title = {"cpTitle": "Lung cohort", "cpShortTitle": "LC"}[name]
    body = {"ppid": "1", "registrationDate": "2024-03-11", "participant": {}, name: title}
    assert api.post(URL, body).json["cpId"] == cohort.pk


def test_numeric_texts_unknown_keys_and_blanks_are_taken(api: Api, cohort: CollectionProtocol) -> None:
    body = studies.registration_body(cohort, " P 1 ", barcode="", race="White", nationalId="7")
    made = api.post(URL, {**body, "cpId": str(cohort.pk)}).json
    assert (made["ppid"], made["barcode"]) == ("P 1", None)


def test_every_problem_of_the_fields_is_named_at_once(api: Api) -> None:
    answer = api.post(URL, {"site": "Nowhere", "participant": {"gender": "Purple", "races": ["Red"]}})
    assert answer.status == 400
    assert set(answer.codes) == {
        "CPR_CP_REQUIRED", "CPR_REG_DATE_REQUIRED", "SITE_NOT_FOUND", "PARTICIPANT_INVALID_GENDER",
        "PARTICIPANT_INVALID_RACE",
    }  # fmt: skip


def test_what_a_registration_refuses(api: Api, cohort: CollectionProtocol) -> None:
    assert refused(api, cohort, cpId=999999) == ["CP_NOT_FOUND"]
    assert refused(api, cohort, activityStatus="Disabled") == ["CPR_CREATE_DISABLED_NA"]
    assert refused(api, cohort, activityStatus="Gone") == ["ACTIVITY_STATUS_INVALID"]
    assert refused(api, cohort, dataEntryStatus="DRAFT") == ["CPR_DRAFT_NOT_ALLOWED"]
    assert refused(api, cohort, participant=None) == ["CPR_PARTICIPANT_DETAIL_REQUIRED"]
    assert refused(api, cohort, participant={"id": 999999}) == ["PARTICIPANT_NOT_FOUND"]
    assert refused(api, cohort, ppid="x" * 256) == ["COMMON_VALUE_TOO_LONG"]
    assert refused(api, cohort, registrationDate="soon") == ["INVALID_REQUEST"]
    assert refused(api, cohort, participant=[]) == ["INVALID_REQUEST"]
    assert not Participant.objects.exists() and not Registration.objects.exists()


def test_a_closed_protocol_takes_nobody_in(api: Api) -> None:
    assert refused(api, studies.protocol(activity_status="Closed")) == ["CPR_CP_CLOSED"]


def test_a_specimen_centric_protocol_has_no_registrations(api: Api) -> None:
    assert refused(api, studies.protocol(specimen_centric=True)) == ["CP_OP_NOT_ALLOWED_SC"]


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ({"emailAddress": "nobody"}, "PARTICIPANT_INVALID_EMAIL_ID"),
        ({"birthDate": "2999-01-01"}, "PARTICIPANT_INVALID_BIRTH_DATE"),
        ({"vitalStatus": "Dead", "deathDate": "2999-01-01"}, "PARTICIPANT_INVALID_DEATH_DATE"),
        (
            {"vitalStatus": "Dead", "birthDate": "1990-01-02", "deathDate": "1990-01-01"},
            "PARTICIPANT_INVALID_DEATH_DATE",
        ),
        (
            {"phoneNumber": "12", "textOptIn": True, "textOptInConsent": False},
            "PARTICIPANT_TEXT_OPT_OUT",
        ),
        ({"vitalStatus": "Sleeping"}, "PARTICIPANT_INVALID_VITAL_STATUS"),
        ({"ethnicities": ["Martian"]}, "PARTICIPANT_INVALID_ETHNICITY"),
        ({"pmis": [{"siteName": "Nowhere", "mrn": "1"}]}, "SITE_NOT_FOUND"),
        ({"pmis": [{"mrn": "1"}]}, "SITE_NOT_FOUND"),
        (
            {
                "pmis": [
                    {"siteName": "North Hospital", "mrn": "1"},
                    {"siteName": "north hospital", "mrn": "2"},
                ]
            },
            "PARTICIPANT_DUP_MRN_SITE",
        ),
        ({"uid": "7" * 51}, "COMMON_VALUE_TOO_LONG"),
    ],
)
def test_what_a_participant_may_not_be(
    api: Api, cohort: CollectionProtocol, person: dict[str, Any], code: str
) -> None:
    assert refused(api, cohort, participant=person) == [code]


def test_a_death_date_is_dropped_unless_the_participant_died(api: Api, cohort: CollectionProtocol) -> None:
    alive = register(api, cohort, participant={"vitalStatus": "Alive", "deathDate": "2020-01-01"})
    dead = register(api, cohort, participant={"vitalStatus": "dead", "deathDate": "2020-01-01"})
    assert "deathDate" not in alive["participant"]
    assert (dead["participant"]["deathDateStr"], dead["participant"]["vitalStatus"]) == ("2020-01-01", "Dead")


def test_opt_ins_fall_with_the_address_they_need(api: Api, cohort: CollectionProtocol) -> None:
    person = register(api, cohort, participant={"emailOptIn": True, "textOptIn": True})["participant"]
    assert (person["emailOptIn"], person["textOptIn"]) == (False, False)


# --- Dates never shift ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        "2017-02-20",
        "2017-02-20T00:00:00",
        1487574000000,
        "1487574000000",
        "2017-02-20T07:00:00.000Z",
        "2017-02-20T00:00:00.000-0700",
        "2017-02-20T00:00:00-07:00",
    ],
)
def test_seven_hours_west_every_form_of_a_day_is_that_day(
    api: Api, cohort: CollectionProtocol, settings: Any, sent: object
) -> None:
    settings.TIME_ZONE = "Etc/GMT+7"
    made = register(api, cohort, participant={"birthDate": sent}, registrationDate=sent)
    person = made["participant"]
    assert (person["birthDateStr"], person["birthDate"]) == ("2017-02-20", 1487574000000)
    assert made["registrationDate"] == 1487574000000
    assert Participant.objects.get(pk=person["id"]).birth_date == date(2017, 2, 20)


def test_an_instant_gives_the_date_of_the_servers_zone(
    api: Api, cohort: CollectionProtocol, settings: Any
) -> None:
    settings.TIME_ZONE = "Etc/GMT+7"
    person = register(api, cohort, participant={"birthDate": "2017-02-20T00:00:00Z"})["participant"]
    assert person["birthDateStr"] == "2017-02-19"


def test_a_blank_date_is_no_date(api: Api, cohort: CollectionProtocol) -> None:
    assert "birthDate" not in register(api, cohort, participant={"birthDate": ""})["participant"]


def test_a_leap_day_stays_one(api: Api, cohort: CollectionProtocol) -> None:
    made = register(api, cohort, participant={"birthDate": "2000-02-29"})
    again = api.put(f"{URL}/{made['id']}", {"participant": {"birthDate": made["participant"]["birthDate"]}})
    assert again.json["participant"]["birthDateStr"] == "2000-02-29"


# --- PPIDs ------------------------------------------------------------------------------------------


def ppid_of(api: Api, fmt: str | None, manual: bool, ppid: str | None) -> str | list[str]:
    of = studies.protocol(ppid_fmt=fmt, manual_ppid_enabled=manual, code=None)
    answer = api.post(URL, {**studies.registration_body(of), "ppid": ppid})
    return answer.json["ppid"] if answer.status == 201 else answer.codes


@pytest.mark.parametrize(
    ("fmt", "manual", "ppid", "outcome"),
    [
        (None, False, "", ["CPR_PPID_REQUIRED"]),
        (None, True, None, ["CPR_PPID_REQUIRED"]),
        ("L-%CP_UID(3)%", True, "", ["CPR_PPID_REQUIRED"]),
        ("L-%CP_UID(3)%", False, "", "L-001"),
        ("L-%CP_UID(3)%", False, "L-007", ["CPR_MANUAL_PPID_NOT_ALLOWED"]),
        ("L-%CP_UID(3)%", True, "M-007", ["CPR_INVALID_PPID"]),
        ("L-%CP_UID(3)%", True, "L-007", "L-007"),
        (None, False, "anything", "anything"),
    ],
)
def test_the_table_of_ppids(
    api: Api, fmt: str | None, manual: bool, ppid: str | None, outcome: str | list[str]
) -> None:
    assert ppid_of(api, fmt, manual, ppid) == outcome


def test_a_ppid_is_unique_in_its_protocol_only(api: Api, cohort: CollectionProtocol) -> None:
    register(api, cohort, "P1")
    assert refused(api, cohort, ppid="P1") == ["CPR_DUP_PPID"]
    assert register(api, studies.protocol(), "P1")["ppid"] == "P1"


def test_generated_ppids_pass_over_numbers_that_are_taken(api: Api) -> None:
    of = studies.protocol(ppid_fmt="L%CP_UID%", manual_ppid_enabled=True)
    for taken in ("L1", "L2", "L4"):
        register(api, of, taken)
    CollectionProtocol.objects.filter(pk=of.pk).update(manual_ppid_enabled=False)
    made = [api.post(URL, {**studies.registration_body(of), "ppid": ""}).json["ppid"] for _ in range(2)]
    assert len(set(made)) == 2 and not set(made) & {"L1", "L2", "L4"}


def test_a_format_without_number_names_one_registration_only(api: Api) -> None:
    of = studies.protocol(ppid_fmt="only-%CP_ID%")
    assert api.post(URL, {**studies.registration_body(of), "ppid": None}).status == 201
    assert api.post(URL, {**studies.registration_body(of), "ppid": None}).codes == ["CPR_DUP_PPID"]


def test_a_barcode_is_unique_over_all_protocols(api: Api, cohort: CollectionProtocol) -> None:
    register(api, cohort, barcode="B1")
    assert refused(api, studies.protocol(), barcode="B1") == ["CPR_DUP_BARCODE"]


# --- One participant, many protocols ----------------------------------------------------------------


@pytest.mark.parametrize(
    "identity",
    [{"empi": "E-1"}, {"uid": "U-1"}, {"pmis": [{"siteName": "NORTH HOSPITAL", "mrn": "88-1204"}]}],
)
def test_a_known_identifier_brings_the_participant_back(
    api: Api, cohort: CollectionProtocol, identity: dict[str, Any]
) -> None:
    known = {**IDA, "empi": "E-1", "uid": "U-1", "pmis": [{"siteName": "North Hospital", "mrn": "88-1204"}]}
    first = register(api, cohort, participant=known)
    second = register(api, studies.protocol(), participant={**identity, "middleName": "Rose"})
    person = second["participant"]
    assert person["id"] == first["participant"]["id"]
    assert (person["firstName"], person["middleName"]) == ("Ida", "Rose")
    assert Participant.objects.count() == 1


def test_nobody_is_registered_twice(api: Api, cohort: CollectionProtocol) -> None:
    first = register(api, cohort, participant={"empi": "E-1"})
    assert refused(api, cohort, participant={"empi": "E-1"}) == ["CPR_DUP_REGISTRATION"]
    assert refused(api, cohort, participant={"id": first["participant"]["id"]}) == ["CPR_DUP_REGISTRATION"]


def test_identifiers_of_two_people_name_nobody(api: Api, cohort: CollectionProtocol) -> None:
    register(api, cohort, participant={"empi": "E-1"})
    register(api, cohort, participant={"uid": "U-2"})
    assert refused(api, cohort, participant={"empi": "E-1", "uid": "U-2"}) == ["PARTICIPANT_MULTI_MATCHES"]


def test_an_identifier_of_somebody_else_is_refused_when_the_participant_is_named(
    api: Api, cohort: CollectionProtocol
) -> None:
    register(
        api,
        cohort,
        participant={"empi": "E-1", "uid": "U-1", "pmis": [{"siteName": "North Hospital", "mrn": "1"}]},
    )
    other = register(api, cohort)["participant"]["id"]
    taken = {"id": other, "empi": "E-1", "uid": "U-1", "pmis": [{"siteName": "North Hospital", "mrn": "1"}]}
    codes = refused(api, studies.protocol(), participant=taken)
    assert codes == ["PARTICIPANT_DUP_UID", "PARTICIPANT_DUP_EMPI", "PARTICIPANT_DUP_MRN"]


def test_equal_names_and_birth_dates_do_not_make_one_person(api: Api, cohort: CollectionProtocol) -> None:
    first, second = (register(api, cohort, participant=IDA)["participant"]["id"] for _ in range(2))
    assert first != second


def test_a_registration_shows_the_participants_other_protocols(api: Api, cohort: CollectionProtocol) -> None:
    first = register(api, cohort, "P1", participant={"empi": "E-1"})
    other = studies.protocol("Other")
    second = register(api, other, "Q1", participant={"id": first["participant"]["id"]})
    shown = api.get(f"{URL}/{first['id']}").json["participant"]["registeredCps"]
    assert shown == [
        {
            "cprId": second["id"],
            "ppid": "Q1",
            "registrationDate": 1710115200000,
            "cpId": other.pk,
            "cpShortTitle": "Other",
        }
    ]


# --- Changing ---------------------------------------------------------------------------------------


def test_put_changes_the_keys_that_are_sent_and_keeps_the_rest(
    api: Api, cohort: CollectionProtocol, statuses: Statuses
) -> None:
    body = studies.registration_body(
        cohort, "P1", barcode="B1", externalSubjectId="X1", site="North Hospital", participant=IDA
    )
    made = api.post(URL, body).json
    answer = api.put(f"{URL}/{made['id']}", {"barcode": None, "participant": {"lastName": "Moreau-Petit"}})
    assert answer.status == statuses.created
    expected = {**made, "barcode": None, "participant": {**made["participant"], "lastName": "Moreau-Petit"}}
    assert answer.json == expected
    assert api.get(f"{URL}/{made['id']}").json == expected


def test_an_unchanged_ppid_skips_the_rules(api: Api) -> None:
    of = studies.protocol(ppid_fmt="L%CP_UID%")
    made = api.post(URL, {**studies.registration_body(of), "ppid": None}).json
    assert api.put(f"{URL}/{made['id']}", {"ppid": made["ppid"]}).status == 201
    assert api.put(f"{URL}/{made['id']}", {"ppid": "L99"}).codes == ["CPR_MANUAL_PPID_NOT_ALLOWED"]


def test_a_required_key_that_is_sent_blank_is_refused(api: Api, cohort: CollectionProtocol) -> None:
    made = register(api, cohort, "P1")
    assert api.put(f"{URL}/{made['id']}", {"registrationDate": None}).codes == ["CPR_REG_DATE_REQUIRED"]
    assert api.put(f"{URL}/{made['id']}", {"ppid": ""}).codes == ["CPR_PPID_REQUIRED"]
    assert api.get(f"{URL}/{made['id']}").json == made


def test_the_protocol_of_a_registration_cannot_change(api: Api, cohort: CollectionProtocol) -> None:
    made = register(api, cohort)
    assert api.put(f"{URL}/{made['id']}", {"cpId": studies.protocol().pk}).json["cpId"] == cohort.pk


def test_sent_record_numbers_replace_the_stored_ones_by_site(api: Api, cohort: CollectionProtocol) -> None:
    factories.site("South")
    north, south = {"siteName": "North Hospital", "mrn": "1"}, {"siteName": "South", "mrn": "2"}
    made = register(api, cohort, participant={"pmis": [north, south]})
    path = f"{URL}/{made['id']}"
    assert api.put(path, {"participant": {"firstName": "Ida"}}).json["participant"]["pmis"] == [north, south]
    after = api.put(path, {"participant": {"pmis": [{**north, "mrn": "9"}]}}).json["participant"]["pmis"]
    assert after == [{**north, "mrn": "9"}]
    assert api.put(path, {"participant": {"pmis": []}}).json["participant"]["pmis"] == []


def test_the_vital_status_decides_about_a_stored_death_date(api: Api, cohort: CollectionProtocol) -> None:
    made = register(api, cohort, participant={"vitalStatus": "Dead", "deathDate": "2020-01-01"})
    kept = api.put(f"{URL}/{made['id']}", {"participant": {"deathDate": "2020-01-02"}}).json
    assert kept["participant"]["deathDateStr"] == "2020-01-02"
    alive = api.put(f"{URL}/{made['id']}", {"participant": {"vitalStatus": "Alive"}}).json
    assert "deathDate" not in alive["participant"]


def test_many_are_changed_at_once_or_not_at_all(api: Api, cohort: CollectionProtocol) -> None:
    made = [register(api, cohort)["id"] for _ in range(3)]
    body = {"ids": made, "detail": {"registrationDate": "2020-05-05"}}
    rows = api.put(f"{URL}/bulk-update", body).json
    assert [(row["id"], row["registrationDate"]) for row in rows] == [(pk, 1588636800000) for pk in made]
    broken = api.put(
        f"{URL}/bulk-update", {"ids": [*made, 999999], "detail": {"registrationDate": "2021-01-01"}}
    )
    assert broken.codes == ["CPR_M_NOT_FOUND"]
    assert not Registration.objects.filter(registration_date=date(2021, 1, 1)).exists()


def test_an_unknown_registration_is_not_found(api: Api, statuses: Statuses) -> None:
    for answer in (api.get(f"{URL}/999999"), api.put(f"{URL}/999999", {}), api.delete(f"{URL}/999999")):
        assert (answer.status, answer.codes) == (statuses.not_found, ["CPR_M_NOT_FOUND"])
    assert api.get(f"{URL}/abc").codes == ["INVALID_REQUEST"]


# --- Merging ----------------------------------------------------------------------------------------


def test_two_participants_become_one(api: Api, cohort: CollectionProtocol) -> None:
    other = studies.protocol("Other")
    target = register(api, cohort, "T1", participant={"lastName": "Moreau"})
    twin = register(api, cohort, "S1", participant={"empi": "E-9"})
    person = {"id": twin["participant"]["id"]}
    elsewhere = register(api, other, "S2", participant=person)
    visit = studies.visit(Registration.objects.get(pk=twin["id"]))

    kept = api.put(f"{URL}/{twin['id']}", {"participant": {"id": str(target["participant"]["id"])}}).json

    assert kept["id"] == target["id"]
    assert Visit.objects.get(pk=visit.pk).registration_id == target["id"]
    assert api.get(f"{URL}/{twin['id']}").codes == ["CPR_M_NOT_FOUND"]
    moved = api.get(f"{URL}/{elsewhere['id']}").json
    assert (moved["ppid"], moved["participant"]["id"]) == ("S2", target["participant"]["id"])
    gone = Participant.objects.get(pk=person["id"])
    assert gone.activity_status == "Disabled" and (gone.empi or "").startswith("E-9_")


def test_identifiers_of_another_participant_merge_too(api: Api, cohort: CollectionProtocol) -> None:
    target = register(api, studies.protocol(), participant={"empi": "E-1", "lastName": "Moreau"})
    made = register(api, cohort)
    after = api.put(f"{URL}/{made['id']}", {"participant": {"empi": "E-1"}}).json
    assert (after["id"], after["participant"]["id"]) == (made["id"], target["participant"]["id"])
    assert after["participant"]["lastName"] == "Moreau"


# --- Deleting ---------------------------------------------------------------------------------------


def test_a_deleted_registration_is_renamed_and_its_ppid_is_free(
    api: Api, cohort: CollectionProtocol, statuses: Statuses
) -> None:
    body = studies.registration_body(cohort, "P1", barcode="B1", participant={"empi": "E-1"})
    made = api.post(URL, body).json
    answer = api.delete(f"{URL}/{made['id']}")
    assert (answer.status, answer.json["activityStatus"]) == (200, "Disabled")
    assert answer.json["ppid"].startswith("P1_") and answer.json["barcode"].startswith("B1_")
    assert answer.json["participant"]["empi"].startswith("E-1_")
    assert api.get(f"{URL}/{made['id']}").status == statuses.not_found
    assert api.post(URL, body).status == statuses.created


def test_a_participant_with_other_registrations_stays(api: Api, cohort: CollectionProtocol) -> None:
    first = register(api, cohort, participant={"empi": "E-1"})
    register(api, studies.protocol(), participant={"empi": "E-1"})
    api.delete(f"{URL}/{first['id']}")
    assert Participant.objects.get(empi="E-1").activity_status == "Active"


def test_complete_visits_keep_a_registration_from_being_deleted(api: Api, cohort: CollectionProtocol) -> None:
    made = register(api, cohort)
    visit = studies.visit(Registration.objects.get(pk=made["id"]))
    path = f"{URL}/{made['id']}"
    assert api.get(f"{path}/dependent-entities").json == [{"name": "visit", "count": 1}]
    assert api.delete(path).codes == ["PARTICIPANT_REF_ENTITY_FOUND"]
    assert api.put(path, {"activityStatus": "Disabled"}).codes == ["PARTICIPANT_REF_ENTITY_FOUND"]
    assert api.delete(f"{path}?forceDelete=true&reason=withdrawn").json["activityStatus"] == "Disabled"
    gone = Visit.objects.get(pk=visit.pk)
    assert gone.activity_status == "Disabled" and gone.name.startswith(f"{visit.name}_")
    row: Any = Registration.objects.get(pk=made["id"])
    assert row.history.order_by("-pgh_id")[0].pgh_context.metadata["reason"] == "withdrawn"


def test_pending_visits_go_with_the_registration(api: Api, cohort: CollectionProtocol) -> None:
    made = register(api, cohort)
    visit = studies.visit(Registration.objects.get(pk=made["id"]), status="Pending")
    assert api.delete(f"{URL}/{made['id']}").status == 200
    assert Visit.objects.get(pk=visit.pk).activity_status == "Disabled"


def test_many_are_deleted_at_once(api: Api, cohort: CollectionProtocol, statuses: Statuses) -> None:
    made = [api.post(URL, studies.registration_body(cohort)).json["id"] for _ in range(2)]
    query = "&".join(f"id={pk}" for pk in made)
    missing = api.delete(f"{URL}?{query}&id=999999")
    assert (missing.status, missing.codes) == (statuses.not_found, ["CPR_M_NOT_FOUND"])
    answer = api.delete(f"{URL}?{query}").json
    assert answer["completed"] is True
    assert [(row["cprId"], row["participant"]["firstName"]) for row in answer["entities"]] == [
        (pk, "") for pk in made
    ]
    assert Registration.objects.filter(activity_status="Disabled").count() == 2


# --- Anonymizing ------------------------------------------------------------------------------------


def test_an_anonymized_participant_has_no_identity_left(api: Api, cohort: CollectionProtocol) -> None:
    person = {
        **IDA, "empi": "E", "uid": "U", "emailAddress": "ida@example.org", "phoneNumber": "1",
        "pmis": [{"siteName": "North Hospital", "mrn": "1"}],
    }  # fmt: skip
    made = register(api, cohort, participant=person)
    visit = studies.visit(Registration.objects.get(pk=made["id"]), surgical_pathology_number="S-1")
    after = api.put(f"{URL}/{made['id']}/anonymize").json["participant"]
    for key in ("firstName", "lastName", "birthDate", "empi", "uid", "emailAddress", "phoneNumber"):
        assert key not in after
    assert (after["pmis"], after["gender"]) == ([{"siteName": "North Hospital"}], "Female")
    assert Visit.objects.get(pk=visit.pk).surgical_pathology_number is None


# --- Rights -----------------------------------------------------------------------------------------


def test_every_write_needs_its_own_right(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    made = api.post(URL, studies.registration_body(cohort)).json
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantPhi": ["Read", "Update"]}, protocol=cohort)
    theirs = as_user(somebody)

    def denied(answer: Answer) -> bool:
        return (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])

    assert denied(theirs.post(URL, studies.registration_body(cohort)))
    assert denied(theirs.delete(f"{URL}/{made['id']}"))
    assert theirs.put(f"{URL}/{made['id']}", {"barcode": "B"}).status == statuses.created
    elsewhere = api.post(URL, studies.registration_body(studies.protocol())).json
    assert denied(theirs.get(f"{URL}/{elsewhere['id']}"))
    assert denied(theirs.put(f"{URL}/{elsewhere['id']}", {"barcode": "C"}))
    assert theirs.get(f"{URL}/999999").codes == ["CPR_M_NOT_FOUND"]


def test_merging_takes_rights_on_all_registrations_of_the_source(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api]
) -> None:
    target = register(api, cohort)
    source = register(api, cohort, participant={"empi": "E-1"})
    register(api, studies.protocol(), participant={"empi": "E-1"})
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantPhi": ["Read", "Update"]}, protocol=cohort)
    body = {"participant": {"id": target["participant"]["id"]}}
    assert as_user(somebody).put(f"{URL}/{source['id']}", body).codes == ["CPR_CANNOT_MERGE_PARTICIPANT"]


def test_nobody_learns_who_a_participant_is_by_guessing_ids(
    api: Api, cohort: CollectionProtocol, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    foreign = register(api, studies.protocol(), participant={"lastName": "Moreau", "empi": "E-1"})
    somebody = factories.user()
    rights = {"ParticipantPhi": ["Create", "Read", "Update"]}
    factories.grant(somebody, rights, protocol=cohort)
    theirs = as_user(somebody)
    person: dict[str, Any] = {"participant": {"id": foreign["participant"]["id"]}}
    own = register(theirs, cohort)
    before = Registration.objects.count()
    for answer in (
        theirs.post(URL, {**studies.registration_body(cohort), **person}),
        theirs.put(f"{URL}/{own['id']}", person),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert Registration.objects.count() == before
    factories.grant(somebody, rights, protocol=CollectionProtocol.objects.get(pk=foreign["cpId"]))
    assert theirs.post(URL, {**studies.registration_body(cohort), **person}).status == statuses.created
