"""Visits over HTTP: those that took place and those to come (spec 03 §2)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.access import Actor
from sessions_auth.models import User
from specimens.participant.models import MedicalRecord, Registration
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.specimen.models import Specimen
from specimens.visit import below
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

COUNTERS = (
    "totalPendingSpmns", "pendingPrimarySpmns", "plannedPrimarySpmnsColl", "uncollectedPrimarySpmns",
    "unplannedPrimarySpmnsColl", "storedSpecimens", "notStoredSpecimens", "distributedSpecimens", "closedSpecimens",
)  # fmt: skip


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC", title="Lung cohort", at=[factories.site("North Hospital")])


@pytest.fixture
def ida(cohort: CollectionProtocol) -> Registration:
    return studies.registration(cohort, "LC-0042")


def tube(of: Visit, **more: Any) -> Specimen:
    row = {"label": f"T-{factories.number()}", "specimen_class": "Fluid", "type": "Plasma", **more}
    return Specimen.objects.create(protocol=of.protocol, visit=of, **row)


def made(api: Api, of: Registration, **more: Any) -> dict[str, Any]:
    answer = api.post("/visits", {"cprId": of.pk, **more})
    assert answer.status in (200, 201), answer.json
    found: dict[str, Any] = answer.json
    return found


# --- Creating ---------------------------------------------------------------------------------------


def test_a_visit_is_created_and_read_back(
    api: Api, cohort: CollectionProtocol, ida: Registration, statuses: Statuses
) -> None:
    event = studies.event(cohort, "Baseline", 0)
    body = {
        "cprId": ida.pk, "eventId": event.pk, "name": "", "status": "Complete",
        "visitDate": "2024-03-12T09:15:00Z", "site": "North Hospital", "clinicalDiagnoses": ["not specified"],
        "clinicalStatus": "Operative",
    }  # fmt: skip
    answer = api.post("/visits/", body)
    assert answer.status == statuses.created
    visit = answer.json
    assert (visit["cprId"], visit["ppid"], visit["cpShortTitle"]) == (ida.pk, "LC-0042", "LC")
    assert (visit["eventLabel"], visit["eventPoint"], visit["eventPointUnit"]) == ("Baseline", 0, "DAYS")
    assert (visit["visitDate"], visit["site"]) == (1710234900000, "North Hospital")
    assert (visit["clinicalDiagnoses"], visit["clinicalStatus"]) == (["Not Specified"], "Operative")
    diagnosis = visit["diagnosisList"][0]
    assert (diagnosis["value"], diagnosis["attribute"]) == ("Not Specified", "clinical_diagnosis")
    assert {"conceptCode", "props", "activityStatus", "id"} <= diagnosis.keys()
    assert visit["name"] == "LC-0042_Baseline_1"
    assert visit["description"] == "T0D: Baseline / 03-12-2024"
    assert (visit["activityStatus"], visit["sprLocked"], visit["forceDelete"]) == ("Active", False, False)
    assert all(visit[name] == 0 for name in COUNTERS)
    assert not {"cohort", "comments", "missedBy", "anticipatedVisitDate"} & visit.keys()
    assert api.get(f"/visits/{visit['id']}").json == visit


def test_registration_and_event_may_be_named_by_ppid_and_label(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    event = studies.event(cohort, "Baseline")
    visit = api.post("/visits", {"cpShortTitle": "lc", "ppid": "LC-0042", "eventLabel": "baseline"}).json
    assert (visit["cprId"], visit["eventId"], visit["status"]) == (ida.pk, event.pk, "Complete")


def test_an_unplanned_visit_happens_now(api: Api, ida: Registration) -> None:
    before = datetime.now(UTC).timestamp() * 1000 - 1000
    visit = made(api, ida)
    assert before <= visit["visitDate"] <= before + 60_000
    assert visit["description"].startswith("Unplanned Visit / ")
    assert "eventId" not in visit


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "CPR_PPID_REQUIRED"),
        ({"ppid": "LC-0042"}, "CPR_CP_REQUIRED"),
        ({"ppid": "LC-0042", "cpShortTitle": "Nothing"}, "CP_NOT_FOUND"),
        ({"ppid": "nobody", "cpShortTitle": "LC"}, "CPR_M_NOT_FOUND"),
        ({"cprId": 999999}, "CPR_M_NOT_FOUND"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "eventId": 999999}, "CPE_NOT_FOUND"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "eventLabel": "Never"}, "CPE_NOT_FOUND"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "status": "Done"}, "VISIT_INVALID_STATUS"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "site": "Nowhere"}, "SITE_NOT_FOUND"),
        (
            {"ppid": "LC-0042", "cpShortTitle": "LC", "clinicalDiagnoses": ["Hiccups"]},
            "VISIT_INVALID_CLINICAL_DIAGNOSIS",
        ),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "clinicalStatus": "Odd"}, "VISIT_INVALID_CLINICAL_STATUS"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "cohort": "Odd"}, "VISIT_INVALID_COHORT"),
        (
            {"ppid": "LC-0042", "cpShortTitle": "LC", "status": "Not Collected", "missedReason": "Odd"},
            "VISIT_INVALID_MISSED_REASON",
        ),
        (
            {"ppid": "LC-0042", "cpShortTitle": "LC", "status": "Not Collected", "missedBy": {"id": 999999}},
            "VISIT_INVALID_MISSED_USER",
        ),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "activityStatus": "Disabled"}, "VISIT_CREATE_DISABLED_NA"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "visitDate": "soon"}, "INVALID_REQUEST"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "clinicalDiagnoses": "Hiccups"}, "INVALID_REQUEST"),
        ({"ppid": "LC-0042", "cpShortTitle": "LC", "name": "x" * 256}, "COMMON_VALUE_TOO_LONG"),
    ],
)
def test_what_a_visit_refuses(api: Api, ida: Registration, body: dict[str, Any], code: str) -> None:
    answer = api.post("/visits", body)
    assert (answer.status, answer.codes) == (400, [code])
    assert not Visit.objects.exists()


def test_an_event_of_another_protocol_is_refused(api: Api, ida: Registration) -> None:
    foreign = studies.event(studies.protocol())
    assert api.post("/visits", {"cprId": ida.pk, "eventId": foreign.pk}).codes == ["CPR_INVALID_CPE"]


def test_a_closed_event_takes_no_new_visit_and_completes_none(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    event = studies.event(cohort)
    pending = made(api, ida, eventId=event.pk, status="Pending", name="V1")
    Event.objects.filter(pk=event.pk).update(activity_status="Closed")
    assert api.post("/visits", {"cprId": ida.pk, "eventId": event.pk}).codes == ["CPE_CLOSED"]
    again = {"cprId": ida.pk, "eventId": event.pk, "name": "V1"}
    assert api.put(f"/visits/{pending['id']}", {**again, "status": "Complete"}).codes == ["CPE_CLOSED"]
    assert api.put(f"/visits/{pending['id']}", {**again, "status": "Pending"}).status == 201


def test_a_missed_visit_keeps_who_and_why(api: Api, ida: Registration, admin: User) -> None:
    missed = {"missedReason": "visit cancelled", "missedBy": {"emailAddress": admin.email_address}}
    visit = made(api, ida, status="Missed Collection", **missed)
    assert (visit["missedReason"], visit["missedBy"]["id"]) == ("Visit cancelled", admin.pk)
    complete = made(api, ida, status="Complete", **missed)
    assert not {"missedReason", "missedBy"} & complete.keys()


def test_an_instant_without_offset_is_utc(api: Api, ida: Registration, settings: Any) -> None:
    settings.TIME_ZONE = "Etc/GMT+7"
    for sent in ("2017-02-20T00:00:00", "2017-02-20", "2017-02-19T17:00:00-0700", 1487548800000):
        visit = made(api, ida, visitDate=sent)
        assert visit["visitDate"] == 1487548800000
        assert visit["description"] == "Unplanned Visit / 02-19-2017"


# --- Sites ------------------------------------------------------------------------------------------


def test_where_a_visit_without_site_took_place(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    first, second = factories.site("First record"), factories.site("Of the event")
    assert "site" not in made(api, ida)
    MedicalRecord.objects.create(participant=ida.participant, site=first)
    assert made(api, ida, visitDate="2024-01-01")["site"] == "First record"
    made(api, ida, site="North Hospital", visitDate="2030-01-01")
    assert made(api, ida, visitDate="2024-01-02")["site"] == "North Hospital"
    event = studies.event(cohort, default_site=second)
    assert made(api, ida, eventId=event.pk)["site"] == "Of the event"
    assert "site" not in made(api, ida, status="Not Collected")


# --- Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "manual", "name", "outcome"),
    [
        (None, False, "mine", "mine"),
        (None, True, "", "VISIT_NAME_REQUIRED"),
        ("%PPI%-V%PPI_UID%", False, "", "LC-0042-V1"),
        ("%PPI%-V%PPI_UID%", False, "LC-0042-V1", "VISIT_MANUAL_NAME_NOT_ALLOWED"),
        ("%PPI%-V%PPI_UID%", True, "", "VISIT_NAME_REQUIRED"),
        ("%PPI%-V%PPI_UID%", True, "mine", "VISIT_INVALID_NAME"),
        ("%PPI%-V%PPI_UID%", True, "LC-0042-V9", "LC-0042-V9"),
    ],
)
def test_the_rules_of_names(
    api: Api, ida: Registration, fmt: str | None, manual: bool, name: str, outcome: str
) -> None:
    CollectionProtocol.objects.update(visit_name_fmt=fmt, manual_visit_name_enabled=manual)
    answer = api.post("/visits", {"cprId": ida.pk, "name": name})
    assert outcome == (answer.json["name"] if answer.status == 201 else answer.codes[0])


def test_a_visit_that_is_not_complete_is_named_even_where_names_are_typed(
    api: Api, ida: Registration
) -> None:
    CollectionProtocol.objects.update(manual_visit_name_enabled=True)
    assert made(api, ida, status="Pending")["name"]


def test_names_are_unique_over_all_protocols(api: Api, ida: Registration) -> None:
    other = studies.registration(studies.protocol(), "LC-0042")
    made(api, ida, name="V1")
    assert api.post("/visits", {"cprId": other.pk, "name": "V1"}).codes == ["VISIT_DUP_NAME"]
    assert made(api, ida)["name"] != made(api, other)["name"]


def test_a_generated_name_passes_over_those_that_are_taken(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    event = studies.event(cohort, "Baseline")
    for taken in ("LC-0042_Baseline_1", "LC-0042_Baseline_2"):
        made(api, ida, eventId=event.pk, name=taken)
    name = made(api, ida, eventId=event.pk)["name"]
    assert name.startswith("LC-0042_Baseline_") and name[-1] not in "12"


# --- Replacing --------------------------------------------------------------------------------------


def test_put_replaces_the_visit(
    api: Api, cohort: CollectionProtocol, ida: Registration, statuses: Statuses
) -> None:
    event = studies.event(cohort)
    body = {
        "cprId": ida.pk, "eventId": event.pk, "name": "V1", "status": "Pending", "visitDate": 1710234900000,
        "clinicalDiagnoses": ["Not Specified"], "cohort": "Not Specified", "comments": "early",
        "surgicalPathologyNumber": "S-1", "site": "North Hospital",
    }  # fmt: skip
    visit = api.post("/visits", body).json
    answer = api.put(f"/visits/{visit['id']}", {"cprId": ida.pk})
    assert answer.status == statuses.created
    after = answer.json
    assert (after["status"], after["clinicalDiagnoses"]) == ("Complete", [])
    assert not {"eventId", "cohort", "comments", "surgicalPathologyNumber"} & after.keys()
    assert after["visitDate"] > visit["visitDate"] and after["name"] != "V1"


def test_put_without_registration_is_refused(api: Api, ida: Registration) -> None:
    visit = made(api, ida)
    assert api.put(f"/visits/{visit['id']}", {"comments": "x"}).codes == ["CPR_PPID_REQUIRED"]


def test_a_visit_that_was_read_can_be_sent_back(api: Api, ida: Registration) -> None:
    visit = made(api, ida, comments="x", clinicalStatus="Operative")
    assert api.put(f"/visits/{visit['id']}", {**visit, "comments": "y"}).json == {**visit, "comments": "y"}


def test_a_visit_moves_to_a_registration_in_another_protocol(api: Api, ida: Registration) -> None:
    visit = made(api, ida, name="V1")
    other = studies.registration(studies.protocol("Other"))
    after = api.put(f"/visits/{visit['id']}", {"cprId": other.pk, "name": "V1"}).json
    assert (after["cprId"], after["cpShortTitle"]) == (other.pk, "Other")
    assert Visit.objects.get(pk=visit["id"]).protocol_id == other.protocol_id


def test_specimens_are_told_what_changes(
    api: Api, cohort: CollectionProtocol, ida: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Any]] = []

    def listen(name: str) -> Callable[[Sequence[Any], Actor], None]:
        return lambda about, actor: told.append((name, list(about)))

    for name in ("status_changed", "event_changed", "protocol_changed", "deleted"):
        monkeypatch.setattr(below, name, [listen(name)])
    event = studies.event(cohort)
    visit = made(api, ida, eventId=event.pk, name="V1")
    assert told == []
    made(api, ida, status="Missed Collection")
    assert [(name, about[0].old, about[0].new) for name, about in told] == [
        ("status_changed", None, "Missed Collection")
    ]
    told.clear()
    path = f"/visits/{visit['id']}"
    api.put(path, {"cprId": ida.pk, "eventId": event.pk, "name": "V1", "status": "Pending"})
    assert [(name, about[0].old, about[0].new) for name, about in told] == [
        ("status_changed", "Complete", "Pending")
    ]
    told.clear()
    api.put(path, {"cprId": studies.registration(studies.protocol()).pk, "name": "V1", "status": "Pending"})
    assert [name for name, _ in told] == ["protocol_changed", "event_changed"]
    told.clear()
    api.delete(path)
    assert told == [("deleted", [visit["id"]])]


# --- Deleting ---------------------------------------------------------------------------------------


def test_a_deleted_visit_is_renamed_and_its_name_is_free(
    api: Api, ida: Registration, statuses: Statuses
) -> None:
    body = {"cprId": ida.pk, "name": "V1", "surgicalPathologyNumber": "S-1"}
    visit = api.post("/visits", body).json
    answer = api.delete(f"/visits/{visit['id']}?reason=wrong+person")
    assert (answer.status, answer.json["activityStatus"]) == (200, "Disabled")
    assert answer.json["name"].startswith("V1_")
    assert answer.json["surgicalPathologyNumber"].startswith("S-1_")
    for again in (api.get(f"/visits/{visit['id']}"), api.delete(f"/visits/{visit['id']}")):
        assert (again.status, again.codes) == (statuses.not_found, ["VISIT_NOT_FOUND"])
    assert api.post("/visits", body).status == statuses.created


def test_collected_specimens_keep_a_visit_from_being_deleted(
    api: Api, ida: Registration, statuses: Statuses
) -> None:
    visit = studies.visit(ida)
    tube(visit, status="Pending")
    path = f"/visits/{visit.pk}"
    assert api.get(f"{path}/dependent-entities").json == []
    tube(visit, status="Collected", activity_status="Closed")
    assert api.get(f"{path}/dependent-entities").json == [{"name": "specimen", "count": 1}]
    assert (api.delete(path).status, api.delete(path).codes) == (400, ["SPECIMEN_REF_ENTITY_FOUND"])
    forced = api.put(path, {"cprId": ida.pk, "activityStatus": "Disabled", "forceDelete": True})
    assert forced.codes == ["SPECIMEN_REF_ENTITY_FOUND"]
    assert api.delete(f"{path}?forceDelete=true").json["activityStatus"] == "Disabled"


# --- Visits to come ---------------------------------------------------------------------------------


def listed(api: Api, of: Registration, **query: Any) -> list[dict[str, Any]]:
    more = "".join(f"&{key}={value}" for key, value in query.items())
    answer = api.get(f"/visits?cprId={of.pk}{more}")
    assert answer.status == 200
    found: list[dict[str, Any]] = answer.json
    return found


def test_every_open_event_without_visit_stands_in_the_list(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    site = factories.site("Of the event")
    week = studies.event(
        cohort, "Week 1", 1, unit="WEEKS", code="W1", default_site=site, clinical_diagnosis="Not Specified"
    )
    base, anytime = studies.event(cohort, "Baseline", 0), studies.event(cohort, "Anytime", None)
    studies.event(cohort, "Closed", 2, activity_status="Closed")
    visit = made(api, ida, eventId=base.pk, status="Missed Collection")
    unplanned = made(api, ida)
    rows = listed(api, ida)
    assert [row.get("id") for row in rows] == [visit["id"], None, None, unplanned["id"]]
    assert [row.get("eventId") for row in rows] == [base.pk, week.pk, anytime.pk, None]
    coming = rows[1]
    assert not {"id", "name", "status", "cprId", "visitDate", "activityStatus"} & coming.keys()
    assert (coming["cpId"], coming["cpTitle"], coming["cpShortTitle"]) == (cohort.pk, "Lung cohort", "LC")
    assert (coming["eventCode"], coming["code"], coming["site"]) == ("W1", "W1", "Of the event")
    assert (coming["clinicalDiagnoses"], coming["diagnosisList"][0]["value"]) == (
        ["Not Specified"],
        "Not Specified",
    )
    assert coming["anticipatedVisitDate"] == 1710115200000 + 7 * 86400000
    assert coming["description"] == "T1W: Week 1 (W1)"
    assert all(row[name] == 0 for row in rows for name in COUNTERS)
    assert "anticipatedVisitDate" not in rows[2] and "anticipatedVisitDate" not in rows[3]


def test_negative_points_count_from_the_earliest_one(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    studies.event(cohort, "Screening", -14)
    studies.event(cohort, "Month 1", 1, unit="MONTHS")
    screening, month = listed(api, ida)
    day = 86400000
    assert (screening["eventLabel"], screening["description"]) == ("Screening", "-T14D: Screening")
    assert screening["anticipatedVisitDate"] == 1710115200000
    assert month["anticipatedVisitDate"] == 1710115200000 + 31 * day + 14 * day


def test_the_list_can_be_sorted_by_dates(api: Api, cohort: CollectionProtocol, ida: Registration) -> None:
    late, early = studies.event(cohort, "Late", 0), studies.event(cohort, "Early", 30)
    made(api, ida, eventId=late.pk, visitDate="2024-12-24")
    assert [row["eventLabel"] for row in listed(api, ida)] == ["Late", "Early"]
    assert [row["eventLabel"] for row in listed(api, ida, sortByDates="true")] == ["Early", "Late"]
    assert early.pk


def test_counters_are_filled_on_request(api: Api, cohort: CollectionProtocol, ida: Registration) -> None:
    event = studies.event(cohort)
    asks = Requirement.objects.create(event=event, specimen_class="Fluid", type="Plasma")
    Requirement.objects.create(
        event=event, parent=asks, lineage="Aliquot", specimen_class="Fluid", type="Plasma"
    )
    coming = listed(api, ida, includeStats="true")[0]
    assert (coming["totalPendingSpmns"], coming["pendingPrimarySpmns"]) == (2, 1)
    visit = Visit.objects.get(pk=made(api, ida, eventId=event.pk)["id"])
    planned = tube(visit, requirement=asks)
    tube(visit, lineage="Aliquot", parent=planned, activity_status="Closed")
    tube(visit)
    tube(visit, status="Missed Collection")
    tube(visit, status="Pending")
    tube(visit, activity_status="Disabled")
    row = listed(api, ida, includeStats="true")[0]
    assert {name: row[name] for name in COUNTERS} == {
        "totalPendingSpmns": 1, "pendingPrimarySpmns": 1, "plannedPrimarySpmnsColl": 1,
        "uncollectedPrimarySpmns": 1, "unplannedPrimarySpmnsColl": 1, "storedSpecimens": 0,
        "notStoredSpecimens": 2, "distributedSpecimens": 0, "closedSpecimens": 1,
    }  # fmt: skip
    assert all(listed(api, ida)[0][name] == 0 for name in COUNTERS)


def test_the_list_needs_a_registration_that_exists(api: Api, statuses: Statuses) -> None:
    assert api.get("/visits").codes == api.get("/visits?cprId=None").codes == ["INVALID_REQUEST"]
    missing = api.get("/visits?cprId=999999")
    assert (missing.status, missing.codes) == (statuses.not_found, ["CPR_M_NOT_FOUND"])


def test_the_list_costs_the_same_number_of_queries_whatever_its_size(
    api: Api, cohort: CollectionProtocol, ida: Registration
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            listed(api, ida, includeStats="true")
        return len(counted)

    for n in range(2):
        made(api, ida, eventId=studies.event(cohort, f"E{n}", n).pk)
        studies.event(cohort, f"C{n}", n)
    few = queries()
    for n in range(2, 8):
        made(api, ida, eventId=studies.event(cohort, f"E{n}", n).pk, clinicalDiagnoses=["Not Specified"])
        studies.event(cohort, f"C{n}", n)
    assert few <= queries() <= few + 1 <= 12  # the pick list is asked only when there is something to ask


def test_a_protocol_that_labels_on_registration_plans_its_visits(
    api: Api, cohort: CollectionProtocol
) -> None:
    CollectionProtocol.objects.update(spmn_label_pre_print_mode="ON_REGISTRATION")
    studies.event(cohort, "Screening", -7)
    studies.event(cohort, "Baseline", 0)
    pk = api.post("/collection-protocol-registrations", studies.registration_body(cohort)).json["id"]
    rows = Visit.objects.filter(registration=pk).order_by("visit_date")
    assert [(row.status, row.visit_date) for row in rows] == [
        ("Pending", datetime(2024, 3, 11, tzinfo=UTC)),
        ("Pending", datetime(2024, 3, 18, tzinfo=UTC)),
    ]


# --- Finding ----------------------------------------------------------------------------------------


def test_the_latest_visit_of_a_registration(api: Api, ida: Registration, statuses: Statuses) -> None:
    path = f"/collection-protocol-registrations/{ida.pk}/latest-visit"
    empty = api.get(path)
    assert (empty.status, empty.body) == (200, b"")
    made(api, ida, name="Late", visitDate="2024-05-01", surgicalPathologyNumber="S-1")
    made(api, ida, name="Early", visitDate="2024-04-01")
    latest = api.get(path).json
    assert (latest["name"], latest["surgicalPathologyNumber"]) == ("Late", "###")
    missing = api.get("/collection-protocol-registrations/999999/latest-visit")
    assert missing.status == statuses.not_found


def test_visits_are_found_by_name_and_accession_number(
    api: Api, ida: Registration, statuses: Statuses
) -> None:
    for name in ("V1", "V2", "V3"):
        made_visit = api.post(
            "/visits", {"cprId": ida.pk, "name": name, "surgicalPathologyNumber": f"S-{name}"}
        )
        assert made_visit.status == statuses.created
    assert [row["name"] for row in api.get("/visits/list?name=V1&name=V3").json] == ["V1", "V3"]
    assert [row["name"] for row in api.get("/visits/list?name=V1,V2,V3&startAt=1&maxResults=1").json] == [
        "V2"
    ]
    (row,) = api.get("/visits/bynamespr?visitName=V2").json
    assert (row["name"], row["surgicalPathologyNumber"]) == ("V2", "###")
    assert [row["name"] for row in api.get("/visits/bynamespr?sprNumber=S-V3").json] == ["V3"]
    missing = api.get("/visits/bynamespr?visitName=V9")
    assert (missing.status, missing.codes) == (statuses.not_found, ["VISIT_NOT_FOUND"])


# --- Rights -----------------------------------------------------------------------------------------


def test_reading_and_writing_visits_takes_rights_in_their_protocol(
    api: Api,
    cohort: CollectionProtocol,
    ida: Registration,
    as_user: Callable[[User], Api],
    statuses: Statuses,
) -> None:
    visit = studies.visit(ida, "V1", surgical_pathology_number="S-1")
    other = studies.visit(studies.registration(studies.protocol()), "V2")
    reader, writer = factories.user(), factories.user()
    factories.grant(reader, {"Visit": ["Read"], "ParticipantDeid": ["Read"]}, protocol=cohort)
    factories.grant(writer, {"Visit": ["Read", "Update"], "ParticipantPhi": ["Read"]}, protocol=cohort)
    reads, writes = as_user(reader), as_user(writer)
    assert reads.get(f"/visits/{visit.pk}").json["surgicalPathologyNumber"] == "###"
    assert writes.get(f"/visits/{visit.pk}").json["surgicalPathologyNumber"] == "S-1"
    denied = reads.get(f"/visits/{other.pk}")
    assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert [row["name"] for row in reads.get("/visits/list?name=V1,V2").json] == ["V1"]
    assert reads.get("/visits/bynamespr?visitName=V2").json == []
    assert reads.get("/visits/bynamespr?sprNumber=S-1").json == []
    assert reads.post("/visits", {"cprId": ida.pk}).codes == ["RBAC_ACCESS_DENIED"]
    assert writes.post("/visits", {"cprId": ida.pk}).status == statuses.created
    assert writes.delete(f"/visits/{visit.pk}").codes == ["RBAC_ACCESS_DENIED"]
    moved = writes.put(f"/visits/{visit.pk}", {"cprId": other.registration_id, "name": "V1"})
    assert moved.codes == ["RBAC_ACCESS_DENIED"]


def test_a_masked_number_that_comes_back_leaves_the_stored_one(
    cohort: CollectionProtocol, ida: Registration, as_user: Callable[[User], Api]
) -> None:
    visit = studies.visit(ida, "V1", surgical_pathology_number="S-1")
    somebody = factories.user()
    factories.grant(somebody, {"Visit": ["Read", "Update"]}, protocol=cohort)
    theirs = as_user(somebody)
    body = theirs.get(f"/visits/{visit.pk}").json
    assert body["surgicalPathologyNumber"] == "###"
    assert theirs.put(f"/visits/{visit.pk}", {**body, "comments": "seen"}).status == 201
    assert Visit.objects.get(pk=visit.pk).surgical_pathology_number == "S-1"
