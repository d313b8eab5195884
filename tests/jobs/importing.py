"""Bulk imports as clients do them: upload, create, run, report."""

import csv
import io
from typing import Any

from importjobs import tasks
from tests.client import Answer, Api


def upload(api: Api, content: str | bytes, name: str = "input.csv") -> str:
    data = content.encode() if isinstance(content, str) else content
    answer = api.upload("/import-jobs/input-file", name, data)
    assert answer.status == 200, answer.json
    return str(answer.json["fileId"])


def submit(api: Api, content: str | bytes, schema: str = "institute", **options: Any) -> Answer:
    """Upload a file and create a job over it."""
    body = {"objectType": schema, "inputFileId": upload(api, content), **options}
    return api.post("/import-jobs", body)


def start(api: Api, content: str | bytes, schema: str = "institute", **options: Any) -> int:
    """The id of a queued job."""
    answer = submit(api, content, schema, **options)
    assert answer.status == 200, answer.json
    assert answer.json["status"] == "QUEUED"
    return int(answer.json["id"])


def finish(api: Api, job_id: int) -> dict[str, Any]:
    """Let a worker work on the job in this process; the job as clients see it afterwards."""
    tasks.run(job_id)
    found: dict[str, Any] = api.get(f"/import-jobs/{job_id}").json
    return found


def imported(api: Api, content: str | bytes, schema: str = "institute", **options: Any) -> dict[str, Any]:
    """A job over the file, run to its end."""
    return finish(api, start(api, content, schema, **options))


def report(api: Api, job_id: int, separator: str = ",") -> list[dict[str, str]]:
    """The rows of the report by column."""
    answer = api.get(f"/import-jobs/{job_id}/output")
    assert answer.status == 200
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline=""), delimiter=separator))


def outcomes(api: Api, job_id: int) -> list[str]:
    return [row["OS_IMPORT_STATUS"] for row in report(api, job_id)]
