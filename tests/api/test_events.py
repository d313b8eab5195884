"""Collection protocol events over HTTP (spec 02 part B)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.protocol.models import Event, Requirement
from specimens.visit.models import Visit
from tests import designs, factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocol-events"


def test_an_event_is_created_and_read_back(api: Api, statuses: Statuses) -> None:
    of = designs.protocol(api, title="Breast tissue cohort", shortTitle="BTC")
    factories.site("North Lab")
    answer = api.post(URL, {
        "eventLabel": "Baseline", "eventPoint": "0", "eventPointUnit": "DAYS",
        "collectionProtocol": "breast tissue cohort", "defaultSite": "north lab", "code": " W1 ",
        "clinicalDiagnosis": "not specified", "clinicalStatus": "Not Specified", "activityStatus": "Active",
        "visitNamePrintMode": "on completion",
    })  # fmt: skip
    assert answer.status == statuses.created
    made = answer.json
    assert made == {
        "id": made["id"], "eventLabel": "Baseline", "code": "W1", "eventPoint": 0, "eventPointUnit": "DAYS",
        "cpId": of["id"], "collectionProtocol": "Breast tissue cohort", "cpShortTitle": "BTC",
        "defaultSite": "North Lab", "clinicalDiagnosis": "Not Specified", "clinicalStatus": "Not Specified",
        "visitNamePrintMode": "ON_COMPLETION", "activityStatus": "Active", "offset": 0, "offsetUnit": "DAYS",
    }  # fmt: skip
    assert api.get(f"{URL}/{made['id']}").json == made


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({"eventLabel": ""}, ["CPE_LABEL_REQUIRED"]),
        ({"eventPoint": 3}, ["CPE_POINT_UNIT_REQUIRED"]),
        ({"eventPoint": 3, "eventPointUnit": "AEONS"}, ["CPE_INVALID_POINT_UNIT"]),
        ({"cpShortTitle": None, "cpId": 1}, ["CPE_CP_REQUIRED"]),
        ({"cpShortTitle": "NOPE"}, ["CP_NOT_FOUND"]),
        ({"collectionProtocol": "Nothing of the kind"}, ["CP_NOT_FOUND"]),
        ({"defaultSite": "Nowhere"}, ["SITE_NOT_FOUND"]),
        ({"clinicalDiagnosis": "Ennui"}, ["CPE_INVALID_CLINICAL_DIAGNOSIS"]),
        ({"clinicalStatus": "Fine"}, ["CPE_INVALID_CLINICAL_STATUS"]),
        ({"visitNamePrintMode": "never"}, ["CP_INVALID_VISIT_NAME_PRINT_MODE"]),
        ({"activityStatus": "Gone"}, ["ACTIVITY_STATUS_INVALID"]),
        ({"code": "x" * 33}, ["COMMON_VALUE_TOO_LONG"]),
        ({"eventPoint": 10**12, "eventPointUnit": "DAYS"}, ["COMMON_VALUE_TOO_LONG"]),
        ({"eventLabel": None, "eventPoint": 1}, ["CPE_LABEL_REQUIRED", "CPE_POINT_UNIT_REQUIRED"]),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_code(
    api: Api, sent: dict[str, Any], codes: list[str]
) -> None:
    answer = api.post(URL, designs.event_body(designs.protocol(api), **sent))
    assert (answer.status, answer.codes) == (400, codes)
    assert not Event.objects.exists()


def test_labels_are_unique_without_regard_to_case_and_codes_exactly(api: Api) -> None:
    of = designs.protocol(api)
    designs.event(api, of, "Baseline", code="A", activityStatus="Closed")
    assert api.post(URL, designs.event_body(of, "baseline")).codes == ["CPE_DUP_LABEL"]
    assert api.post(URL, designs.event_body(of, "Other", code="A")).codes == ["CPE_DUP_CODE"]
    designs.event(api, of, "Other", code="a")
    designs.event(api, designs.protocol(api), "Baseline", code="A")


def test_events_stand_in_the_order_of_their_points(api: Api) -> None:
    of = designs.protocol(api)
    for label, point, unit in (
        ("None", None, "DAYS"), ("Month 1", 1, "MONTHS"), ("Week 2", 2, "WEEKS"), ("Before", -3, "DAYS"),
        ("Year 1", 1, "YEARS"), ("Day 1", 1, "DAYS"),
    ):  # fmt: skip
        designs.event(api, of, label, eventPoint=point, eventPointUnit=unit)
    rows = api.get(f"{URL}?cpId={of['id']}").json
    assert [row["eventLabel"] for row in rows] == ["Before", "Day 1", "Week 2", "Month 1", "Year 1", "None"]
    assert "eventPointUnit" not in rows[-1]
    month = api.get(f"{URL}/{rows[3]['id']}").json
    assert (month["offset"], month["offsetUnit"]) == (-3, "DAYS")


def test_events_of_the_same_day_stand_by_sort_order_then_as_they_were_made(api: Api) -> None:
    of = designs.protocol(api)
    for label, order in (("Last", None), ("Second", 2), ("First", 1), ("Very last", None)):
        made = designs.event(api, of, label, eventPoint=7, eventPointUnit="DAYS", sortOrder=order)
        assert made.get("sortOrder") == order
    designs.event(api, of, "Week", eventPoint=1, eventPointUnit="WEEKS", sortOrder=0)
    rows = api.get(f"{URL}?cpId={of['id']}").json
    assert [row["eventLabel"] for row in rows] == ["Week", "First", "Second", "Last", "Very last"]


def test_a_list_names_its_protocol(api: Api, statuses: Statuses) -> None:
    of = designs.protocol(api)
    designs.event(api, of, "Open")
    designs.event(api, of, "Shut", activityStatus="Closed")
    assert len(api.get(f"{URL}?cpShortTitle={of['shortTitle']}").json) == 2
    rows = api.get(f"{URL}?cpId={of['id']}&includeClosedEvents=false").json
    assert [row["eventLabel"] for row in rows] == ["Open"]
    assert api.get(URL).codes == ["CP_SHORT_TITLE_REQUIRED"]
    unknown = api.get(f"{URL}?cpId=999999")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_NOT_FOUND"])


def test_a_replacement_clears_what_it_does_not_name(api: Api, statuses: Statuses) -> None:
    of = designs.protocol(api)
    made = designs.event(api, of, code="W1", eventPoint=7, eventPointUnit="DAYS")
    answer = api.put(f"{URL}/{made['id']}", designs.event_body(of, "Baseline", id=12345))
    assert (answer.status, answer.json["id"]) == (statuses.created, made["id"])
    assert not {"code", "eventPoint", "eventPointUnit"} & answer.json.keys()


def test_an_event_cannot_move_to_another_protocol(api: Api, statuses: Statuses) -> None:
    made = designs.event(api, designs.protocol(api))
    answer = api.put(f"{URL}/{made['id']}", designs.event_body(designs.protocol(api)))
    assert (answer.status, answer.codes) == (statuses.not_found, ["CPE_NOT_FOUND"])


def test_closing_an_event_closes_its_requirements_and_reopening_does_not_reopen_them(api: Api) -> None:
    of = designs.protocol(api)
    made = designs.event(api, of)
    top = designs.requirement(api, made)
    designs.plasma(api, top)
    path = f"{URL}/{made['id']}"
    closed = designs.event_body(of, activityStatus="Closed")
    assert api.put(path, closed).json["activityStatus"] == "Closed"
    assert set(Requirement.objects.values_list("activity_status", flat=True)) == {"Closed"}
    assert api.put(path, closed).codes == ["CPE_CLOSED"]
    assert api.post("/specimen-requirements", designs.blood(made)).codes == ["CPE_CLOSED"]
    assert api.put(path, designs.event_body(of)).json["activityStatus"] == "Active"
    assert set(Requirement.objects.values_list("activity_status", flat=True)) == {"Closed"}


def test_a_copy_brings_open_requirements_with_their_codes(api: Api, statuses: Statuses) -> None:
    of = designs.protocol(api)
    made = designs.event(api, of, code="W1", eventPoint=7, eventPointUnit="DAYS")
    closed = designs.requirement(api, made, code="OLD", sortOrder=1)
    top = designs.requirement(api, made, code="WB", sortOrder=5)
    designs.aliquots(api, designs.plasma(api, top, code="PL"), code="A")
    api.put(
        f"/specimen-requirements/{closed['id']}", designs.blood(made, code="OLD", activityStatus="Closed")
    )
    answer = api.post(f"{URL}/{made['id']}/copy", {"eventLabel": "Week 2", "eventPoint": 14})
    assert answer.status == statuses.created
    copy = answer.json
    assert (copy["eventPoint"], copy["eventPointUnit"], "code" in copy) == (14, "DAYS", False)
    (tree,) = api.get(f"/specimen-requirements?eventId={copy['id']}").json
    assert (tree["code"], tree["sortOrder"]) == ("WB", 1)
    assert [row["code"] for row in tree["children"][0]["children"]] == ["A1", "A2"]
    assert api.post(f"{URL}/{made['id']}/copy", {}).codes == ["CPE_LABEL_REQUIRED"]
    assert api.post(f"{URL}/{made['id']}/copy", {"eventLabel": "BASELINE"}).codes == ["CPE_DUP_LABEL"]
    unknown = api.post(f"{URL}/999999/copy", {"eventLabel": "X"})
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CPE_NOT_FOUND"])


def test_a_deleted_event_is_renamed_and_never_found_again(api: Api, statuses: Statuses) -> None:
    of = designs.protocol(api)
    made = designs.event(api, of, code="W1")
    designs.requirement(api, made)
    answer = api.delete(f"{URL}/{made['id']}")
    assert (answer.status, answer.json["activityStatus"]) == (200, "Disabled")
    assert answer.json["eventLabel"].startswith("Baseline_")
    assert Requirement.objects.get().activity_status == "Disabled"
    for again in (api.get(f"{URL}/{made['id']}"), api.delete(f"{URL}/{made['id']}")):
        assert (again.status, again.codes) == (statuses.not_found, ["CPE_NOT_FOUND"])
    designs.event(api, of, code="W1")


def test_an_event_with_visits_stays(api: Api) -> None:
    of = studies.protocol()
    event = studies.event(of)
    registration = api.post("/collection-protocol-registrations", studies.registration_body(of)).json
    Visit.objects.create(registration_id=registration["id"], protocol=of, event=event, name="V-1")
    assert api.delete(f"{URL}/{event.pk}").codes == ["CPE_HAS_VISITS"]
    disabled = {"eventLabel": event.label, "cpShortTitle": of.short_title, "activityStatus": "Disabled"}
    assert api.put(f"{URL}/{event.pk}", disabled).codes == ["CPE_HAS_VISITS"]
    closed = {**disabled, "activityStatus": "Closed"}
    assert api.put(f"{URL}/{event.pk}", closed).json["activityStatus"] == "Closed"


def test_changing_events_needs_the_right_to_update_the_protocol(
    as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    of = studies.protocol()
    event = studies.event(of)
    reader = factories.user(of=of.protocol_sites.get().site.institute)
    factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=of)
    api = as_user(reader)
    assert api.get(f"{URL}/{event.pk}").status == 200
    body = {"eventLabel": "New", "cpShortTitle": of.short_title}
    for answer in (api.post(URL, body), api.put(f"{URL}/{event.pk}", body), api.delete(f"{URL}/{event.pk}")):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    stranger = as_user(factories.user())
    assert stranger.get(f"{URL}/{event.pk}").codes == ["RBAC_ACCESS_DENIED"]
    assert stranger.get(f"{URL}?cpId={of.pk}").codes == ["RBAC_ACCESS_DENIED"]
