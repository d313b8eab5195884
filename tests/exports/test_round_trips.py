"""Files that are exported are files that can be imported: every kind of records, nothing changed (spec 04 §6.3)."""

import csv
import difflib
import io
import re
import zipfile
from collections import Counter
from pprint import pformat
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from biobank.batch import schema as schemas
from biobank.batch.schema import Operation, Sub
from importjobs import tasks
from sessions_auth.models import User
from sessions_auth.tokens import issue
from tests.client import Api
from tests.databases import elsewhere
from tests.exports import exporting, world

pytestmark = pytest.mark.django_db

# Each after those it refers to; the names of kinds that do not exist yet do no harm
ORDER = (
    "institute", "site", "user", "cp", "cpe", "sr", "specimenTypeUnit", "userRoles", "userRolesDetailed", "cpr",
    "participant", "consent", "visit", "specimen", "specimenPrintRule", "visitPrintRule",
)  # fmt: skip
FIRST_WITHOUT = {"site": "Coordinators"}  # they are users, and users have sites
IDENTIFIERS = {"Identifier", "UID", "Parent UID"}
GIVEN = {
    "institute",
    "user",
    "specimenTypeUnit",
    "specimenPrintRule",
    "visitPrintRule",
}  # every server has some
AFTER = {"cp": world.consents}  # what comes before the next kind and from no file


def kinds() -> list[str]:
    """Every kind that can be exported, in an order in which they can be imported."""
    found = schemas.exportable()
    assert not set(found) - set(ORDER), "say where in the order a kind stands that is new"
    return [name for name in ORDER if name in found]


def export(api: Api, kind: str) -> bytes:
    """The whole archive, as it is downloaded."""
    job = exporting.exported(api, kind)
    return api.get(f"/export-jobs/{job['id']}/output").body


def content(archive: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return found.read("output.csv").decode()


def send(api: Api, kind: str, file: bytes, operation: Operation) -> list[str]:
    """Import a file; answers what went wrong."""
    uploaded = api.upload("/import-jobs/input-file", "export.zip", file).json["fileId"]
    several = any(isinstance(item, Sub) and item.one_a_row for item in schemas._schemas[kind].columns)
    job = api.post("/import-jobs", {
        "objectType": kind, "importType": operation.value, "inputFileId": uploaded,
        "csvType": "MULTIPLE_ROWS_PER_OBJ" if several else "SINGLE_ROW_PER_OBJ",
    })  # fmt: skip
    assert job.status == 200, job.json
    tasks.run(job.json["id"])
    ended = api.get(f"/import-jobs/{job.json['id']}").json
    report = api.get(f"/import-jobs/{ended['id']}/output").body.decode()
    wrong = [
        row["OS_ERROR_MESSAGE"] for row in exporting.rows(report) if row["OS_IMPORT_STATUS"] != "SUCCESS"
    ]
    return wrong or ([] if ended["status"] == "COMPLETED" else [ended["status"]])


def history() -> Counter[str]:
    """How many events each table of the past holds."""
    tables = [model._meta.db_table for model in apps.get_models() if model.__name__.endswith("History")]
    found: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
    return found


def test_an_export_that_is_imported_as_an_update_changes_nothing(api: Api) -> None:
    world.build(api)
    wrong: dict[str, Any] = {}
    for kind in kinds():
        schema = schemas._schemas[kind]
        if schema.door is None or Operation.UPDATE not in schema.operations:
            continue
        file, past = export(api, kind), history()
        found: list[object] = list(send(api, kind, file, Operation.UPDATE))
        found += [f"{table} has {n} more" for table, n in (history() - past).items()]
        found += differences(content(file), content(export(api, kind)))
        if found:
            wrong[kind] = found
    assert not wrong, pformat(wrong, width=200)


def test_an_export_that_is_imported_into_an_empty_server_gives_the_same_export(api: Api) -> None:
    world.build(api)
    files = {kind: export(api, kind) for kind in kinds()}
    with elsewhere(template=str(connection.settings_dict["NAME"])):
        there = Api(issue(User.objects.get(login_name="admin")))
        wrong = {kind: fill(there, kind, file) for kind, file in files.items()}
        for kind in FIRST_WITHOUT:
            wrong[kind] += send(there, kind, only(files[kind], drop={"Identifier"}), Operation.UPDATE)
        for kind, file in files.items():
            wrong[kind] += differences(content(file), content(export(there, kind)), identified=False)
    wrong = {kind: found for kind, found in wrong.items() if found}
    assert not wrong, pformat(wrong, width=200)


def fill(api: Api, kind: str, file: bytes) -> list[str]:
    """Create the records of a file, but for those that every server has."""
    found: list[str] = []
    schema = schemas._schemas[kind]
    if schema.door is not None and Operation.CREATE in schema.operations:
        there = (
            frozenset(map(key, exporting.rows(content(export(api, kind))))) if kind in GIVEN else frozenset()
        )
        drop = {FIRST_WITHOUT[kind]} if kind in FIRST_WITHOUT else set()
        found = send(api, kind, only(file, drop=drop, but=there), Operation.CREATE)
    if kind in AFTER:
        known = {found["shortTitle"]: found for found in api.get("/collection-protocols?maxResults=100").json}
        AFTER[kind](api, known["ROUND"])
    return found


def only(file: bytes, *, drop: set[str], but: frozenset[Any] = frozenset()) -> bytes:
    """The archive without the columns of these captions, and without those rows (compared without identifiers)."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(file)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        made.comment = source.comment
        for name in source.namelist():
            if name != "output.csv":
                made.writestr(name, source.read(name))
        text = source.read("output.csv").decode()
        lines = io.StringIO()
        header = [name for name in next(csv.reader(io.StringIO(text))) if name.split("#")[0] not in drop]
        writer = csv.DictWriter(lines, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row for row in exporting.rows(text) if key(row) not in but)
        made.writestr("output.csv", lines.getvalue())
    return target.getvalue()


def key(row: dict[str, str]) -> tuple[Any, ...]:
    """A row without its identifiers, which are others on every server; repeated parts in any order."""
    parts: dict[str, dict[str, list[str]]] = {}
    for name, cell in row.items():
        whole, *more = re.split(r"#(\d+)", name, maxsplit=1)
        if whole not in IDENTIFIERS:
            parts.setdefault(whole, {}).setdefault(more[0] if more else "", []).append(cell)
    return tuple((whole, *sorted(map(tuple, numbered.values()))) for whole, numbered in parts.items())


def differences(before: str, after: str, *, identified: bool = True) -> list[str]:
    """What stands in one export and not in the other."""
    if identified:
        return list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0))
    old, new = (Counter(map(key, exporting.rows(text))) for text in (before, after))
    return [f"gone: {row}" for row in old - new] + [f"new: {row}" for row in new - old]
