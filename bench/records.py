"""The record API: one specimen by HTTP against a bare insert, and lists in a database of a million specimens."""

import os
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection, transaction

from bench.calls import Caller, fill, median_ms
from bench.results import Figure
from bench.world import seed_protocol
from biobank.records import stamp
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.specimen.models import Specimen

MILLION = int(os.environ.get("BENCH_MILLION", "1000000"))  # fewer only to try the bench itself
PROTOCOLS = 40
EACH = 5  # specimens of a visit
OWN_VISITS = 1000  # of the study whose lists are measured


# --- One specimen -----------------------------------------------------------------------------------


def measure_post() -> list[Figure]:
    """`POST /specimens` against inserting the same row, with its history, in a transaction of its own."""
    protocol = seed_protocol("POST", 20)
    caller = Caller()
    visit = _one("SELECT min(id) FROM visit_visit WHERE protocol_id = %s", protocol)
    numbers = count()

    def post() -> None:
        caller.post(
            "/specimens",
            {
                "visitId": visit,
                "label": f"POST-{next(numbers)}",
                "specimenClass": "Fluid",
                "type": "Plasma",
                "lineage": "New",
                "status": "Collected",
                "initialQty": 4.5,
                "anatomicSite": "Not Specified",
            },
        )

    ours = median_ms(post, 200)
    columns = ", ".join(column for column in _columns() if column not in ("id", "label"))
    table = Specimen._meta.db_table
    model = _one(f"SELECT max(id) FROM {table} WHERE protocol_id = %s", protocol)
    admin = actor_of(User.objects.get(login_name="admin"))

    def bare() -> None:
        with transaction.atomic():
            stamp(admin)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO {table} (label, {columns}) SELECT %s, {columns} FROM {table} WHERE id = %s",
                    [f"BARE-{next(numbers)}", model],
                )

    return [Figure("post_specimen", ours, median_ms(bare, 200), "ms", "lower", 6)]


def _columns() -> list[str]:
    return [str(field.column) for field in Specimen._meta.concrete_fields]


