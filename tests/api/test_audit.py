"""Who changed what: summaries, revisions, reports, and the log of calls (spec 01 §A.11)."""

import csv
import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from biobank.access import Actor
from biobank.audit import calls, registry, reports
from biobank.audit.models import ApiCall, AuditReport
from biobank.batch.door import Change
from biobank.jobs.models import State
from sessions_auth.models import User
from sites.detail import SiteDetail
from sites.writes import SITES
from specimens.participant.models import MedicalRecord, Participant
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.writes import SPECIMENS
from tests import factories, specimen_cast, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
AsUser = Callable[[User], Api]


def revisions(api: Api, name: str, pk: int, **more: int) -> list[dict[str, Any]]:
    paging = "".join(f"&{key}={value}" for key, value in more.items())
    answer = api.get(f"/audit/revisions?objectName={name}&objectId={pk}{paging}")
    assert answer.status == 200, answer.json
    found: list[dict[str, Any]] = answer.json
    return found


def changed(revision: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {each["key"]: (each["oldValue"], each["newValue"]) for each in revision["changes"]}


def grow_old(*models: Any) -> None:
    """Move what was done so far into the past: all that a test does has the time of one transaction."""
    for model in models:
        model.history.rel.related_model.objects.update(
            pgh_created_at=F("pgh_created_at") - timedelta(minutes=1)
        )


def new_site(api: Api, **more: Any) -> int:
    body = {
        "name": f"Site {factories.number()}",
        "instituteName": factories.institute().name,
        "type": "Laboratory",
        **more,
    }
    answer = api.post("/sites", body)
    assert answer.status in (200, 201), answer.json
    return int(answer.json["id"])


# --- Summaries --------------------------------------------------------------------------------------


def test_a_summary_says_who_made_and_who_last_changed_a_record(
    api: Api, admin: User, as_user: AsUser
) -> None:
    pk = new_site(api, name="Northgate")
    other = factories.user("SUPER")
    before = api.get(f"/audit?objectName=site&objectId={pk}").json
    assert before.keys() == {"objectName", "objectId", "createdBy", "createdOn", "revisionsCount"}
    assert (before["createdBy"]["id"], before["revisionsCount"]) == (admin.pk, 1)
    assert abs(before["createdOn"] / 1000 - time.time()) < 60

    assert as_user(other).patch(f"/sites/{pk}", {"address": "1 North Street"}).status == 200
    after = api.get(f"/audit?objectName=site&objectId={pk}").json
    assert (after["createdBy"]["id"], after["lastUpdatedBy"]["id"], after["revisionsCount"]) == (
        admin.pk,
        other.pk,
        2,
    )
    assert after["createdBy"].keys() >= {"id", "firstName", "lastName", "loginName", "emailAddress"}
    assert after["lastUpdatedOn"] >= after["createdOn"]


def test_many_records_are_answered_in_the_order_asked(api: Api) -> None:
    institute = factories.institute()
    sites = [new_site(api) for _ in range(2)]
    asked = [
        {"objectName": "site", "objectId": sites[1]},
        {"objectName": "institute", "objectId": str(institute.pk)},
        {"objectName": "site", "objectId": sites[0]},
    ]
    found = api.post("/audit", asked)
    assert found.status == 200
    assert {(each["objectName"], each["objectId"]) for each in found.json} == {
        ("site", sites[0]), ("site", sites[1]), ("institute", institute.pk),
    }  # fmt: skip
    assert api.post("/audit", []).json == []
    assert api.post("/audit/revisions", []).json == []


@pytest.mark.parametrize("path", ["/audit", "/audit/revisions"])
def test_what_is_not_there_cannot_be_audited(api: Api, statuses: Statuses, path: str) -> None:
    for name, pk in (("site", 999_999), ("freezer", 1), ("Site", 1)):
        answer = api.get(f"{path}?objectName={name}&objectId={pk}")
        assert (answer.status, answer.codes) == (statuses.not_found, ["AUDIT_ENTITY_NOT_FOUND"])
        answer = api.post(path, [{"objectName": name, "objectId": pk}])
        assert (answer.status, answer.codes) == (400, ["AUDIT_ENTITY_NOT_FOUND"])
    for query in ("", "?objectName=site", "?objectId=1", "?objectName=site&objectId=x"):
        answer = api.get(path + query)
        assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])
    bodies: tuple[Any, ...] = (None, {}, [{}], [{"objectName": "site"}], ["site"])
    for body in bodies:
        assert api.post(path, body).codes == ["INVALID_REQUEST"]
    too_many = [{"objectName": "site", "objectId": n} for n in range(1001)]
    assert api.post(path, too_many).codes == ["COMMON_INVALID_INPUT"]


