"""A browser for the tests of the admin: offline but for the server under test, and watched for mistakes."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.faults.conftest import ROOT, until

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
ABSENT = "this system has no Chromium (on Debian: apt-get install chromium)"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


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
        if not near(request.url, address):
            mistakes.append(request.url)

    def judge(answer: Any) -> None:
        if answer.status >= 400:
            mistakes.append(f"{answer.status} {answer.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 720})
        context.route(
            "**/*", lambda route: route.continue_() if near(route.request.url, address) else route.abort()
        )
        found = context.new_page()
        found.set_default_timeout(30_000)
        found.on("console", lambda said: mistakes.append(said.text) if said.type == "error" else None)
        found.on("pageerror", lambda error: mistakes.append(str(error)))
        found.on("request", look)
        found.on("response", judge)
        yield found
        context.close()
        browser.close()


def near(url: str, address: str) -> bool:
    """Whether a browser without a network could still ask for it."""
    return url.startswith((address, "data:", "blob:"))


def photograph(page: Page, name: str, *, whole: bool = False) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=whole)


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/admin/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", "Admin-pass-1")
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}/admin/")


needed = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason=ABSENT),
]
