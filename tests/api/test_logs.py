"""Logs tell what was asked, not about whom."""

import logging

import pytest
from structlog.stdlib import ProcessorFormatter

from sites import reads
from tests.client import Api

pytestmark = pytest.mark.django_db


def test_query_strings_and_bodies_stay_out_of_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    api.get("/users?type=KING&searchString=Zebediah")
    api.post("/users", {"firstName": "Zebediah"})
    Api().post("/sessions", {"loginName": "Zebediah", "password": "hush-hush"})

    assert "/users" in caplog.text
    assert "Zebediah" not in caplog.text
    assert "hush-hush" not in caplog.text


def test_a_failure_is_logged_by_its_frames_and_never_by_its_text(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = "Key (uid)=(Zebediah) already exists"

    def explode(*args: object, **kwargs: object) -> None:
        raise RuntimeError(detail)

    monkeypatch.setattr(reads, "site", explode)
    lines: list[str] = []
    handler = logging.StreamHandler()
    formatters = (known.formatter for known in logging.getLogger().handlers)
    handler.setFormatter(next(known for known in formatters if isinstance(known, ProcessorFormatter)))
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    logging.getLogger("biobank").addHandler(handler)
    try:
        assert api.get("/sites/1").status == 500
    finally:
        logging.getLogger("biobank").removeHandler(handler)

    assert any("RuntimeError" in line and "in explode" in line for line in lines)
    assert "Zebediah" not in "".join(lines)