def test_the_catalogue_names_what_can_be_audited(api: Api) -> None:
    found = {each["name"]: each["label"] for each in api.get("/audit/revision-entities").json}
    assert found.keys() >= {
        "collection_protocol", "collection_protocol_event", "collection_protocol_registration", "institute",
        "participant", "role", "site", "specimen", "specimen_requirement", "user", "visit",
    }  # fmt: skip
    assert all(found.values())


# --- Revisions --------------------------------------------------------------------------------------


def test_revisions_show_what_became_of_each_key(api: Api, admin: User) -> None:
    pk = new_site(api, name="Northgate", code="NG")
    assert api.patch(f"/sites/{pk}", {"name": "Southgate", "opComments": "It moved"}).status == 200
    assert api.delete(f"/sites/{pk}").status == 200

    gone, moved, made = revisions(api, "site", pk)
    assert [each["operation"] for each in (gone, moved, made)] == ["DELETE", "UPDATE", "CREATE"]
    assert changed(moved) == {"name": ("Northgate", "Southgate")}
    assert (moved["opComments"], moved["door"]) == ("It moved", "rest")
    assert (moved["changedBy"]["id"], moved["ipAddress"]) == (admin.pk, "127.0.0.1")
    assert "opComments" not in made
    assert changed(made)["name"] == (None, "Northgate")
    assert changed(gone)["activityStatus"] == ("Active", "Disabled")
    assert changed(gone)["code"][0] == "NG"
    assert len({each["id"] for each in (gone, moved, made)}) == 3


def test_revisions_are_paged(api: Api) -> None:
    pk = new_site(api, name="Site 0")
    for n in range(1, 4):
        assert api.patch(f"/sites/{pk}", {"address": f"Street {n}"}).status == 200
    found = revisions(api, "site", pk)
    assert [each["id"] for each in found[1:3]] == [
        each["id"] for each in revisions(api, "site", pk, startAt=1, maxResults=2)
    ]
    posted = api.post("/audit/revisions?maxResults=1", [{"objectName": "site", "objectId": pk}]).json
    assert [each["id"] for each in posted] == [found[0]["id"]]


def test_dates_and_parts_of_a_record_are_shown(api: Api) -> None:
    protocol = studies.protocol()
    site = factories.site()
    body = studies.registration_body(
        protocol,
        participant={
            "lastName": "Holt",
            "birthDate": "1980-02-29",
            "races": ["White"],
            "pmis": [{"siteName": site.name, "mrn": "M1"}],
        },
    )
    registered = api.post("/collection-protocol-registrations", body).json
    pk, person = registered["id"], registered["participant"]["id"]
    grow_old(Participant, MedicalRecord)
    update = {"participant": {"pmis": [{"siteName": site.name, "mrn": "M2"}]}, "opComments": "typing error"}
    assert api.put(f"/collection-protocol-registrations/{pk}", update).status == 201

    corrected, made = revisions(api, "participant", person)
    assert changed(made)["birthDate"] == (None, int(datetime(1980, 2, 29, tzinfo=UTC).timestamp() * 1000))
    assert changed(made)["races"] == (None, ["White"])
    (number,) = [key for key in changed(made) if key.endswith("].mrn")]
    assert number.startswith("pmis[")
    assert changed(corrected) == {number: ("M1", "M2")}
    assert (corrected["operation"], corrected["opComments"]) == ("UPDATE", "typing error")


