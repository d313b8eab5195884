"""One journey with a real browser: look at a CSV, try it, import it, read the report, put right what failed, export it.

Server and worker are processes of their own, so the test never touches the database while the browser's event
loop runs. `SCREENSHOTS=docs/images` keeps the pictures that the documentation shows.
"""

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.admin import browser
from tests.admin.browser import photograph, sign_in
from tests.faults.conftest import Worker

ROWS = 5_000

pytestmark = browser.needed


def choose(page: Page, source: Path) -> None:
    """By way of the sidebar to the form, and with it to what the file is understood as."""
    page.click("#nav-sidebar-apps >> text=Import jobs")
    page.click("a[href$='/importjob/add/'] >> nth=0")
    page.set_input_files("#import-file", source)
    page.select_option("#import-type", "institute")
    photograph(page, "import-file")
    page.click("#import-look")
    page.wait_for_selector("#import-rows")


# Keeps what the page of a job tells. It is there from the beginning: a job may be over before a test could look.
NOTE_COUNTS = """document.addEventListener("DOMContentLoaded", () => {
    const count = document.querySelector("#import-count");
    if (!count) return;
    const note = () => sessionStorage.counts = (sessionStorage.counts || "") + count.textContent + ";";
    note();
    new MutationObserver(note).observe(count, {childList: true});
})"""


def start(page: Page, button: str) -> None:
    page.evaluate("sessionStorage.removeItem('counts')")
    page.click(button)
    page.wait_for_url("**/importjob/*/change/")


def watched(page: Page) -> list[int]:
    """How many rows were done at each look, from the start to the end of the job."""
    over(page)
    found = page.evaluate("sessionStorage.counts").rstrip(";").split(";")
    return [int(text.split("/")[0].replace(",", "")) for text in found]


def over(page: Page, *, well: bool = False) -> None:
    """The job has ended and, if not well, the page says what failed: it loads itself anew for that."""
    shown = "[data-import-job][data-import-over=true]" if well else "#import-failures"
    page.wait_for_selector(shown, timeout=90_000)


def report(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.click("#import-report")
    with Path(download.value.path()).open(newline="") as file:
        return list(csv.DictReader(file))


def exported(page: Page) -> str:
    """What was imported, asked for on its page, waited for, and downloaded."""
    page.click("#nav-sidebar-apps >> text=Export jobs")
    page.click("a[href$='/objectexport/add/'] >> nth=0")
    page.select_option("#export-type", "institute")
    page.click("#export-start")
    with page.expect_download() as download:
        page.click("#export-download", timeout=60_000)  # the page loads itself anew when the job is over
    with zipfile.ZipFile(download.value.path()) as found:
        return found.read("output.csv").decode()


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
    source.write_text("Identifier,Nmae,Name\n" + "".join(f"{n},,{name}\n" for n, name in enumerate(names)))

    page.add_init_script(NOTE_COUNTS)
    sign_in(page, address)
    photograph(page, "overview")
    choose(page, source)
    expect(page.locator("#import-columns")).to_contain_text("did you mean Name?")
    expect(page.locator("#import-start")).to_have_text(f"Import {ROWS} rows")
    expect(page.locator("#import-rows tbody tr")).to_have_count(50)

    start_worker("imports,exports,default")
    start(page, "#import-try")
    over(page)
    expect(page.locator("#import-status")).to_have_text("FAILED")  # one row has no name
    expect(page.locator("#import-dry")).to_be_visible()
    expect(page.locator("#import-failures")).to_contain_text("Name")

    start(page, "#import-earnest")
    counts = watched(page)
    assert counts == sorted(counts)
    assert counts[-1] == ROWS
    expect(page.locator("#import-progress")).to_have_attribute("value", "100")
    expect(page.locator("#import-status")).to_have_text("FAILED")
    expect(page.locator("#import-failed")).to_have_text("1")
    expect(page.locator("#import-stop")).to_be_hidden()
    rows = report(page)
    assert [row["Name"] for row in rows] == names
    assert [row["Identifier"] for row in rows if row["OS_IMPORT_STATUS"] != "SUCCESS"] == ["17"]
    expect(page.locator("#import-failures")).to_contain_text(rows[17]["OS_ERROR_MESSAGE"])
    photograph(page, "import-job", whole=True)

    page.click("#import-repair")
    expect(page.locator("#repair-rows tbody tr")).to_have_count(1)
    page.fill("[name=cell-0-2]", "Institute of the seventeenth row")
    photograph(page, "import-repair")
    start(page, "#repair-run")
    over(page, well=True)
    expect(page.locator("#import-status")).to_have_text("COMPLETED")
    page.click("#nav-sidebar-apps >> text=Import jobs")
    expect(page.locator("[data-import-count] >> nth=0")).to_have_text("1 / 1")
    photograph(page, "imports")

    assert names[16] in exported(page)
    assert mistakes == []
