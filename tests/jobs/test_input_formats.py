"""Which separator a file is read with when the client does not say (spec 04 §1.3, §3)."""

from typing import Any

import pytest

from tests.client import Api
from tests.jobs.importing import finish, imported, report, submit, upload

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "content", "separator"),
    [
        ("rows.tsv", "Name\tNote\nNorth\tx\n", "\t"),
        ("rows.TAB", "Name\nNorth\n", "\t"),
        ("rows.csv", "Name\tNote\nNorth\tx\n", "\t"),
        ("rows.csv", "Name;Activity Status\nNorth;Active\n", ";"),
        ("rows.csv", '"Name;Activity Status",Name\nx,North\n', None),
        ("rows.csv", "Name\nNorth;South\n", None),
        ("rows.csv", "# by hand\nName,a\tb\nNorth,x\n", None),
    ],
)
def test_the_separator_is_found(api: Api, name: str, content: str, separator: str | None) -> None:
    job = api.post(
        "/import-jobs", {"objectType": "institute", "inputFileId": upload(api, content, name)}
    ).json
    assert job["fieldSeparator"] == separator
    found = finish(api, job["id"])
    assert (found["status"], found["totalRecords"]) == ("COMPLETED", 1)
    [row] = report(api, job["id"], separator or ",")
    assert row["OS_IMPORT_STATUS"] == "SUCCESS"


def test_semicolons_that_make_no_known_column_stay_what_they_are(api: Api) -> None:
    assert submit(api, "one;two\nx\n").json["fieldSeparator"] is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_separator_that_was_asked_for_wins(api: Api, separator: str) -> None:
    content = f"Name{separator}Note\nNorth{separator}x\n"
    options: dict[str, Any] = {"fieldSeparator": separator}
    job = imported(api, content, **options)
    assert (job["status"], job["fieldSeparator"]) == ("COMPLETED", separator)