def test_roles_given_to_a_user_are_part_of_the_account(api: Api, as_user: AsUser) -> None:
    user = factories.user()
    grow_old(User)
    body = {"role": {"name": "Administrator"}, "site": None, "collectionProtocol": None}
    given = api.post(f"/rbac/subjects/{user.pk}/roles", body)
    assert given.status in (200, 201), given.json
    newest = revisions(api, "user", user.pk)[0]
    assert newest["operation"] == "UPDATE"
    assert any(key.startswith("roles[") and key.endswith("].roleId") for key in changed(newest))
    past = len(revisions(api, "user", user.pk))
    as_user(user).put("/users/current-user-ui-state", {"menu": "open"})
    assert len(revisions(api, "user", user.pk)) == past
    everything = str(revisions(api, "user", user.pk))
    assert "assword" not in everything.replace("forcePasswordReset", "").replace("passwordChangedAt", "")
    assert "uiState" not in everything


def test_every_body_may_say_why(api: Api) -> None:
    protocol = studies.protocol()
    event = api.post(
        "/collection-protocol-events",
        {"eventLabel": "Baseline", "cpShortTitle": protocol.short_title, "opComments": "first"},
    )
    assert event.status == 201, event.json
    assert revisions(api, "collection_protocol_event", event.json["id"])[0]["opComments"] == "first"
    user = factories.user()
    answer = api.put(
        "/users/bulk-update",
        {"ids": [user.pk], "detail": {"timeZone": "Asia/Kolkata", "opComments": "They moved"}},
    )
    assert answer.status in (200, 201), answer.json
    assert revisions(api, "user", user.pk)[0]["opComments"] == "They moved"
    visit = studies.visit(studies.registration(protocol))
    specimen = specimen_cast.saved(api, visit, opComments="at last")
    assert revisions(api, "specimen", specimen["id"])[0]["opComments"] == "at last"


def test_each_row_of_a_batch_keeps_its_own_reason(api: Api, admin: User) -> None:
    visit = studies.visit(studies.registration(studies.protocol()))
    made = [specimen_cast.saved(api, visit)["id"] for _ in range(4)]
    importer = Actor(admin.pk, "admin", "SUPER", admin.institute_id, via="import")
    reasons = ["a", "a", None, "b"]
    batch = [
        Change(SpecimenDetail(comments=f"row {n}", op_comments=reason), pk)
        for n, (pk, reason) in enumerate(zip(made, reasons, strict=True))
    ]
    outcomes = SPECIMENS.write_each(batch, importer)
    assert [outcome.pk for outcome in outcomes] == made
    newest = [revisions(api, "specimen", pk)[0] for pk in made]
    assert [each.get("opComments") for each in newest] == reasons
    assert {each["door"] for each in newest} == {"import"}
    assert SPECIMENS.write(batch, importer) == made


@pytest.mark.parametrize("door", ["rest", "import", "admin", "system"])
def test_the_door_is_told(api: Api, admin: User, door: str) -> None:
    actor = Actor(admin.pk, "admin", "SUPER", admin.institute_id, via=door)
    detail = SiteDetail(name="Eastgate", institute_name=factories.institute().name, type="Laboratory")
    pk = SITES.write_one(detail, actor)
    assert revisions(api, "site", pk)[0]["door"] == door


def test_who_acts_for_somebody_else_is_told(api: Api, admin: User) -> None:
    other = factories.user("SUPER")
    token = api.post("/sessions/impersonate", {"loginName": other.login_name}).json["impersonateUserToken"]
    pk = new_site(api)
    assert api.patch(f"/sites/{pk}", {"address": "x"}, **{"X-OS-IMPERSONATE-USER": token}).status == 200
    newest = revisions(api, "site", pk)[0]
    assert (newest["changedBy"]["id"], newest["impersonatedBy"]["id"]) == (other.pk, admin.pk)


# --- Rights -----------------------------------------------------------------------------------------


