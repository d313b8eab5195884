"""Specimens out of the database and into it again: nothing is changed, nothing is lost (spec 04 §6)."""

from typing import Any

import pytest
from django.db import connection

from biobank.configuration.models import SettingValue
from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api
from tests.exports.exporting import rows, text
from tests.jobs.importing import imported, report

HISTORY = Specimen.history.rel.related_model  # type: ignore[attr-defined]
NINE = 1710234912000  # 12 March 2024, 9:15:12 UTC


@pytest.fixture
def visit(db: None) -> Any:
    """A complete visit of an event that plans blood and an aliquot of it."""
    protocol = studies.protocol(manual_spec_label_enabled=True, set_qty_to_zero=True)
    event = studies.event(protocol)
    blood = cast.requirement(event, code="WB", lineage="New", initial_qty=10)
    cast.requirement(event, code="AL", lineage="Aliquot", parent=blood, initial_qty=1)
    return cast.visit(protocol, event, name="V-1")


@pytest.fixture
def tubes(api: Api, visit: Any) -> Any:
    """Specimens of all lineages and statuses."""

    def child(of: Any, label: str, lineage: str = "Aliquot", **more: Any) -> Any:
        return cast.saved(api, visit, label, parentId=of["id"], lineage=lineage, **more)

    root = cast.saved(
        api, visit, "P", barcode="bP", additionalLabel="P-old", reqCode="WB", type="Whole Blood", initialQty=10,
        concentration=0.25, biohazards=["Toxic", "Infectious"], freezeThawCycles=2, comments="=1+1",
        externalIds=[{"name": "PACS", "value": "7"}], imageId="i-7", anatomicSite="Blood",
        collectionEvent={"time": NINE, "procedure": "Venipuncture", "comments": "early"},
        receivedEvent={"time": NINE + 60_000, "receivedQuality": "Clotted"},
    )  # fmt: skip
    child(root, "P_1", initialQty=4, concentration=3)
    split = child(root, "P_2", initialQty=3.5)
    child(split, "P_2_1", initialQty=1)
    derived = child(root, "P_D", "Derived", type="DNA", specimenClass="Molecular", initialQty=5)
    child(derived, "P_D_1", initialQty=5)
    api.put(f"/specimens/{root['id']}", {"availableQty": 9})
    for closed in (split, derived):
        api.put(f"/specimens/{closed['id']}/status", {"status": "Closed"})
    cast.saved(api, visit, "W", status="Pending")
    cast.saved(api, visit, "M", status="Missed Collection", reqCode="WB", type="Whole Blood")
    gone = cast.saved(api, visit, "G")
    api.delete(f"/specimens/{gone['id']}")
    return root


def forget() -> None:
    """The server as it was before there were specimens."""
    with connection.cursor() as cursor:
        connection.check_constraints()
        cursor.execute("TRUNCATE specimen_specimen, specimen_specimenhistory CASCADE")


def test_an_exported_file_changes_nothing(api: Api, tubes: Any) -> None:
    content = text(api, "specimen")
    before = HISTORY.objects.count()

    for operation in ("UPDATE", "UPSERT"):
        job = imported(api, content, "specimen", importType=operation)
        assert job["failedRecords"] == 0, [
            row["Specimen Label"] + row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])
        ]
    assert HISTORY.objects.count() == before


def test_an_exported_file_puts_everything_back_where_nothing_is(api: Api, tubes: Any) -> None:
    SettingValue.objects.create(module="biospecimen", name="imaging", value="true")
    content = text(api, "specimen")
    forget()

    job = imported(api, content, "specimen", importType="CREATE")

    assert job["failedRecords"] == 0, [
        row["Specimen Label"] + row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])
    ]
    before, after = rows(content), rows(text(api, "specimen"))
    assert [[*row.values()][1:] for row in after] == [[*row.values()][1:] for row in before]
    assert {row["Specimen Label"]: row["Available Quantity"] for row in after}["P"] == "9"
    assert after[0]["Image ID"] == "i-7" and after[0]["Additional Label"] == "P-old"
    assert Specimen.objects.get(label="P_2_1").primary == Specimen.objects.get(label="P")


def test_only_primary_specimens_tell_of_collection_and_receipt(api: Api, tubes: Any) -> None:
    first, second, *_ = rows(text(api, "specimen", params={"specimenLabels": "P_1,P,nobody"}))

    assert (first["Specimen Label"], second["Specimen Label"]) == ("P", "P_1")
    assert (
        first["Collection Event#Procedure"] == "Venipuncture" and first["Received Event#Quality"] == "Clotted"
    )
    told = {
        value for name, value in second.items() if name.startswith(("Collection Event", "Received Event"))
    }
    assert told == {""}
    assert second["Created By#Email Address"] == "admin@localhost" and first["Created By#Email Address"] == ""


def test_an_export_is_of_a_protocol_and_in_the_callers_reach(api: Api, as_user: Any, tubes: Any) -> None:
    mine = Specimen.objects.get(pk=tubes["id"]).protocol
    other = cast.visit(studies.protocol(specimen_centric=True))
    cast.saved(api, other, "O")

    def labels(caller: Api, **params: str) -> list[str]:
        return [row["Specimen Label"] for row in rows(text(caller, "specimen", params=params))]

    def person(*resources: str, operations: tuple[str, ...] = ("Read", "Export Import")) -> Api:
        found = factories.user()
        factories.grant(found, {one: list(operations) for one in resources}, protocol=mine)
        return Api(as_user(found).token)

    assert labels(api, cpId=str(other.protocol_id)) == ["O"]
    assert "Visit Name" not in rows(text(api, "specimen", params={"cpId": str(other.protocol_id)}))[0]
    everything = labels(api, cpId="-1")
    assert everything[0] == "P" and everything[-1] == "O"
    assert labels(person("Specimen")) == [label for label in everything if label != "O"]
    assert labels(person("PrimarySpecimen")) == ["P", "W", "M"]
    assert labels(person("Specimen", operations=("Read",))) == []
