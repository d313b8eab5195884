"""The measures themselves; each makes its own data and measures its limit on the same data."""

import io
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path

from bench import imports
from bench.calls import BASE, Caller, fill, median_ms
from bench.imports import MEGABYTES, ROWS
from bench.records import measure_million, measure_post
from bench.results import Figure
from bench.world import seed_protocol, work_off
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol

VISITS = ROWS // 5


@dataclass(frozen=True)
class Group:
    """Figures that come out of the same run of something."""

    names: tuple[str, ...]
    measure: Callable[[], list[Figure]]


# --- Lists ------------------------------------------------------------------------------------------


def measure_list() -> list[Figure]:
    """`GET /specimens` of 100 rows, against a view that runs the same SQL and prints the rows as JSON."""
    protocol = seed_protocol("LIST", 1000)
    fill("LIST", protocol, 1000, 5)
    caller = Caller()
    address = f"/specimens?cpId={protocol}"
    with CaptureQueriesContext(connection) as captured:
        rows = orjson.loads(caller.get(address))
    assert len(rows) == 100, len(rows)
    statements = [query["sql"] for query in captured]
    ours = median_ms(lambda: caller.get(address))
    limit = _bare_ms(caller.client, statements)
    return [Figure("list_specimens", ours, limit, "ms", "lower", 4)]


def _bare_ms(client: Client, statements: list[str]) -> float:
    """What a view costs that only runs the statements, behind the same middleware."""

    def view(request: HttpRequest) -> HttpResponse:
        found = []
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("%", "%%"))
                if cursor.description:
                    found.append(cursor.fetchall())
        return HttpResponse(orjson.dumps(found, default=str), content_type="application/json")

    urlpatterns[:] = [path("bare", view)]
    with override_settings(ROOT_URLCONF=__name__):
        return median_ms(lambda: client.get("/bare"))


urlpatterns: list[Any] = []


# --- Query ------------------------------------------------------------------------------------------

HAND_WRITTEN = """
SELECT cpr.ppid, v.name, to_char(v.visit_date, 'MM-DD-YYYY HH24:MI'), s.label, s.type, s.available_qty, s.status
FROM specimen_specimen s JOIN visit_visit v ON v.id = s.visit_id
JOIN participant_registration cpr ON cpr.id = v.registration_id
JOIN protocol_collectionprotocol cp ON cp.id = cpr.protocol_id
WHERE cp.short_title = 'QRY' AND s.lineage = 'New' AND s.activity_status <> 'Disabled'
ORDER BY cpr.participant_id, v.id, s.id
"""
AQL = (
    "Participant.ppid", "SpecimenCollectionGroup.name", "SpecimenCollectionGroup.collectionDate", "Specimen.label",
    "Specimen.type", "Specimen.availableQty", "Specimen.collectionStatus",
)  # fmt: skip


