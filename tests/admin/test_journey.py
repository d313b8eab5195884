"""One journey with a real browser: sign in, upload a CSV, watch the bar end, open the report.

Server and worker are processes of their own, so the test never touches the database while the browser's event
loop runs. `SCREENSHOTS=docs/images` keeps the pictures that the documentation shows.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.admin import browser
from tests.admin.browser import photograph, sign_in
from tests.faults.conftest import Worker

ROWS = 5_000

pytestmark = browser.needed


def upload(page: Page, source: Path) -> None:
    """By way of the sidebar to the form, and with it to the page of the job."""
    page.click("#nav-sidebar-apps >> text=Import jobs")
    page.click("a[href$='/importjob/add/'] >> nth=0")
    page.set_input_files("#import-file", source)
    page.select_option("#import-type", "institute")
    photograph(page, "upload")
    page.click("#import-start")
    page.wait_for_url("**/importjob/*/change/")


def watched(page: Page) -> list[int]:
    """How many rows were done at each look, from now to the end of the job."""
    page.evaluate("""() => {
        const count = document.querySelector("#import-count");
        window.counts = [count.textContent];
        new MutationObserver(() => window.counts.push(count.textContent)).observe(count, {childList: true});
    }""")
    page.wait_for_selector("[data-import-job][data-import-over=true]", timeout=90_000)
    return [int(text.split("/")[0].replace(",", "")) for text in page.evaluate("window.counts")]


def report(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.click("#import-report")
    with Path(download.value.path()).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_is_imported_with_the_browser(
    start_worker: Callable[..., Worker],
    page: Page,
    address: str,
    mistakes: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OS_IMPORT_CHUNK_ROWS", "250")
    names = [f"Institute of the journey {n}" for n in range(ROWS)]
    names[17] = ""
    source = tmp_path / "institutes.csv"
    source.write_text("Identifier,Name\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names)))

    sign_in(page, address)
    photograph(page, "overview")
    upload(page, source)
    expect(page.locator("#import-status")).to_have_text("QUEUED")
    expect(page.locator("#import-report")).to_be_hidden()

    start_worker()
    counts = watched(page)
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, ROWS)
    expect(page.locator("#import-progress")).to_have_attribute("value", "100")
    expect(page.locator("#import-status")).to_have_text("FAILED")  # one row has no name
    expect(page.locator("#import-failed")).to_have_text("1")
    expect(page.locator("#import-stop")).to_be_hidden()

    rows = report(page)
    assert [row["Name"] for row in rows] == names
    assert [row["Identifier"] for row in rows if row["OS_IMPORT_STATUS"] != "SUCCESS"] == ["17"]
    assert rows[17]["OS_ERROR_MESSAGE"]

    page.reload()
    expect(page.locator("#import-failures")).to_contain_text(rows[17]["OS_ERROR_MESSAGE"])
    photograph(page, "import")
    page.click("#nav-sidebar-apps >> text=Import jobs")
    expect(page.locator("[data-import-count]")).to_have_text("5000 / 5000")
    photograph(page, "imports")
    assert mistakes == []
