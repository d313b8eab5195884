"""What can be imported, as people and programs read it; templates are made of the same declarations."""

import pytest
from django.core.management import call_command

from biobank.batch import schema as schemas
from tests import studies
from tests.client import Api

pytestmark = pytest.mark.django_db


def test_every_schema_is_listed_with_what_it_can_do(api: Api) -> None:
    found = {row["name"]: row for row in api.get("/import-jobs/schemas").json}
    assert sorted(found) == schemas.names()
    assert found["visit"] == {**found["visit"], "label": "Visits", "attachments": True, "exportable": True}
    assert found["visit"]["operations"] == ["CREATE", "UPDATE", "UPSERT"]


def test_a_schema_tells_its_columns_with_path_and_type(api: Api) -> None:
    page = api.get("/import-jobs/schemas/cpr").json
    columns = {column["caption"]: column for column in page["columns"]}
    assert columns["Registration Date"]["type"] in ("date", "dateOnly", "datetime")
    assert (columns["PPID"]["attribute"], columns["PPID"]["repeated"]) == ("ppid", False)
    assert columns["Race#n"]["repeated"] is True
    answer = api.get("/import-jobs/schemas/nothing")
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND"])


def test_the_columns_of_a_protocol_of_specimens_alone_know_no_visits(api: Api) -> None:
    protocol = studies.protocol("BANK")
    type(protocol).objects.filter(pk=protocol.pk).update(specimen_centric=True)
    template = "/import-jobs/input-file-template?schema=specimen&cpId="
    assert b'"Visit Name"' in api.get(f"{template}-1").body
    assert b'"Visit Name"' in api.get(f"{template}abc").body
    assert b'"Visit Name"' not in api.get(f"{template}{protocol.pk}").body
    page = api.get(f"/import-jobs/schemas/specimen?cpId={protocol.pk}").json
    assert "Visit Name" not in {column["caption"] for column in page["columns"]}


@pytest.mark.parametrize("name", schemas.names())
def test_a_template_is_one_line_of_quoted_captions(api: Api, name: str) -> None:
    answer = api.get(f"/import-jobs/input-file-template?schema={name}")
    assert answer.status == 200
    assert answer.body.startswith(b'"')
    assert answer.body.endswith(b'"\n')
    assert answer.body.count(b"\n") == 1
    assert answer.headers["Content-Disposition"] == f"attachment;filename={name}.csv"
    assert answer.headers["Content-Type"] == "application/csv"


def test_the_page_in_docs_is_up_to_date() -> None:
    call_command("import_docs", "--check")