def test_only_who_may_read_a_record_may_read_its_past(
    api: Api, anonymous: Api, as_user: AsUser, statuses: Statuses
) -> None:
    protocol, elsewhere = studies.protocol(), studies.protocol()
    visits = [studies.visit(studies.registration(each)) for each in (protocol, elsewhere)]
    specimens = [specimen_cast.saved(api, visit)["id"] for visit in visits]
    user = factories.user()
    rights = {
        "ParticipantDeid": ["Read"],
        "Visit": ["Read"],
        "Specimen": ["Read"],
        "CollectionProtocol": ["Read"],
    }
    factories.grant(user, rights, protocol=protocol)
    caller = as_user(user)
    for n, refused in enumerate((False, True)):
        visit = visits[n]
        for name, pk in (
            ("specimen", specimens[n]),
            ("visit", visit.pk),
            ("collection_protocol_registration", visit.registration_id),
            ("participant", visit.registration.participant_id),
            ("collection_protocol", visit.protocol_id),
        ):
            for path in ("/audit", "/audit/revisions"):
                answer = caller.get(f"{path}?objectName={name}&objectId={pk}")
                assert answer.status == (statuses.forbidden if refused else 200), (name, answer.json)
                if refused:
                    assert answer.codes == ["RBAC_ACCESS_DENIED"]
    both = [{"objectName": "specimen", "objectId": pk} for pk in specimens]
    assert caller.post("/audit/revisions", both).codes == ["RBAC_ACCESS_DENIED"]
    assert anonymous.get("/audit?objectName=institute&objectId=1").status == 401


def test_identities_stay_out_of_the_past_shown_without_phi_rights(api: Api, as_user: AsUser) -> None:
    protocol, site = studies.protocol(), factories.site()
    secret = {
        "firstName": "Mira", "middleName": "Q", "lastName": "Holt", "emailAddress": "mira@example.org",
        "phoneNumber": "555-0100", "birthDate": "1980-02-29", "uid": "UID-77", "empi": "EMPI-77",
        "pmis": [{"siteName": site.name, "mrn": "MRN-77"}],
    }  # fmt: skip
    body = studies.registration_body(protocol, participant={**secret, "gender": "Female"})
    registered = api.post("/collection-protocol-registrations", body).json
    pk, person = registered["id"], registered["participant"]["id"]
    grow_old(Participant, MedicalRecord)
    api.put(f"/collection-protocol-registrations/{pk}", {"participant": {"firstName": "Maria", "pmis": []}})
    visit = api.post(
        "/visits", {"cprId": pk, "name": "V-77", "status": "Complete", "surgicalPathologyNumber": "SP-77"}
    )
    assert visit.status == 201, visit.json
    rights = {"ParticipantDeid": ["Read"], "Visit": ["Read"]}
    user = factories.user()
    factories.grant(user, rights, protocol=protocol)
    masked = as_user(user)
    shown = str(revisions(masked, "participant", person)) + str(revisions(masked, "visit", visit.json["id"]))
    assert "Female" in shown
    for word in (
        "Mira",
        "Maria",
        "Holt",
        "mira@",
        "555-0100",
        "birthDate",
        "UID-77",
        "EMPI-77",
        "MRN-77",
        "SP-77",
    ):
        assert word not in shown
    assert "].mrn" not in shown

    factories.grant(user, {"ParticipantPhi": ["Read"]}, protocol=protocol)
    told = as_user(user)
    shown = str(revisions(told, "participant", person)) + str(revisions(told, "visit", visit.json["id"]))
    for word in (
        "Mira",
        "Maria",
        "Holt",
        "mira@",
        "555-0100",
        "birthDate",
        "UID-77",
        "EMPI-77",
        "MRN-77",
        "SP-77",
    ):
        assert word in shown


def test_deleted_records_have_a_past_for_super_administrators_only(
    api: Api, as_user: AsUser, statuses: Statuses
) -> None:
    pk = new_site(api)
    assert api.delete(f"/sites/{pk}").status == 200
    assert api.get(f"/audit?objectName=site&objectId={pk}").json["revisionsCount"] == 2
    answer = as_user(factories.user("INSTITUTE")).get(f"/audit?objectName=site&objectId={pk}")
    assert (answer.status, answer.codes) == (statuses.not_found, ["AUDIT_ENTITY_NOT_FOUND"])


def test_accounts_are_audited_by_those_who_administer_them(api: Api, as_user: AsUser) -> None:
    here, there = factories.institute(), factories.institute()
    one, other = factories.user(of=here), factories.user(of=here)
    path = f"/audit/revisions?objectName=user&objectId={one.pk}"
    assert as_user(one).get(path).status == 200
    assert as_user(other).get(path).codes == ["RBAC_ACCESS_DENIED"]
    assert as_user(factories.user("INSTITUTE", of=here)).get(path).status == 200
    assert as_user(factories.user("INSTITUTE", of=there)).get(path).codes == ["RBAC_ACCESS_DENIED"]


