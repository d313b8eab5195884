"""Protocols and events in CSV: updated, exported (spec 04 §5.6, §5.7)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from biobank.records import past
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol, Event, ProtocolSite, Requirement
from tests import factories, studies
from tests.client import Api
from tests.jobs import exported
from tests.jobs.headers import template, version_7
from tests.jobs.importing import imported, outcomes, report

pytestmark = pytest.mark.django_db


def messages(api: Api, job: dict[str, Any]) -> list[str]:
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


@pytest.mark.parametrize("schema", ["cp", "cpe"])
def test_templates_have_the_captions_of_version_7_in_their_order(api: Api, schema: str) -> None:
    wanted = version_7(schema)
    assert [caption for caption in template(api, schema) if caption in wanted] == wanted


# --- Protocols --------------------------------------------------------------------------------------


def test_an_update_of_protocols_changes_only_what_a_row_names(api: Api) -> None:
    first, second, pi = factories.site(), factories.site(), factories.user()
    lungs = studies.protocol("LUNG", at=[first], title="Lungs", irb_id="E1", start_date=date(2024, 2, 29))
    hearts = studies.protocol("HEART", title="Hearts")
    content = (
        "Identifier,Title,Short Title,IRB ID,Start Date,Sites#1#Name,Sites#1#Code,Sites#2#Name,PI#PI Email\n"
        f",,lung,E2,,,,,\n,HEARTS,,,,,,,{pi.email_address}\n"
        f"{lungs.pk},,LUNGS,,##set_to_blank##,{second.name},S2,{first.name},\n,,NONE,,,,,,\n,,,E9,,,,,\n"
    )
    job = imported(api, content, "cp", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS"] * 3 + ["FAIL"] * 2
    assert messages(api, job)[3:] == [
        "There is no such collection protocol: NONE",
        "A collection protocol needs a short title",
    ]
    lungs.refresh_from_db()
    hearts.refresh_from_db()
    assert (lungs.title, lungs.short_title, lungs.irb_id, lungs.start_date) == ("Lungs", "LUNGS", "E2", None)
    assert hearts.principal_investigator == pi
    sites = ProtocolSite.objects.filter(protocol=lungs).values_list("site__name", "code")
    assert set(sites) == {(first.name, None), (second.name, "S2")}


def test_protocols_are_closed_and_deleted_by_their_status(api: Api) -> None:
    closed, gone, used = (studies.protocol() for _ in range(3))
    studies.registration(used)
    content = (
        f"Short Title,Activity Status\n{closed.short_title},Closed\n{gone.short_title},Disabled\n"
        f"{used.short_title},Disabled\n"
    )
    job = imported(api, content, "cp", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "FAIL"]
    states = CollectionProtocol.objects.in_bulk()
    assert [states[row.pk].activity_status for row in (closed, gone, used)] == [
        "Closed", "Disabled", "Active",
    ]  # fmt: skip


def test_protocols_need_the_right_with_import_and_hidden_ones_are_as_if_absent(
    as_user: Callable[[User], Api],
) -> None:
    site = factories.site()
    own, foreign = studies.protocol(at=[site]), studies.protocol()
    reader, writer = factories.user(), factories.user()
    factories.grant(reader, {"CollectionProtocol": ["Read", "Update"], "User": ["Export Import"]}, site=site)
    factories.grant(writer, {"CollectionProtocol": ["Read", "Update", "Export Import"]}, site=site)
    content = f"Short Title,Ethics ID\n{own.short_title},E1\n{foreign.short_title},E2\n"
    for user, expected in ((reader, ["FAIL", "FAIL"]), (writer, ["SUCCESS", "FAIL"])):
        caller = as_user(user)
        job = imported(caller, content, "cp", importType="UPDATE")
        assert outcomes(caller, job["id"]) == expected
        assert messages(caller, job)[1] == f"There is no such collection protocol: {foreign.short_title}"
    assert exported.records("cp", reader) == []
    assert [found["id"] for found in exported.records("cp", writer)] == [own.pk]


def test_protocols_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    study = studies.protocol(
        "LUNG", at=[factories.site(), factories.site()], start_date=date(2024, 2, 29), ppid_fmt="%CP_UID(3)%",
        manual_ppid_enabled=True, set_qty_to_zero=False, anticipated_participants_count=12,
        spmn_label_print_settings=[{"lineage": "New", "printMode": "PRE_PRINT", "copies": 2}],
    )  # fmt: skip
    study.coordinators.add(factories.user(), factories.user())
    studies.protocol(activity_status="Closed")
    content = exported.file("cp", admin)
    before = past(CollectionProtocol).count(), past(ProtocolSite).count()
    job = imported(api, content, "cp", importType="UPDATE")
    assert job["status"] == "COMPLETED", messages(api, job)
    assert (past(CollectionProtocol).count(), past(ProtocolSite).count()) == before
    CollectionProtocol.objects.filter(short_title="LUNG").update(
        title="Other", short_title="OTHER", code=None
    )
    job = imported(
        api, exported.file("cp", admin, [study.pk]).replace("Other", "L").replace("OTHER", "L"), "cp"
    )
    assert job["status"] == "COMPLETED", messages(api, job)
    made = CollectionProtocol.objects.get(short_title="L")
    theirs, ours = (exported.records("cp", admin, [pk])[0] for pk in (study.pk, made.pk))
    different = {key for key in ours if ours[key] != theirs[key]}
    assert different <= {"id", "title", "shortTitle", "cpSites"}


# --- Events -----------------------------------------------------------------------------------------


def test_events_are_found_by_label_in_their_protocol(api: Api) -> None:
    study, other = studies.protocol("LUNG"), studies.protocol("HEART")
    first, second = studies.event(study, "Start"), studies.event(study, "End", 7, code="E")
    studies.event(other, "Start")
    content = (
        "Identifier,CP Short Title,Event Label,Event Point,Event Point Unit,Event Code,When to Print\n"
        f",lung,start,1,WEEKS,,\n{second.pk},,Finish,,,##set_to_blank##,on completion\n"
        f"{second.pk},HEART,Finish,,,,\n,LUNG,Middle,,,,\n,LUNG,,,,,\n,,Start,,,,\n"
    )
    job = imported(api, content, "cpe", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS"] * 2 + ["FAIL"] * 4
    assert messages(api, job)[2:] == [
        f"There is no such event: {second.pk}",
        "There is no such event: Middle",
        "An event needs a label",
        "An event needs its protocol, by title or short title",
    ]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.label, first.point, first.point_unit) == ("start", 1, "WEEKS")
    assert (second.label, second.point, second.code, second.visit_name_print_mode) == (
        "Finish", 7, None, "ON_COMPLETION",
    )  # fmt: skip


def test_events_are_closed_and_deleted_by_their_status(api: Api) -> None:
    study = studies.protocol("LUNG")
    closed, gone, used = (studies.event(study, label) for label in ("A", "B", "C"))
    requirement = Requirement.objects.create(
        event=closed, specimen_class="Fluid", type="Plasma", storage_type="Virtual"
    )
    studies.visit(studies.registration(study), event=used)
    content = "CP Short Title,Event Label,Activity Status\nLUNG,A,Closed\nLUNG,B,Disabled\nLUNG,C,Disabled\n"
    job = imported(api, content, "cpe", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "FAIL"]
    requirement.refresh_from_db()
    gone.refresh_from_db()
    assert (requirement.activity_status, gone.activity_status) == ("Closed", "Disabled")


def test_events_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    study, other = studies.protocol("LUNG"), studies.protocol("HEART")
    late = studies.event(study, "Late", 14, code="L", clinical_status="Not Specified")
    early = studies.event(study, "Early", -1, default_site=factories.site(), visit_name_print_copies=2)
    closed = studies.event(study, "Loose", None, activity_status="Closed")
    studies.event(other, "Start")
    ids = [found["id"] for found in exported.records("cpe", admin, cpId=str(study.pk))]
    assert ids == [early.pk, late.pk, closed.pk]
    assert ids == [found["id"] for found in exported.records("cpe", admin, [study.pk], cpId=str(other.pk))]
    content = exported.file("cpe", admin, cpId="-1")
    assert len(content.splitlines()) == 5
    before = past(Event).count()
    job = imported(api, content, "cpe", importType="UPDATE")
    assert job["status"] == "COMPLETED", "also a closed event that stays closed"
    assert past(Event).count() == before
    studies.protocol("COPY")
    job = imported(api, exported.file("cpe", admin, [study.pk]).replace("LUNG", "COPY"), "cpe")
    assert job["status"] == "COMPLETED"
    copies = exported.records("cpe", admin, [CollectionProtocol.objects.get(short_title="COPY").pk])
    own = {"id", "cpId", "cpShortTitle", "collectionProtocol"}
    assert [{key: row[key] for key in row if key not in own} for row in copies] == [
        {key: row[key] for key in row if key not in own} for row in exported.records("cpe", admin, [study.pk])
    ]
