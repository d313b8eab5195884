"""Calling the application in this process, timing it, and rows that several measures need."""

import io
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import orjson
from django.db import connection
from django.test import Client

from sessions_auth.models import User
from sessions_auth.tokens import issue

BASE = "/openspecimen/rest/ng"


class Caller:
    """Calls the application in this process as its administrator."""

    def __init__(self) -> None:
        self.client = Client(headers={"X-OS-API-TOKEN": issue(User.objects.get(login_name="admin"))})

    def post(self, path: str, body: object, base: str = BASE) -> Any:
        answer = self.client.post(base + path, orjson.dumps(body), "application/json")
        assert answer.status_code < 300, answer.content[:500]
        return orjson.loads(answer.content) if answer.content else None

    def get(self, path: str, base: str = BASE) -> bytes:
        answer = self.client.get(base + path)
        assert answer.status_code == 200, answer.content[:500]
        return bytes(answer.content)

    def upload(self, content: bytes) -> str:
        file = io.BytesIO(content)
        file.name = "rows.csv"
        answer = self.client.post(BASE + "/import-jobs/input-file", {"file": file})
        return str(answer.json()["fileId"])


def median_ms(call: Callable[[], object], times: int = 60) -> float:
    for _ in range(5):
        call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return median(found)


def fill(short_title: str, protocol: int, visits: int, each: int) -> None:
    """Specimens by SQL, as an import would leave them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO specimen_specimen (activity_status, protocol_id, visit_id, lineage, label, specimen_class, type,
                anatomic_site, laterality, pathology, status, initial_qty, available_qty, created_on, biohazards,
                external_ids, collection_time, collection_procedure, collection_container, received_time,
                received_quality, collector_id, receiver_id, label_per_cp, additional_label_per_cp, barcode_per_cp)
            SELECT 'Active', v.protocol_id, v.id, 'New', %s || v.id || '-' || n, 'Fluid', 'Plasma', 'Not Specified',
                'Not Applicable', 'Not Specified', 'Collected', 4.5, 4.5, v.visit_date, '{}', '[]', v.visit_date,
                'Venipuncture', 'EDTA Vacutainer', v.visit_date, 'Acceptable', u.id, u.id, FALSE, FALSE, FALSE
            FROM visit_visit v CROSS JOIN generate_series(1, %s) n
                CROSS JOIN (SELECT id FROM sessions_auth_user WHERE login_name = 'admin') u
            WHERE v.protocol_id = %s ORDER BY v.id LIMIT %s
            """,
            [short_title, each, protocol, visits * each],
        )
        cursor.execute("ANALYZE")