def test_revisions_cost_the_same_for_more_records_and_a_longer_past(api: Api, as_user: AsUser) -> None:
    protocol = studies.protocol()
    visit = studies.visit(studies.registration(protocol))
    user = factories.user()
    factories.grant(user, {"Specimen": ["Read"], "ParticipantDeid": ["Read"]}, protocol=protocol)
    caller = as_user(user)

    def cost(path: str, specimens: list[int]) -> int:
        people = [visit.registration.participant_id]
        asked = [{"objectName": "specimen", "objectId": pk} for pk in specimens]
        asked += [{"objectName": "participant", "objectId": pk} for pk in people]
        caller.post(path, asked)
        with CaptureQueriesContext(connection) as captured:
            assert caller.post(path, asked).status == 200
        return len(captured)

    one = specimen_cast.saved(api, visit)["id"]
    few = {path: cost(path, [one]) for path in ("/audit", "/audit/revisions")}
    more = [one] + [specimen_cast.saved(api, visit)["id"] for _ in range(4)]
    for n in range(3):
        for pk in more:
            api.put(f"/specimens/{pk}", {"comments": f"look {n}"})
    assert {path: cost(path, more) for path in few} == few
    assert max(few.values()) <= 12


def test_every_tracked_record_can_be_audited() -> None:
    """A table with history that no package declared would be invisible."""
    from django.apps import apps

    known = {kind.model for kind in registry.entities()}
    known |= {part.model for kind in registry.entities() for part in kind.parts}
    tracked = {model for model in apps.get_models() if hasattr(model, "history")}
    assert {model.__name__ for model in tracked - known} == set()
    for kind in registry.entities():  # masks and hidden fields name fields that exist
        fields = {field.name for field in kind.model._meta.concrete_fields}
        fields |= {f"{p.key}.{f.name}" for p in kind.parts for f in p.model._meta.concrete_fields}
        for mask in kind.masks:
            assert mask.fields <= fields, kind.name
        assert kind.hidden <= fields, kind.name


# --- Reports ----------------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are made when they are sent."""
    from biobank.audit.tasks import run_report

    monkeypatch.setattr(reports, "send", lambda made: run_report(made.pk))


def unzipped(content: bytes) -> dict[str, list[list[str]]]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: list(csv.reader(io.StringIO(archive.read(name).decode()))) for name in archive.namelist()}


def test_a_report_has_the_files_asked_for(api: Api, admin: User, at_once: None) -> None:
    pk = new_site(api, name="Northgate")
    api.patch(f"/sites/{pk}", {"name": 'South "gate"', "opComments": "moved"})
    api.post("/sessions", {"loginName": "admin", "password": "wrong"})
    api.post("/query", {"aql": "select Participant.ppid where Participant.ppid exists"})
    started = api.post("/audit/export-revisions", {})
    assert started.status == 200
    answer = api.get(f"/audit/revisions-file?fileId={started.json['fileId']}")
    assert answer.status == 200
    assert "AuditReport_" in answer.headers["Content-Disposition"]
    files = unzipped(answer.body)
    assert files.keys() == {
        "data_changes.csv", "logins.csv", "queries.csv", "import_jobs.csv", "export_jobs.csv", "api_calls.csv",
    }  # fmt: skip
    lines = [line for line in files["data_changes.csv"] if line[6:8] == ["site", str(pk)]]
    assert [line[5] for line in lines] == ["INSERT", "UPDATE"]
    assert lines[1][1:4] == ["admin", "", "rest"]
    assert lines[1][9:] == ["moved", '{"name": ["Northgate", "South \\"gate\\""]}']
    assert files["logins.csv"][-1][1] == "admin"
    assert files["logins.csv"][-1][-1] == "No"
    assert any("Participant.ppid" in line[-1] for line in files["queries.csv"])
    only = api.post("/audit/export-revisions", {"reportTypes": ["auth"], "userIds": [admin.pk + 1000]})
    assert only.codes == ["USER_ONE_OR_MORE_NOT_FOUND"]
    other = factories.user()
    only = api.post("/audit/export-revisions", {"reportTypes": ["auth"], "userIds": [other.pk]}).json
    files = unzipped(api.get(f"/audit/revisions-file?fileId={only['fileId']}").body)
    assert {name: len(lines) for name, lines in files.items()} == {"logins.csv": 1}


