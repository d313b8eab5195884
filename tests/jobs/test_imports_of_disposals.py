"""Files that dispose of specimens, and files that correct what was said then (spec 04 §5.17, §5.24)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from importjobs.models import Failure
from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api
from tests.jobs.importing import imported

HEADER = (
    "CP Short Title,Specimen Label,Barcode,Activity Status,Disposal Date,Disposal Reason,User#Email Address"
)
HISTORY = Specimen.history.rel.related_model  # type: ignore[attr-defined]
S = "SUCCESS"
NOON = datetime(2024, 3, 12, 12, 0, tzinfo=UTC)


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol(manual_spec_label_enabled=True))


def run(api: Api, schema: str, header: str, *rows: str) -> list[str]:
    """What became of the rows: SUCCESS, or the code of the refusal."""
    job = imported(api, "\n".join([header, *rows]) + "\n", schema, importType="UPDATE")
    codes = dict(Failure.objects.filter(job_id=job["id"]).values_list("row", "code"))
    return [codes.get(number, S) for number in range(1, len(rows) + 1)]


def test_the_templates_have_the_documented_headers(api: Api) -> None:
    def header(schema: str) -> str:
        answer = api.get(f"/import-jobs/input-file-template?schema={schema}")
        return answer.body.decode().strip().replace('"', "")

    assert header("specimenDisposal") == HEADER
    assert header("specimenDisposalEvent") == "Disposal Event ID,Date and Time,Comments,User#Email Address"


def test_a_row_closes_or_deletes(api: Api, visit: Any) -> None:
    person = factories.user()
    cast.saved(api, visit, "A")
    cast.saved(api, visit, "B", barcode="bB")
    parent = cast.saved(api, visit, "P")
    cast.saved(api, visit, "P_1", lineage="Aliquot", parentId=parent["id"], initialQty=1)

    found = run(
        api,
        "specimenDisposal",
        f"{HEADER},Comments",
        f",A,,Closed,03-12-2024 12:00,Not Specified,{person.email_address},broken",
        f"{visit.protocol.short_title},,bB,Closed,,,,",
        ",P,,Disabled,,,,mixed up",
    )

    assert found == [S, S, S]
    first, second = Specimen.objects.get(label="A"), Specimen.objects.get(label="B")
    assert (first.activity_status, first.disposal_time, first.disposal_user) == ("Closed", NOON, person)
    assert (first.disposal_reason, first.disposal_comments) == ("Not Specified", "broken")
    assert (second.activity_status, second.disposal_comments) == ("Closed", None)
    gone = Specimen.objects.filter(activity_status="Disabled")
    assert gone.count() == 2
    ends = HISTORY.objects.filter(activity_status="Disabled")
    assert set(ends.values_list("pgh_context__metadata__reason", flat=True)) == {"mixed up"}


def test_what_is_wrong_with_a_row(api: Api, visit: Any) -> None:
    cast.saved(api, visit, "A")

    found = run(
        api,
        "specimenDisposal",
        "Specimen Label,Activity Status,Disposal Reason,User#Email Address",
        "A,Active,,",
        "A,,,",
        "nobody,Closed,,",
        ",Closed,,",
        "A,Closed,no such reason,",
        "A,Closed,,nobody@example.org",
    )

    assert found == [
        "SPECIMEN_INVALID_DISPOSE_STATUS", "SPECIMEN_INVALID_DISPOSE_STATUS", "SPECIMEN_NOT_FOUND",
        "SPECIMEN_LABEL_REQUIRED", "SPECIMEN_INV_DISPOSE_REASON", "USER_NOT_FOUND",
    ]  # fmt: skip
    assert Specimen.objects.get(label="A").activity_status == "Active"


def test_a_disposal_is_corrected_where_the_row_says_so(api: Api, visit: Any, admin: Any) -> None:
    closed, active = cast.saved(api, visit, "A"), cast.saved(api, visit, "B")
    body = {"status": "Closed", "reason": "Not Specified", "comments": "broken", "date": 1710230400000}
    api.put(f"/specimens/{closed['id']}/status", body)

    found = run(
        api,
        "specimenDisposalEvent",
        "Disposal Event ID,Date and Time,Comments,User#Email Address",
        f"{closed['id']},03-12-2024 12:00,,",
        f"{active['id']},03-12-2024 12:00,,",
        "99999,03-12-2024 12:00,,",
        ",03-12-2024 12:00,,",
    )

    assert found == [S, "SPECIMEN_INV_EVT_ID", "SPECIMEN_INV_EVT_ID", "SPECIMEN_EVT_ID_REQ"]
    row = Specimen.objects.get(label="A")
    assert (row.disposal_time, row.disposal_comments, row.disposal_user) == (NOON, "broken", admin)
    assert (row.disposal_reason, Specimen.objects.get(label="B").activity_status) == (
        "Not Specified",
        "Active",
    )