def _one(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        row = cursor.fetchone()
    assert row is not None
    return row[0]


# --- A million --------------------------------------------------------------------------------------


def measure_million() -> list[Figure]:
    """Each list's median with a million more specimens over the one without; the worst is the figure.

    Deep pages: the page that begins behind half of all specimens against the first one, read in order as a
    client reads them.
    """
    protocol = seed_protocol("OWN", OWN_VISITS)
    fill("OWN", protocol, OWN_VISITS, EACH)
    caller = Caller()
    calls = _lists(caller, protocol)
    few = {name: median_ms(call, 30) for name, call in calls.items()}
    _seed_million()
    many = {name: median_ms(call, 30) for name, call in calls.items()}
    for name in sorted(calls, key=lambda name: many[name] / few[name], reverse=True):
        print(
            f"    {name:<60} {few[name]:8.2f} ms → {many[name]:8.2f} ms  {many[name] / few[name]:5.2f}",
            flush=True,
        )
    worst = max(calls, key=lambda name: many[name] / few[name])
    return [
        Figure("lists_of_million", many[worst], few[worst], "ms", "lower", 1.5),
        *_deep(caller),
    ]


def _lists(caller: Caller, protocol: int) -> dict[str, Callable[[], object]]:
    visit = _one("SELECT max(id) FROM visit_visit WHERE protocol_id = %s", protocol)
    registration = _one("SELECT registration_id FROM visit_visit WHERE id = %s", visit)
    label = f"OWN{visit}-3"
    ids = ",".join(
        str(_one("SELECT id FROM specimen_specimen WHERE label = %s", f"OWN{visit}-{n}")) for n in (1, 2, 3)
    )
    cart = caller.post(
        "/specimen-lists", {"name": "Bench", "specimenIds": [int(pk) for pk in ids.split(",")]}
    )["id"]
    gets = (
        "/institutes",
        "/sites?includeStats=true",
        "/users",
        "/collection-protocols?maxResults=10",
        "/collection-protocols?maxResults=10&detailedList=true",
        "/collection-protocols?query=OWN&detailedList=true",
        f"/collection-protocol-events?cpId={protocol}",
        f"/visits?cprId={registration}",
        f"/visits?cprId={registration}&includeStats=true",
        "/visits/list?name=OWN-7",
        "/visits/bynamespr?visitName=OWN-7",
        f"/specimens?cpId={protocol}",
        f"/specimens?cprId={registration}",
        f"/specimens?cprId={registration}&visitId={visit}",
        f"/specimens?id={ids}",
        f"/specimens?label={label}&exactMatch=true",
        f"/specimens?label={label}",
        "/specimen-lists?includeStats=true",
        f"/specimen-lists/{cart}/specimens",
        f"/specimens/{ids.split(',')[0]}",
        f"/audit/revisions?objectName=specimen&objectId={ids.split(',')[0]}",
        "/saved-queries",
        "/import-jobs",
    )
    posts: tuple[tuple[str, dict[str, object]], ...] = (
        ("/collection-protocol-registrations/list", {"cpId": protocol}),
        ("/collection-protocol-registrations/list", {"cpId": protocol, "ppid": "OWN-77"}),
        ("/collection-protocol-registrations/list", {"ppid": "OWN-77"}),
        ("/collection-protocol-registrations/list", {"specimen": label}),
        ("/collection-protocol-registrations/list", {"searchStr": "OWN-77"}),
        ("/collection-protocol-registrations/count", {"cpId": protocol}),
        ("/specimens/search", {"cpId": protocol, "type": "Plasma"}),
        ("/specimens/search", {"cpId": protocol, "orderBy": "label"}),
        ("/specimens/search", {"label": label}),
        ("/specimens/search", {"visitNames": ["OWN-7"]}),
        ("/specimens/search", {"ppid": "OWN-7", "exactMatch": True}),
        ("/specimens/search", {"available": True}),
        ("/specimens/search", {"orderBy": "createdOn", "asc": False}),
        ("/specimens/search", {"listId": cart}),
    )
    found: dict[str, Callable[[], object]] = {f"GET {path}": partial(caller.get, path) for path in gets}
    for path, body in posts:
        found[f"POST {path} {body}"] = partial(caller.post, path, body)
    return found


def _seed_million() -> None:
    """A million specimens in 40 other protocols, their rows and history written by COPY."""
    visits = MILLION // PROTOCOLS // EACH
    for n in range(PROTOCOLS):
        seed_protocol(f"M{n:02d}", visits)
    columns = ", ".join(column for column in _columns() if column != "id")
    model = _one("SELECT max(id) FROM specimen_specimen WHERE label LIKE 'OWN%%'")
    table = Specimen._meta.db_table
    values = columns
    for column, value in (
        ("protocol_id", "v.protocol_id"),
        ("visit_id", "v.id"),
        ("label", "v.name || '-' || n"),
        ("created_on", "s.created_on + v.id * interval '1 minute'"),
    ):
        values = values.replace(f" {column},", f" {value},", 1)
    values = ", ".join(
        value if "." in value or "||" in value else f"s.{value}" for value in values.split(", ")
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        with connection.cursor() as cursor, file.open("wb") as out:
            cursor.copy_expert(
                f"COPY (SELECT {values} FROM visit_visit v CROSS JOIN generate_series(1, {EACH}) n "
                f"JOIN {table} s ON s.id = {model} "
                "JOIN protocol_collectionprotocol p ON p.id = v.protocol_id AND p.short_title ~ '^M[0-9]') TO STDOUT",
                out,
            )
        with transaction.atomic(), connection.cursor() as cursor, file.open("rb") as rows:
            cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _deep(caller: Caller) -> list[Figure]:
    """Pages of 100 read one after the other, from the first row and from the middle of everything."""
    middle = MILLION // 2

    def pages(start: int) -> float:
        offsets = count(start, 100)
        return median_ms(
            lambda: caller.post("/specimens/search", {"startAt": next(offsets), "minimalInfo": True}), 30
        )

    return [Figure("deep_pages", pages(middle), pages(0), "ms", "lower", 1.5)]