def test_a_report_covers_whole_days(api: Api, at_once: None) -> None:
    now = timezone.now()
    ApiCall.objects.bulk_create(
        ApiCall(user_id=1, method="GET", path=f"/{days}", started_at=at, ended_at=at, status=200)
        for days in (0, 2, 3, 4)
        for at in [(now - timedelta(days=days)).replace(hour=12)]
    )
    day = f"{now - timedelta(days=3):%Y-%m-%d}"
    body = {"startDate": day, "endDate": day, "reportTypes": ["api_calls"]}
    started = api.post("/audit/export-revisions", body).json
    (lines,) = unzipped(api.get(f"/audit/revisions-file?fileId={started['fileId']}").body).values()
    assert [line[7] for line in lines] == ["Path", "/3"]


def test_a_period_must_make_sense(api: Api, statuses: Statuses) -> None:
    now = timezone.now()

    def day(ago: int) -> str:
        return f"{now - timedelta(days=ago):%Y-%m-%d}"

    for body, code in (
        ({"startDate": day(-2)}, "AUDIT_DATE_GT_TODAY"),
        ({"endDate": day(-2)}, "AUDIT_DATE_GT_TODAY"),
        ({"startDate": day(3), "endDate": day(4)}, "AUDIT_FROM_DT_GT_TO_DATE"),
        ({"startDate": day(91)}, "AUDIT_DATE_INTERVAL_GT_ALLOWED"),
        ({"startDate": day(200), "endDate": day(109)}, "AUDIT_DATE_INTERVAL_GT_ALLOWED"),
        ({"userIds": [999_999]}, "USER_ONE_OR_MORE_NOT_FOUND"),
        ({"reportTypes": ["data", "gossip"]}, "COMMON_INVALID_INPUT"),
        ({"startDate": "yesterday"}, "INVALID_REQUEST"),
        ({"userIds": "all"}, "INVALID_REQUEST"),
    ):
        answer = api.post("/audit/export-revisions", body)
        assert (answer.status, answer.codes) == (400, [code]), body
    assert not AuditReport.objects.exists()
    stored = {"module": "common", "name": "max_audit_report_period", "value": "10"}
    assert api.put("/config-settings", stored).status in (200, 201)
    assert api.post("/audit/export-revisions", {"startDate": day(11)}).codes == [
        "AUDIT_DATE_INTERVAL_GT_ALLOWED"
    ]


def test_reports_are_for_super_administrators(
    api: Api, as_user: AsUser, at_once: None, statuses: Statuses
) -> None:
    name = api.post("/audit/export-revisions", {"reportTypes": ["auth"]}).json["fileId"]
    for kind in ("INSTITUTE", "NONE"):
        caller = as_user(factories.user(kind))
        for answer in (
            caller.post("/audit/export-revisions", {"startDate": "2999-01-01"}),
            caller.get(f"/audit/revisions-file?fileId={name}"),
        ):
            assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])
    for wrong in ("", "?fileId=", "?fileId=../../secret-key", f"?fileId={name}.zip"):
        answer = api.get("/audit/revisions-file" + wrong)
        assert (answer.status, answer.codes) == (statuses.not_found, ["COMMON_FILE_NOT_FOUND"])
    reports.path_of(AuditReport.objects.get(file_id=name)).unlink()
    assert api.get(f"/audit/revisions-file?fileId={name}").codes == ["COMMON_FILE_NOT_FOUND"]


