"""Exports of records as clients do them: ask, let a worker work, download."""

import csv
import io
import zipfile
from typing import Any

from exports import tasks
from tests.client import Api


def ask(api: Api, kind: str, **more: Any) -> dict[str, Any]:
    """The job that answers a request; no worker has seen it."""
    answer = api.post("/export-jobs", {"objectType": kind, **more})
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def finish(api: Api, job_id: int) -> dict[str, Any]:
    """Let a worker work on the job in this process; the job as clients see it afterwards."""
    tasks.export_objects(job_id)
    found: dict[str, Any] = api.get(f"/export-jobs/{job_id}").json
    return found


def exported(api: Api, kind: str, **more: Any) -> dict[str, Any]:
    """A job, run to its end; the same request, sent again, is told so."""
    job = finish(api, ask(api, kind, **more)["id"])
    assert job["status"] == "COMPLETED", job
    assert ask(api, kind, **more)["id"] == job["id"]
    return job


def archive(api: Api, job_id: int) -> zipfile.ZipFile:
    answer = api.get(f"/export-jobs/{job_id}/output")
    assert answer.status == 200, answer.json
    return zipfile.ZipFile(io.BytesIO(answer.body))


def text(api: Api, kind: str, **more: Any) -> str:
    """The CSV of an export."""
    with archive(api, exported(api, kind, **more)["id"]) as found:
        assert found.testzip() is None
        return found.read("output.csv").decode()


def rows(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))
