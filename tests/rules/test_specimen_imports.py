"""CSV files of specimens and aliquots, imported as clients do it (spec 04 §5.13, §5.14)."""

from decimal import Decimal
from typing import Any

import pytest

from specimens.specimen.models import Specimen
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api
from tests.jobs.importing import imported, report

HEADER = (
    "Identifier,CP Short Title,Visit Name,Specimen Requirement Code,Specimen Label,Barcode,Class,Type,Lineage,"
    "Parent Specimen Label,Anatomic Site,Laterality,Collection Status,Pathological Status,Initial Quantity,"
    "Available Quantity,Concentration,Biohazard#1,Biohazard#2,Freeze/Thaw Cycles,Created On,Comments,Activity Status,"
    "Reason,Created By#Email Address,External IDs#1#Name,External IDs#1#Value,External IDs#2#Name,"
    "External IDs#2#Value,Location#Container,Location#Row,Location#Column,Location#Position,"
    "Collection Event#Date and Time,Collection Event#Comments,Collection Event#Procedure,Collection Event#Container,"
    "Collection Event#User#Email Address,Received Event#Date and Time,Received Event#Comments,Received Event#Quality,"
    "Received Event#User#Email Address"
)
ALIQUOTS = (
    "CP Short Title,Parent Specimen Label,Specimen Labels,Specimen Barcodes,Number of Aliquots,Quantity per Aliquot,"
    "Class,Type,Concentration,Container,Start Row,Start Column,Start Position,Created On,Freeze/Thaw Cycles,"
    "Increment Parent Freeze/Thaw Cycles,Close Parent,Created By#Email Address"
)


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol(), name="V-1")


def codes(api: Api, job: dict[str, Any]) -> list[str]:
    return [row["OS_IMPORT_STATUS"] for row in report(api, job["id"])]


@pytest.mark.parametrize(("schema", "header"), [("specimen", HEADER), ("specimenAliquot", ALIQUOTS)])
def test_the_template_has_the_documented_header(api: Api, schema: str, header: str) -> None:
    answer = api.get(f"/import-jobs/input-file-template?schema={schema}")

    assert answer.body.decode().strip().replace('"', "") == header


def test_a_full_row_becomes_a_specimen(api: Api, visit: Any, admin: Any) -> None:
    mail = admin.email_address
    row = (
        f"99,{visit.protocol.short_title},V-1,,L-1,B-1,Fluid,plasma,New,,Blood,Left,Collected,Malignant,10.5,,2,Toxic,"
        f"Infectious,1,03-12-2024 10:30,a remark,,,,PACS,7,,,,,,,03-12-2024 09:15,early,Venipuncture,EDTA Vacutainer,"
        f"{mail},03-12-2024 10:00,,Clotted,{mail}"
    )

    job = imported(api, f"{HEADER}\n{row}\n", "specimen")

    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("COMPLETED", 1, 0), report(
        api, job["id"]
    )
    found = api.get("/specimens?label=L-1&includeExtensions=true").json[0]
    assert (found["type"], found["laterality"], found["biohazards"]) == (
        "Plasma",
        "Left",
        ["Toxic", "Infectious"],
    )
    assert (found["initialQty"], found["availableQty"], found["concentration"]) == (10.5, 10.5, 2)
    assert (found["createdOn"], found["collectionEvent"]["time"]) == (1710239400000, 1710234900000)
    assert found["receivedEvent"]["receivedQuality"] == "Clotted"
    assert found["receivedEvent"]["user"]["emailAddress"] == mail
    assert found["externalIds"] == [{"name": "PACS", "value": "7"}]


def test_parents_stand_above_their_children_in_the_file(api: Api, visit: Any) -> None:
    visit.protocol.manual_spec_label_enabled = True
    visit.protocol.save()
    text = (
        "Visit Name,Specimen Label,Type,Lineage,Parent Specimen Label,Initial Quantity\n"
        "V-1,P,Plasma,,,10\n"
        ",D,DNA,Derived,P,5\n"
        ",D_1,,Aliquot,D,2\n"
        ",X,Stone,Derived,P,2\n"
        "nowhere,Y,Plasma,,,2\n"
        "V-1,P,Plasma,,,10\n"
    )

    job = imported(api, text, "specimen")

    assert codes(api, job) == ["SUCCESS", "SUCCESS", "SUCCESS", "FAIL", "FAIL", "FAIL"]
    assert "same" in report(api, job["id"])[-1]["OS_ERROR_MESSAGE"]
    assert Specimen.objects.get(label="D").available_qty == 3
    again = imported(api, text, "specimen")
    assert codes(api, again) == ["FAIL"] * 6
    assert Specimen.objects.count() == 3


def test_a_row_of_aliquots_makes_as_many_as_it_says(api: Api, visit: Any) -> None:
    cast.saved(api, visit, "P", initialQty=10)
    text = (
        "Parent Specimen Label,Number of Aliquots,Quantity per Aliquot,Increment Parent Freeze/Thaw Cycles,"
        "Close Parent\n"
        "P,3,2,1,no\n"
        "nobody,1,1,,\n"
        "P,2,,,yes\n"
    )

    job = imported(api, text, "specimenAliquot")

    assert codes(api, job) == ["SUCCESS", "FAIL", "SUCCESS"], report(api, job["id"])
    rows = Specimen.objects.filter(lineage="Aliquot").order_by("pk").values_list("label", "initial_qty")
    assert list(rows) == [(f"P_{n}", Decimal(2)) for n in range(1, 6)]
    parent = Specimen.objects.get(label="P")
    assert (parent.available_qty, parent.freeze_thaw_cycles, parent.activity_status) == (
        Decimal(0),
        1,
        "Closed",
    )
