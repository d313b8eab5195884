"""One journey with a real browser: sign in, upload a CSV, watch the bar end, open the report.

Server and worker are processes of their own, so the test never touches the database while the browser's event
loop runs. `SCREENSHOTS=docs/images` keeps the pictures that the documentation shows.
"""

import csv
import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.faults.conftest import ROOT, Worker, until

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
ABSENT = "this system has no Chromium (on Debian: apt-get install chromium)"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
ROWS = 5_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason=ABSENT),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False


@pytest.fixture
def address(committed: str) -> Iterator[str]:
    """A web server on the copied database."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "biobank.wsgi:application", f"--bind=127.0.0.1:{port}",
         "--workers=1", "--threads=4", "--no-control-socket", "--log-level=error"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": committed, "LOG_LEVEL": "ERROR"},
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
def mistakes() -> list[str]:
    """What went wrong inside the browser: errors of scripts, refused requests, and every call to another host."""
    return []


@pytest.fixture
def page(address: str, mistakes: list[str]) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.fail(ABSENT)

    def look(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            mistakes.append(request.url)

    def judge(answer: Any) -> None:
        if answer.status >= 400:
            mistakes.append(f"{answer.status} {answer.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 720})
        found = context.new_page()
        found.set_default_timeout(30_000)
        found.on("pageerror", lambda error: mistakes.append(str(error)))
        found.on("request", look)
        found.on("response", judge)
        yield found
        context.close()
        browser.close()


def photograph(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/admin/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", "Admin-pass-1")
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}/admin/")


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
