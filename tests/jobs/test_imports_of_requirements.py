"""Requirements in CSV: created with their parents, updated, exported (spec 04 §5.8)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.records import past
from sessions_auth.models import User
from specimens.protocol.models import Event, Requirement
from tests import factories, studies
from tests.client import Api
from tests.jobs import exported
from tests.jobs.headers import template, version_7
from tests.jobs.importing import imported, outcomes, report

pytestmark = pytest.mark.django_db

HEADER = (
    "CP Short Title,Event Label,Parent Code,Parent UID,UID,Code,Lineage,Specimen Class,Specimen Type,Anatomic Site,"
    "Laterality,Pathology,Storage Type,Initial Quantity,Collection Container,Collection Procedure,Activity Status\n"
)
NS = "Not Specified"
BLOOD = f"Fluid,Whole Blood,{NS},{NS},{NS},Virtual,10,{NS},{NS}"
NOTHING = ",,,,,Manual,,,"


def messages(api: Api, job: dict[str, Any]) -> list[str]:
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


def planned(api: Api, title: str = "LUNG", label: str = "Baseline") -> dict[str, Requirement]:
    """Blood, plasma of it, and two aliquots of that, by code."""
    rows = (
        f"{title},{label},,,,WB,,{BLOOD},\n"
        f"{title},{label},WB,,,PL,Derived,Fluid,Plasma,,,,Manual,5.5,,,\n"
        f"{title},{label},PL,,,A1,Aliquot,,,,,,Manual,2,,,\n{title},{label},PL,,,A2,Aliquot,,,,,,Manual,1.25,,,\n"
    )
    job = imported(api, HEADER + rows, "sr")
    assert job["status"] == "COMPLETED", messages(api, job)
    return {row.code or "": row for row in Requirement.objects.filter(event__label=label)}


@pytest.fixture
def event(db: None) -> Event:
    return studies.event(studies.protocol("LUNG"))


def test_the_template_has_the_captions_of_version_7_in_their_order(api: Api) -> None:
    wanted = version_7("sr")
    assert [caption for caption in template(api, "sr") if caption in wanted] == wanted


def test_children_name_parents_without_a_code_by_the_uid_of_their_line(
    api: Api, event: Event, settings: Any
) -> None:
    settings.IMPORT_CHUNK_ROWS = 2
    rows = (
        f"LUNG,Baseline,,,1,,,{BLOOD},\nLUNG,Baseline,,,2,,,{BLOOD},\n"
        "LUNG,Baseline,,1,3,,Derived,Fluid,Plasma,,,,Manual,5,,,\n"
        "LUNG,Baseline,,3,,,Aliquot,,,,,,Manual,2,,,\nLUNG,Baseline,,9,,,Aliquot,,,,,,Manual,2,,,\n"
    )
    job = imported(api, HEADER + rows, "sr")
    assert outcomes(api, job["id"]) == ["SUCCESS"] * 4 + ["FAIL"]
    assert messages(api, job)[4] == "There is no such parent requirement: 9"
    first, second, plasma, aliquot = Requirement.objects.order_by("pk")
    assert (plasma.parent, aliquot.parent, second.parent) == (first, plasma, None)


def test_requirements_are_found_by_identifier_or_code(api: Api, event: Event) -> None:
    rows = planned(api)
    other = studies.event(event.protocol, "Week 1", 7)
    Requirement.objects.create(
        event=other, code="WB", specimen_class="Fluid", type="Plasma", storage_type="Virtual"
    )
    content = (
        "Identifier,CP Short Title,Event Label,Code,Initial Quantity,Storage Type,Name\n"
        f",lung,baseline,WB,12,,Blood\n{rows['PL'].pk},,,P2,,Auto,##set_to_blank##\n,LUNG,,A1,2.5,,\n"
        f",LUNG,,WB,1,,\n{rows['A2'].pk},LUNG,Week 1,,1,,\n,LUNG,Baseline,XX,1,,\n,LUNG,Baseline,,1,,\n,,,,1,,\n"
        ",LUNG,Baseline,A1,9,,\n"
    )
    job = imported(api, content, "sr", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS"] * 3 + ["FAIL"] * 6
    assert messages(api, job)[3:] == [
        "A specimen requirement needs its event",
        f"There is no such specimen requirement: {rows['A2'].pk}",
        "There is no such specimen requirement: XX",
        *["Which requirement? Its id, or its protocol and code, are needed"] * 2,
        "The aliquots need more than their parent has",
    ]
    for row in rows.values():
        row.refresh_from_db()
    assert (str(rows["WB"].initial_qty), rows["WB"].name, rows["WB"].type) == (
        "12.00000000",
        "Blood",
        "Whole Blood",
    )
    assert (rows["PL"].code, rows["PL"].storage_type, rows["PL"].name) == ("P2", "Auto", None)
    assert float(rows["A1"].initial_qty or 0) == 2.5


def test_what_is_made_of_a_requirement_is_closed_and_deleted_with_it(api: Api, event: Event) -> None:
    rows = planned(api)
    content = "CP Short Title,Event Label,Code,Activity Status\nLUNG,Baseline,PL,Closed\nLUNG,Baseline,A1,Disabled\n"
    job = imported(api, content, "sr", importType="UPDATE")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS"]
    found = {pk: row.activity_status for pk, row in Requirement.objects.in_bulk().items()}
    assert [found[rows[code].pk] for code in ("WB", "PL", "A1", "A2")] == [
        "Active", "Closed", "Disabled", "Closed",
    ]  # fmt: skip


def test_requirements_need_the_right_with_import_and_hidden_ones_are_as_if_absent(
    api: Api, event: Event, as_user: Callable[[User], Api]
) -> None:
    planned(api)
    site = event.protocol.protocol_sites.get().site
    reader, stranger = factories.user(), factories.user()
    factories.grant(reader, {"CollectionProtocol": ["Read", "Update"], "User": ["Export Import"]}, site=site)
    factories.grant(
        stranger, {"CollectionProtocol": ["Read", "Update", "Export Import"]}, site=factories.site()
    )
    content = "CP Short Title,Event Label,Code,Name\nLUNG,Baseline,WB,Blood\n"
    for user, message in (
        (reader, "You do not have the right to do this"),
        (stranger, "There is no such specimen requirement: WB"),
    ):
        caller = as_user(user)
        assert messages(caller, imported(caller, content, "sr", importType="UPDATE")) == [message]
        assert exported.records("sr", user) == []


def test_requirements_can_be_imported_as_they_were_exported(api: Api, event: Event, admin: User) -> None:
    planned(api)
    header = "CP Short Title,Event Label,Code,Default Custom Field Values,Collector#Email Address\n"
    values = '"{""fasting"": true}"'
    imported(api, f"{header}LUNG,Baseline,WB,{values},{admin.email_address}\n", "sr", importType="UPDATE")
    assert Requirement.objects.get(code="A1").collector == admin
    closed = studies.event(event.protocol, "Before", -1)
    planned(api, label="Before")
    imported(
        api, "CP Short Title,Event Label,Activity Status\nLUNG,Before,Closed\n", "cpe", importType="UPDATE"
    )
    found = exported.records("sr", admin, cpId=str(event.protocol_id))
    assert [(row["eventLabel"], row["code"], row["parentSrCode"]) for row in found][3:6] == [
        ("Before", "A2", "PL"), ("Baseline", "WB", None), ("Baseline", "PL", "WB"),
    ]  # fmt: skip
    content = exported.file("sr", admin)
    before = past(Requirement).count()
    job = imported(api, content, "sr", importType="UPDATE")
    assert job["status"] == "COMPLETED", messages(api, job)
    assert past(Requirement).count() == before
    copy = studies.protocol("COPY")
    studies.event(copy, closed.label, closed.point, activity_status="Closed")
    studies.event(copy)
    job = imported(api, exported.file("sr", admin, [event.protocol_id]).replace("LUNG", "COPY"), "sr")
    assert job["status"] == "COMPLETED", messages(api, job)
    own = {"id", "cpId", "cpShortTitle", "eventId", "uid", "parentUid"}
    theirs, ours = (
        [{key: row[key] for key in row if key not in own} for row in exported.records("sr", admin, [pk])]
        for pk in (event.protocol_id, copy.pk)
    )
    assert theirs == ours


def test_an_update_of_requirements_costs_the_same_statements_for_any_number(api: Api) -> None:
    costs = []
    for count in (1, 2, 20):
        title = f"CP{count}"
        event = studies.event(studies.protocol(title))
        for n in range(count):
            Requirement.objects.create(
                event=event, code=f"C{n}", specimen_class="Fluid", type="Plasma", storage_type="Virtual",
                anatomic_site=NS, laterality=NS, pathology=NS, collection_container=NS, collection_procedure=NS,
            )  # fmt: skip
        rows = "".join(f"{title},Baseline,C{n},{n}\n" for n in range(count))
        with CaptureQueriesContext(connection) as asked:
            job = imported(
                api, "CP Short Title,Event Label,Code,Initial Quantity\n" + rows, "sr", importType="UPDATE"
            )
        assert job["status"] == "COMPLETED", messages(api, job)
        costs.append(len(asked))
    assert costs[1] == costs[2]  # the first run fills what is cached