def measure_query() -> list[Figure]:
    """A scheduled query's CSV of 100,000 rows, against COPY of a SELECT by hand: same cells, order, quotes."""
    protocol = seed_protocol("QRY", VISITS)
    fill("QRY", protocol, VISITS, ROWS // VISITS)
    caller = Caller()
    query = caller.post("/saved-queries", _saved_query())
    job = caller.post(
        "/scheduled-jobs",
        {"name": "Bench", "type": "QUERY", "savedQuery": {"id": query["id"]}, "repeatSchedule": "ONDEMAND"},
    )
    seconds = median(_run_seconds(caller, job["id"]) for _ in range(7))
    limit = median(_copy_seconds() for _ in range(7))
    return [Figure("query_csv", ROWS / seconds, ROWS / limit, "rows/s", "higher", 0.5)]


def _saved_query() -> dict[str, Any]:
    return {
        "title": "Bench",
        "selectList": [{"name": name} for name in AQL],
        "filters": [
            {"id": 1, "field": "CollectionProtocol.shortTitle", "op": "EQ", "values": ["QRY"]},
            {"id": 2, "field": "Specimen.lineage", "op": "EQ", "values": ["New"]},
        ],
        "queryExpression": [
            {"nodeType": "FILTER", "value": 1},
            {"nodeType": "OPERATOR", "value": "AND"},
            {"nodeType": "FILTER", "value": 2},
        ],
        "wideRowMode": "OFF",
        "caseSensitive": True,  # as the hand-written SELECT compares
    }


def _run_seconds(caller: Caller, job: int) -> float:
    from queries import tasks

    caller.post(f"/scheduled-jobs/{job}/runs", {})
    run = orjson.loads(caller.get(f"/scheduled-jobs/{job}/runs"))[0]
    began = time.perf_counter()
    tasks.run_scheduled(run["id"])
    seconds = time.perf_counter() - began
    answer: Any = caller.client.get(f"{BASE}/scheduled-jobs/{job}/runs/{run['id']}/result-file")
    body = b"".join(answer.streaming_content)
    assert body.count(b"\n") >= ROWS, body[:500]
    return seconds


def _copy_seconds() -> float:
    with TemporaryDirectory() as folder, (Path(folder) / "rows.csv").open("wb") as out:
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY ({HAND_WRITTEN}) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)", out
            )
        return time.perf_counter() - began


# --- Exports ----------------------------------------------------------------------------------------


def measure_export() -> list[Figure]:
    """Building the zip of a data freeze in a worker process, against the same JSON by COPY and zipped."""
    from exports import publishing, store
    from exports.models import Export

    protocol = seed_protocol("EXP", VISITS)
    fill("EXP", protocol, VISITS, ROWS // VISITS)
    admin = actor_of(User.objects.get(login_name="admin"))
    publishing.freeze(
        CollectionProtocol.objects.get(pk=protocol), "bench", admin, changes="bench", reason="bench"
    )
    export = Export.objects.latest("pk")
    done = work_off("exports.tasks:build", "exports.Export", export.pk)
    assert done["state"] == "done", done
    export.refresh_from_db()
    limit = _zip_seconds(store.path_of(export.file))
    return [
        Figure("export_zip", 1 / done["seconds"], 1 / limit, "builds/s", "higher", 0.4),
        Figure("memory_export_mb", done["megabytes"], MEGABYTES, "MB", "lower", 1),
    ]


def _zip_seconds(path: Path) -> float:
    """Put the export's JSON in a table, then write it by COPY and zip it."""
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("export.json").splitlines()
    with TemporaryDirectory() as folder, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE same_json (line text)")
        raw = b"\n".join(line.replace(b"\\", b"\\\\").replace(b"\t", b"\\t") for line in lines) + b"\n"
        cursor.copy_expert("COPY same_json FROM STDIN", io.BytesIO(raw))
        began = time.perf_counter()
        plain = Path(folder) / "export.json"
        with plain.open("wb") as out:
            cursor.copy_expert(
                "COPY same_json TO STDOUT WITH (FORMAT csv, QUOTE E'\\x1f', DELIMITER E'\\x1e')", out
            )
        with zipfile.ZipFile(Path(folder) / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(plain, "export.json")
        return time.perf_counter() - began


GROUPS = (
    Group(("import_specimens", "update_specimens", "memory_import_mb"), imports.measure_specimens),
    Group(("import_registrations",), imports.measure_registrations),
    Group(("import_visits",), imports.measure_visits),
    Group(("import_master",), imports.measure_master),
    Group(("import_wrong_rows",), imports.measure_wrong),
    Group(("two_workers",), imports.measure_two_workers),
    Group(("list_specimens",), measure_list),
    Group(("post_specimen",), measure_post),
    Group(("lists_of_million", "deep_pages"), measure_million),
    Group(("query_csv",), measure_query),
    Group(("export_zip", "memory_export_mb"), measure_export),
    Group(("import_exponent", "read_while_importing", "memory_of_million_mb"), imports.measure_growth),
)
