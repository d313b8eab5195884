"""One journey with a real browser: sign in, upload a CSV, watch the bar end, open the report."""

import contextlib
import csv
import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.faults.conftest import ROOT, Worker, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROWS = 5_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"),
        reason="the system has no Chromium (on Debian: apt-get install chromium)",
    ),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


@pytest.fixture
def address(committed: str) -> Iterator[str]:
    """A web server on the copied database."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "biobank.wsgi:application", f"--bind=127.0.0.1:{port}",
         "--workers=1", "--no-control-socket", "--log-level=error"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": committed, "LOG_LEVEL": "ERROR", "OS_IMPORT_CHUNK_ROWS": "250"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: answers(port), "the web server to answer")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(accept_downloads=True)
        found = context.new_page()
        found.set_default_timeout(30_000)
        yield found
        context.close()
        browser.close()


def test_a_file_is_imported_with_the_browser(
    address: str, start_worker: Callable[..., Worker], page: Page, tmp_path: Path
) -> None:
    names = [f"Institute of the journey {n}" for n in range(ROWS)]
    names[17] = ""
    source = tmp_path / "institutes.csv"
    source.write_text("Identifier,Name\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names)))
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))

    page.goto(f"{address}/admin/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", "Admin-pass-1")
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}/admin/")

    page.goto(f"{address}/admin/importjobs/importjob/add/")
    page.set_input_files("#import-file", source)
    page.select_option("#import-type", "institute")
    page.click("#import-start")
    page.wait_for_url("**/importjob/*/change/")
    expect(page.locator("#import-status")).to_have_text("QUEUED")
    expect(page.locator("#import-stop")).to_be_visible()
    expect(page.locator("#import-report")).to_be_hidden()

    start_worker()
    page.wait_for_function("0 < document.querySelector('#import-progress').value", timeout=90_000)
    expect(page.locator("#import-status")).to_have_text("FAILED", timeout=90_000)  # one row has no name
    expect(page.locator("#import-progress")).to_have_attribute("value", "100")
    expect(page.locator("#import-count")).to_have_text("5,000 / 5,000")
    expect(page.locator("#import-failed")).to_have_text("1")
    expect(page.locator("#import-stop")).to_be_hidden()
    with page.expect_download() as download:
        page.click("#import-report")
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Name"] for row in rows] == names
    assert [row["Identifier"] for row in rows if row["OS_IMPORT_STATUS"] == "FAIL"] == ["17"]

    page.goto(f"{address}/admin/importjobs/importjob/")
    expect(page.locator("[data-import-count]")).to_have_text("5000 / 5000")
    assert mistakes == []
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/list.png")
        page.go_back()
        page.screenshot(path=f"{folder}/job.png")
        page.goto(f"{address}/admin/importjobs/importjob/add/")
        page.screenshot(path=f"{folder}/upload.png")