def test_a_report_that_takes_long_is_mailed(
    api: Api, admin: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    from biobank.audit.tasks import run_report

    monkeypatch.setattr(reports, "send", lambda made: None)
    monkeypatch.setattr(reports, "WAIT_SECONDS", 0.05)
    assert api.post("/audit/export-revisions", {"reportTypes": ["auth"]}).json == {"fileId": None}
    made = AuditReport.objects.get()
    assert api.get(f"/audit/revisions-file?fileId={made.file_id}").codes == ["COMMON_FILE_NOT_FOUND"]
    with django_capture_on_commit_callbacks(execute=True):
        run_report(made.pk)
    made.refresh_from_db()
    assert made.state == State.DONE
    (letter,) = mail.outbox
    assert letter.to == [admin.email_address]
    assert made.file_id in str(letter.body)


# --- The log of calls -------------------------------------------------------------------------------


@pytest.fixture
def logged(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[calls.Buffer]:
    """Calls are noted; the test writes them."""
    settings.CALL_LOG_SECONDS = 3600
    buffer = calls.Buffer()
    monkeypatch.setattr(buffer, "_start", lambda: None)
    monkeypatch.setattr(calls, "buffer", buffer)
    yield buffer


def test_every_recognised_call_is_noted(api: Api, anonymous: Api, admin: User, logged: calls.Buffer) -> None:
    pk = factories.site().pk
    api.get(f"/sites/{pk}?secret=Holt")
    api.get("/sites/999999/")
    anonymous.get("/sites")
    anonymous.post("/sessions", {"loginName": "admin", "password": "wrong"})
    Api("unknown").get("/sites")
    other = factories.user()
    token = api.post("/sessions/impersonate", {"loginName": other.login_name}).json["impersonateUserToken"]
    api.get("/users/current-user", **{"X-OS-IMPERSONATE-USER": token})
    assert logged.write() == 4
    assert logged.write() == 0
    rows = list(ApiCall.objects.order_by("pk"))
    assert [(row.method, row.path, row.status) for row in rows] == [
        ("GET", f"/sites/{pk}", 200),
        ("GET", "/sites/999999", 404),
        ("POST", "/sessions/impersonate", 200),
        ("GET", "/users/current-user", 200),
    ]
    assert {row.token_id for row in rows} == {admin.tokens.get().pk}
    assert [(row.user_id, row.impersonated_by) for row in rows[2:]] == [
        (admin.pk, None),
        (other.pk, admin.pk),
    ]
    assert all(row.started_at <= row.ended_at for row in rows)
    assert {row.ip_address for row in rows} == {"127.0.0.1"}


def test_what_pages_ask_all_the_time_is_not_noted(api: Api, logged: calls.Buffer) -> None:
    api.get("/user-notifications/unread-count")
    assert logged.write() == 0


def test_noting_a_call_asks_the_database_nothing(api: Api, logged: calls.Buffer, settings: Any) -> None:
    def queries() -> int:
        api.get("/institutes")
        with CaptureQueriesContext(connection) as captured:
            api.get("/institutes")
        return len(captured)

    noted = queries()
    settings.CALL_LOG_SECONDS = 0
    assert queries() == noted


def test_calls_wait_for_the_database_but_not_without_end(
    api: Api, logged: calls.Buffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(rows: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(calls, "CALLS_KEPT", 3)
    logged._calls = type(logged._calls)(maxlen=3)
    with monkeypatch.context() as patch:
        patch.setattr(calls, "insert", away)
        for _ in range(5):
            api.get("/institutes")
        patch.setattr(connection, "close", lambda: None)
        logged._try()
    assert logged.dropped == 2
    assert logged.write() == 3
    assert logged.dropped == 0


def test_old_calls_are_removed(settings: Any) -> None:
    settings.CALL_LOG_DAYS = 30
    now = timezone.now()
    for days in (1, 29, 31, 400):
        at = now - timedelta(days=days)
        ApiCall.objects.create(
            user_id=1, method="GET", path=f"/{days}", started_at=at, ended_at=at, status=200
        )
    calls.forget_old_calls()
    assert list(ApiCall.objects.order_by("-pk").values_list("path", flat=True)) == ["/29", "/1"]
    settings.CALL_LOG_DAYS = 0
    calls.forget_old_calls()
    assert ApiCall.objects.count() == 2


def test_a_thread_of_the_process_writes_what_was_noted(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CALL_LOG_SECONDS = 0.01
    buffer, written = calls.Buffer(), threading.Event()

    def write() -> int:
        written.set()
        return 1

    monkeypatch.setattr(buffer, "write", write)
    now = timezone.now()
    call = ApiCall(user_id=1, method="GET", path="/", started_at=now, ended_at=now, status=200)
    buffer.add(call)
    assert written.wait(5)
    started = [thread for thread in threading.enumerate() if thread.name == "calls"]
    buffer.add(call)
    assert [thread for thread in threading.enumerate() if thread.name == "calls"] == started
    buffer._finish()
    buffer.clear()
    for thread in started:
        thread.join(5)
    assert not any(thread.is_alive() for thread in started)
