"""Files of derived specimens and of aliquots (spec 04 §5.14, §5.15)."""

from decimal import Decimal
from typing import Any

import pytest

from importjobs.models import Failure
from specimens.specimen.models import Specimen
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api
from tests.jobs.importing import imported

HEADER = (
    "CP Short Title,Parent Specimen Label,Specimen Label,Barcode,Class,Type,Collection Status,Pathological Status,"
    "Initial Quantity,Available Quantity,Concentration,Biohazard#1,Biohazard#2,Created On,Freeze/Thaw Cycles,"
    "Increment Parent Freeze/Thaw Cycles,Close Parent,Comments,External IDs#1#Name,External IDs#1#Value,"
    "External IDs#2#Name,External IDs#2#Value,Location#Container,Location#Row,Location#Column,Location#Position,"
    "Created By#Email Address"
)
S = "SUCCESS"


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol(manual_spec_label_enabled=True), name="V-1")


def made(api: Api, schema: str, header: str, *rows: str) -> list[str]:
    """What became of the rows: SUCCESS, or the code of the refusal."""
    job = imported(api, "\n".join([header, *rows]) + "\n", schema)
    codes = dict(Failure.objects.filter(job_id=job["id"]).values_list("row", "code"))
    return [codes.get(number, S) for number in range(1, len(rows) + 1)]


def stored(label: str) -> Specimen:
    return Specimen.objects.get(label=label)


def test_the_template_has_the_documented_header(api: Api) -> None:
    answer = api.get("/import-jobs/input-file-template?schema=specimenDerivative")

    assert answer.body.decode().strip().replace('"', "") == HEADER


def test_a_row_derives_thaws_and_closes(api: Api, visit: Any, admin: Any) -> None:
    cast.saved(api, visit, "P", anatomicSite="Blood", initialQty=10)
    row = (
        f"{visit.protocol.short_title},P,D,b7,Molecular,DNA,Collected,,5,4,2.5,Toxic,,03-13-2024 11:00,1,2,yes,frail,"
        f"LIMS,4,,,,,,,{admin.email_address}"
    )

    assert made(api, "specimenDerivative", HEADER, row) == [S]

    child, parent = stored("D"), stored("P")
    assert (child.lineage, child.parent, child.type, child.barcode) == ("Derived", parent, "DNA", "b7")
    assert (child.initial_qty, child.available_qty, child.concentration) == (
        Decimal(5),
        Decimal(4),
        Decimal("2.5"),
    )
    assert (child.anatomic_site, child.biohazards, child.created_by) == ("Blood", ["Toxic"], admin)
    assert (child.freeze_thaw_cycles, child.external_ids) == (1, [{"name": "LIMS", "value": "4"}])
    assert (parent.activity_status, parent.freeze_thaw_cycles, parent.available_qty) == (
        "Closed",
        2,
        Decimal(10),
    )


def test_rows_see_what_those_before_them_made_and_closed(api: Api, visit: Any) -> None:
    for label in "PQ":
        cast.saved(api, visit, label)

    found = made(
        api,
        "specimenDerivative",
        "Parent Specimen Label,Specimen Label,Type,Close Parent",
        "P,D,DNA,",
        "D,E,RNA,yes",
        "D,late,RNA,",
        "Q,bad,Stone,yes",
        "Q,F,DNA,no",
        ",G,DNA,",
        "nobody,H,DNA,",
        "P,D,DNA,",
    )

    assert found == [
        S, S, "SPECIMEN_PROC_NOT_ALLOWED", "SPECIMEN_INVALID_SPECIMEN_TYPE", S, "SPECIMEN_PARENT_REQUIRED",
        "SPECIMEN_NOT_FOUND", "SPECIMEN_DUP_LABEL",
    ]  # fmt: skip
    assert stored("E").parent == stored("D")
    assert {label: stored(label).activity_status for label in "PQD"} == {
        "P": "Active", "Q": "Active", "D": "Closed",
    }  # fmt: skip


def test_rows_of_aliquots_split_what_those_before_them_made_or_find_it_closed(api: Api, visit: Any) -> None:
    cast.saved(api, visit, "P", initialQty=10)

    found = made(
        api,
        "specimenAliquot",
        "Parent Specimen Label,Specimen Labels,Quantity per Aliquot,Close Parent",
        "P,P_1,4,",
        'P_1,"P_1_1,P_1_2",1,yes',
        "P_1,P_1_3,1,",
        "P,P_1,1,yes",
        "P,P_2,1,",
    )

    assert found == [S, S, "SPECIMEN_NOT_ACTIVE", "SPECIMEN_DUP_LABEL", S]
    assert (stored("P").activity_status, stored("P").available_qty) == ("Active", Decimal(5))
    assert (stored("P_1").activity_status, stored("P_1").available_qty) == ("Closed", Decimal(2))
