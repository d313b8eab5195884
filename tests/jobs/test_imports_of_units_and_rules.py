"""Units of specimen types and print rules in CSV (spec 04 §5.24)."""

from collections.abc import Callable
from typing import Any

import pytest

from biobank.records import past
from sessions_auth.models import User, UserGroup
from specimens.printing.models import PrintRule
from specimens.protocol.models import SpecimenTypeUnit
from tests import factories, studies
from tests.client import Api
from tests.jobs import exported
from tests.jobs.importing import imported, report

pytestmark = pytest.mark.django_db

UNITS = "Identifier,CP Short Title,Specimen Class,Specimen Type,Quantity Unit,Concentration Unit\n"
RULES = "Identifier,Name,Position,CP Short Title,Site Name,User Group,Lineage,Printer,Output,Template,Activity Status\n"


def messages(api: Api, job: dict[str, Any]) -> list[str]:
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


# --- Units ------------------------------------------------------------------------------------------


def test_units_are_created_and_found_by_protocol_class_and_type(api: Api) -> None:
    SpecimenTypeUnit.objects.all().delete()
    studies.protocol("LUNG")
    job = imported(
        api, f"{UNITS},LUNG,Fluid,Plasma,ml,\n,,fluid,,ml,\n,LUNG,Fluid,Plasma,ml,\n", "specimenTypeUnit"
    )
    assert messages(api, job) == ["", "", "The class or type has units already: Plasma"]
    whole = SpecimenTypeUnit.objects.get(protocol=None)
    content = (
        f"{UNITS},lung,fluid,plasma,gm,\n{whole.pk},,,Plasma,,\n,LUNG,Fluid,Serum,ml,\n9876543,,,,ml,\n,LUNG,,,ml,\n"
        ",LUNG,Fluid,Plasma,miles,\n"
    )
    job = imported(api, content, "specimenTypeUnit", importType="UPDATE")
    assert messages(api, job) == [
        "", "", "There are no such units: Serum", "There are no such units: 9876543",
        "Which units? Their id, or their class, is needed", "Not a unit of specimens: miles",
    ]  # fmt: skip
    found = SpecimenTypeUnit.objects.order_by("pk").values_list(
        "protocol__short_title", "type", "quantity_unit"
    )
    assert list(found) == [("LUNG", "Plasma", "gm"), (None, "Plasma", "ml")]


def test_units_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    study = studies.protocol("LUNG")
    imported(api, f"{UNITS},LUNG,Fluid,Plasma,ml,µg/µl\n", "specimenTypeUnit")
    content = exported.file("specimenTypeUnit", admin)
    before = past(SpecimenTypeUnit).count()
    job = imported(api, content, "specimenTypeUnit", importType="UPDATE")
    assert (job["status"], job["totalRecords"]) == ("COMPLETED", SpecimenTypeUnit.objects.count())
    assert past(SpecimenTypeUnit).count() == before
    own = exported.file("specimenTypeUnit", admin, cpId=str(study.pk))
    assert len(own.splitlines()) == 2
    SpecimenTypeUnit.objects.filter(protocol=study).delete()
    job = imported(api, own, "specimenTypeUnit")
    assert job["status"] == "COMPLETED"
    assert exported.records("specimenTypeUnit", factories.user()) == []


def test_units_of_all_protocols_are_the_super_administrators(as_user: Callable[[User], Api]) -> None:
    site = factories.site()
    studies.protocol("LUNG", at=[site])
    user = factories.user()
    factories.grant(user, {"CollectionProtocol": ["Read", "Update", "Export Import"]}, site=site)
    caller = as_user(user)
    job = imported(caller, f"{UNITS},LUNG,Fluid,Plasma,ml,\n,,Fluid,Serum,ml,\n", "specimenTypeUnit")
    assert messages(caller, job) == ["", "Only a super administrator may do this"]


# --- Print rules ------------------------------------------------------------------------------------


def rules_file(site: str) -> str:
    template = '"Label: %LABEL%\nProtocol: %CP_SHORT_TITLE%"'
    return (
        f"{RULES},Small,5,LUNG,{site},Night shift,New,zebra,,{template},\n,Large,,,,,,,,{template},\n"
        f",Other,,NONE,Nowhere,Nobody,,,,{template},\n,Bad,,,,,,,ZPL,nothing,\n"
    )


def test_print_rules_are_created_changed_and_deleted(api: Api, admin: User) -> None:
    studies.protocol("LUNG")
    site, shipped = factories.site(), PrintRule.objects.count()
    UserGroup.objects.create(name="Night shift", description="x", institute=site.institute)
    job = imported(api, rules_file(site.name), "specimenPrintRule")
    found = messages(api, job)
    assert found[:3] == [
        "", "",
        "There is no such collection protocol: NONE, There is no such site: Nowhere, "
        "There is no such user group: Nobody",
    ]  # fmt: skip
    assert found[3].startswith("The template cannot be used")
    small, large = PrintRule.objects.order_by("pk")[shipped:]
    assert (small.site, small.position, small.lineage, small.output) == (site, 5, "New", "CSV")
    job = imported(
        api,
        f"{RULES}{small.pk},Tiny,,##set_to_blank##,,,,,,,\n,LARGE,,,,,,,,,Disabled\n,None,1,,,,,,,,\n",
        "specimenPrintRule",
        importType="UPDATE",
    )
    assert messages(api, job) == ["", "", "There is no such print rule: None"]
    small.refresh_from_db()
    large.refresh_from_db()
    assert (small.name, small.protocol, small.site, large.activity_status) == ("Tiny", None, site, "Disabled")
    job = imported(api, f"{RULES}{small.pk},Tiny,,,,,,,,,\n", "visitPrintRule", importType="UPDATE")
    assert messages(api, job) == [f"There is no such print rule: {small.pk}"]


def test_print_rules_can_be_imported_as_they_were_exported(api: Api, admin: User) -> None:
    studies.protocol("LUNG")
    site = factories.site()
    UserGroup.objects.create(name="Night shift", description="x", institute=site.institute)
    imported(api, rules_file(site.name), "specimenPrintRule")
    imported(api, 'Name,Template\nName of a visit,"Visit: %VISIT_NAME%"\n', "visitPrintRule")
    before = past(PrintRule).count()
    for schema, kind in (("specimenPrintRule", "SPECIMEN"), ("visitPrintRule", "VISIT")):
        content = exported.file(schema, admin)
        job = imported(api, content, schema, importType="UPDATE")
        count = PrintRule.objects.filter(kind=kind).count()
        assert (job["status"], job["totalRecords"]) == ("COMPLETED", count)
        assert past(PrintRule).count() == before
        PrintRule.objects.filter(pk__in=[row["id"] for row in exported.records(schema, admin)]).delete()
        before = past(PrintRule).count()
        job = imported(api, content, schema)
        assert job["status"] == "COMPLETED"
        before = past(PrintRule).count()
    assert exported.records("specimenPrintRule", factories.user()) == []
