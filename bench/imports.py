"""Import jobs of every large kind against raw COPY of the same rows, and how they grow, wait and share a machine."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection, models, transaction

from bench.calls import Caller, median_ms
from bench.results import Figure
from bench.world import ROOT, command_of, seed_protocol, work_off
from biobank.demo.client import csv_bytes
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))  # fewer only to try the bench itself: nothing is kept then
LARGEST = int(os.environ.get("BENCH_LARGEST", str(10 * ROWS)))
MEGABYTES = 300
PEOPLE = ("participant_participant", "participant_registration", "participant_medicalrecord")

Row = tuple[str, ...]
TASK, MODEL = "importjobs.tasks:run", "importjobs.ImportJob"


# --- One job ----------------------------------------------------------------------------------------


def submit(
    caller: Caller, kind: str, header: Row, rows: Iterable[Row], operation: str = "CREATE", **more: Any
) -> int:
    """Upload rows and create a job of them; answers its number."""
    file = caller.upload(csv_bytes(header, rows))
    job = caller.post(
        "/import-jobs", {"objectType": kind, "importType": operation, "inputFileId": file, **more}
    )
    return int(job["id"])


def run(
    caller: Caller, kind: str, header: Row, rows: Iterable[Row], operation: str = "CREATE", **more: Any
) -> Any:
    """Import rows in a worker process; answers its seconds and megabytes, when all rows are in."""
    pk = submit(caller, kind, header, rows, operation, **more)
    done = work_off(TASK, MODEL, pk)
    job = json.loads(caller.get(f"/import-jobs/{pk}"))
    done["failed"] = job["failedRecords"]
    assert done["state"] == "done", (job, done)
    return done


def copy_seconds(wanted: Sequence[tuple[type[models.Model], str]]) -> float:
    """Seconds that COPY needs to put the same rows (and, by trigger, their history) in once more.

    `wanted` are the tables, parents first, each with the condition that finds the rows. The tables are emptied.
    """
    with TemporaryDirectory() as folder:
        files = [Path(folder) / model._meta.db_table for model, _ in wanted]
        counts = []
        with connection.cursor() as cursor:
            for (model, condition), file in zip(wanted, files, strict=True):
                with file.open("wb") as out:
                    cursor.copy_expert(
                        f"COPY (SELECT * FROM {model._meta.db_table} WHERE {condition} ORDER BY id) TO STDOUT",
                        out,
                    )
                counts.append(cursor.rowcount)
            histories = [model.history.rel.related_model for model, _ in wanted if hasattr(model, "history")]
            tables = [model._meta.db_table for model in (*(model for model, _ in wanted), *histories)]
            cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        began = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            for (model, _), file in zip(wanted, files, strict=True):
                with file.open("rb") as rows:
                    cursor.copy_expert(f"COPY {model._meta.db_table} FROM STDIN", rows)
        seconds = time.perf_counter() - began
    with connection.cursor() as cursor:
        for model in histories:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
            assert cursor.fetchone()[0] in counts, "the limit's run has no history: not the same tables"
    return seconds


def against_copy(
    name: str, bound: float, done: Any, wanted: Sequence[tuple[type[models.Model], str]]
) -> Figure:
    assert not done["failed"], done
    return Figure(name, ROWS / done["seconds"], ROWS / copy_seconds(wanted), "rows/s", "higher", bound)


# --- Kinds ------------------------------------------------------------------------------------------

SPECIMEN: Row = (
    "CP Short Title", "Visit Name", "Specimen Label", "Class", "Type", "Lineage", "Anatomic Site", "Laterality",
    "Collection Status", "Pathological Status", "Initial Quantity", "Available Quantity", "Concentration",
    "Comments", "Collection Event#Date and Time", "Collection Event#Procedure", "Collection Event#Container",
    "Received Event#Date and Time", "Received Event#Quality",
)  # fmt: skip


def specimens(title: str, count: int, visits: int, first: int = 0) -> Iterator[Row]:
    """Primary specimens, all of them right."""
    for n in range(first, first + count):
        yield (
            title, f"{title}-{n % visits}", f"{title}-S-{n:07d}", "Fluid", "Plasma", "New",
            "Not Specified", "Not Applicable", "Collected", "Not Specified", "4.5", "4.5", "0.25",
            f"tube {n % 96} of rack {n // 96}", "01-01-2024 08:00", "Venipuncture", "EDTA Vacutainer",
            "01-01-2024 08:40", "Acceptable",
        )  # fmt: skip


def measure_specimens() -> list[Figure]:
    """Primary specimens: created, then five columns of all of them updated."""
    visits = ROWS // 5
    protocol = seed_protocol("IMP", visits)
    caller = Caller()
    made = run(caller, "specimen", SPECIMEN, specimens("IMP", ROWS, visits))
    updated = run(
        caller,
        "specimen",
        ("CP Short Title", "Specimen Label", *(caption for caption, _, _ in CHANGED)),
        (("IMP", f"IMP-S-{n:07d}", *_changes(n)) for n in range(ROWS)),
        "UPDATE",
    )
    assert not updated["failed"], updated
    update_limit = _update_seconds()
    return [
        Figure("update_specimens", ROWS / updated["seconds"], ROWS / update_limit, "rows/s", "higher", 0.10),
        against_copy("import_specimens", 0.15, made, [(Specimen, f"protocol_id = {protocol}")]),
        Figure("memory_import_mb", max(made["megabytes"], updated["megabytes"]), MEGABYTES, "MB", "lower", 1),
    ]


CHANGED = (
    ("Comments", "comments", "text"),
    ("Available Quantity", "available_qty", "numeric"),
    ("Concentration", "concentration", "numeric"),
    ("Freeze/Thaw Cycles", "freeze_thaw_cycles", "integer"),
    ("Anatomic Site", "anatomic_site", "text"),
)


def _changes(n: int, turn: str = "again") -> Row:
    return (f"{turn} {n % 96} of rack {n // 96}", "3.25" if turn == "again" else "2.25",
            "0.5" if turn == "again" else "0.75", str(n % 3 + (turn != "again") + 1),
            "Blood" if turn == "again" else "Not Specified")  # fmt: skip


def _update_seconds() -> float:
    """What one `UPDATE … FROM` of a copied table needs for as many other values, found by label as well."""
    table = Specimen._meta.db_table
    columns = ", ".join(f"{column} {kind}" for _, column, kind in CHANGED)
    sets = ", ".join(f"{column} = n.{column}" for _, column, _ in CHANGED)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        file.write_bytes(
            csv_bytes(("label", "x"), ((f"IMP-S-{n:07d}", *_changes(n, "limit")) for n in range(ROWS)))
        )
        began = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor, file.open("rb") as rows:
            cursor.execute(f"CREATE TEMP TABLE news (label text, {columns}) ON COMMIT DROP")
            cursor.copy_expert("COPY news FROM STDIN (FORMAT csv, HEADER)", rows)
            cursor.execute(f"UPDATE {table} s SET {sets} FROM news n WHERE s.label = n.label")
            assert cursor.rowcount == ROWS, cursor.rowcount
        return time.perf_counter() - began


def measure_registrations() -> list[Figure]:
    """Participants with name, dates, race and a medical record number each."""
    protocol = seed_protocol("CPR", 0)
    header: Row = (
        "CP Short Title", "PPID", "Registration Date", "Registration Site", "First Name", "Last Name",
        "Date Of Birth", "Gender", "Race#1", "Vital Status", "PMI#1#Site Name", "PMI#1#MRN",
    )  # fmt: skip
    rows = (
        (
            "CPR", f"CPR-P-{n:07d}", "01-02-2024", "Bench site", f"Given{n % 977}", f"Family{n % 3989}",
            f"{n % 12 + 1:02d}-{n % 28 + 1:02d}-{1930 + n % 70}", "Female", "White", "Alive", "Bench site", f"M{n:08d}",
        )
        for n in range(ROWS)
    )  # fmt: skip
    done = run(Caller(), "cpr", header, rows)
    table = Registration._meta.db_table
    mine = f"participant_id IN (SELECT participant_id FROM {table} WHERE protocol_id = {protocol})"
    return [
        against_copy(
            "import_registrations",
            0.12,
            done,
            [
                (Participant, mine.replace("participant_id IN", "id IN", 1)),
                (MedicalRecord, mine),
                (Registration, f"protocol_id = {protocol}"),
            ],
        )
    ]


def measure_visits() -> list[Figure]:
    """Five visits of each participant."""
    people = ROWS // 5
    protocol = seed_protocol("VIS", people, with_visits=False)
    header: Row = (
        "CP Short Title", "PPID", "Event Label", "Name", "Visit Date", "Visit Site", "Visit Status",
        "Clinical Diagnosis#1", "Clinical Status", "Comments",
    )  # fmt: skip
    rows = (
        (
            "VIS", f"VIS-{n % people}", "Baseline", f"VIS-V-{n:07d}", f"01-{n % 28 + 1:02d}-2024", "Bench site",
            "Complete",
            "Not Specified", "Not Specified", f"call {n}",
        )
        for n in range(ROWS)
    )  # fmt: skip
    done = run(Caller(), "visit", header, rows)
    return [against_copy("import_visits", 0.15, done, [(Visit, f"protocol_id = {protocol}")])]


def measure_master() -> list[Figure]:
    """Each row a specimen; four of each participant, two of each visit, as a study's own sheet has them."""
    protocol = seed_protocol("MST", 0)
    header: Row = (
        "CP Short Title", "PPID", "Registration Date", "First Name", "Last Name", "Date Of Birth", "Gender", "Race#1",
        "Event Label", "Visit Name", "Visit Date", "Collection Site", "Visit Status", "Specimen Label", "Class", "Type",
        "Lineage", "Anatomic Site", "Laterality", "Pathological Status", "Initial Quantity", "Collection Status",
        "Collection Date", "Received Date", "Received Quality",
    )  # fmt: skip

    def rows() -> Iterator[Row]:
        for n in range(ROWS):
            person, visit = n // 4, n // 2
            yield (
                "MST", f"MST-P-{person:07d}", "01-02-2024", f"Given{person % 977}", f"Family{person % 3989}",
                f"{person % 12 + 1:02d}-{person % 28 + 1:02d}-{1930 + person % 70}", "Female", "White",
                "Baseline", f"MST-V-{visit:07d}", f"01-{visit % 2 + 10:02d}-2024", "Bench site", "Complete",
                f"MST-S-{n:07d}", "Fluid", "Plasma", "New", "Not Specified", "Not Applicable", "Not Specified", "4.5",
                "Collected", f"01-{visit % 2 + 10:02d}-2024 08:00", f"01-{visit % 2 + 10:02d}-2024 08:40", "Acceptable",
            )  # fmt: skip

    done = run(Caller(), "masterSpecimen", header, rows(), "UPSERT")
    registrations = f"SELECT participant_id FROM {Registration._meta.db_table} WHERE protocol_id = {protocol}"
    assert Specimen.objects.filter(protocol=protocol).count() == ROWS
    own = f"protocol_id = {protocol}"
    return [
        against_copy(
            "import_master",
            0.06,
            done,
            [(Participant, f"id IN ({registrations})"), (Registration, own), (Visit, own), (Specimen, own)],
        )
    ]


# --- Wrong rows -------------------------------------------------------------------------------------


def measure_wrong() -> list[Figure]:
    """A file of which every tenth row is wrong, for each way of being wrong; the slowest is the figure."""
    visits = max(ROWS // 20, 1)
    count = max(ROWS // 4, 1)
    seed_protocol("WRG", visits)
    caller = Caller()
    clean = run(caller, "specimen", SPECIMEN, specimens("WRG", count, visits))["seconds"]
    found = {}
    for number, (name, spoil) in enumerate(WRONG.items(), 1):
        rows = specimens("WRG", count, visits, number * count)
        spoiled = (spoil(row) if n % 10 == 7 else row for n, row in enumerate(rows))
        done = run(caller, "specimen", SPECIMEN, spoiled)
        assert done["failed"] == sum(n % 10 == 7 for n in range(count)), (name, done)
        found[name] = done["seconds"]
        print(f"    {name:<20} {done['seconds']:8.2f} s, clean {clean:.2f} s", flush=True)
    return [Figure("import_wrong_rows", max(found.values()), clean, "s", "lower", 1.5)]


def _with(row: Row, **cells: str) -> Row:
    return tuple(
        cells.get(caption.replace(" ", "_"), cell) for caption, cell in zip(SPECIMEN, row, strict=True)
    )


WRONG: dict[str, Callable[[Row], Row]] = {
    "a cell": lambda row: _with(row, Initial_Quantity="four"),
    "an unknown visit": lambda row: _with(row, Visit_Name="nowhere"),
    "an unknown value": lambda row: _with(row, Laterality="Upside down"),
    "a label in use": lambda row: _with(row, Specimen_Label="WRG-S-0000001"),
    "what only the database sees": lambda row: _with(row, Initial_Quantity="99999999999999999999"),
}


# --- Growth, company --------------------------------------------------------------------------------


def measure_growth() -> list[Figure]:
    """Seconds by rows, ten times as many each time; while the largest runs, somebody reads specimens."""
    caller = Caller()
    sizes = [size for size in (LARGEST // 1000, LARGEST // 100, LARGEST // 10, LARGEST) if size]
    seconds: list[float] = []
    figures: list[Figure] = []
    for size in sizes:
        title = f"G{size}"
        visits = max(size // 5, 1)
        seed_protocol(title, visits)
        pk = submit(caller, "specimen", SPECIMEN, specimens(title, size, visits))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        if size < LARGEST:
            done = work_off(TASK, MODEL, pk)
        else:
            one = f"/specimens/{Specimen.objects.latest('pk').pk}"
            alone = median_ms(lambda path=one: caller.get(path), 300)  # type: ignore[misc]
            with working(pk) as worker:
                beside = _beside(caller, pk, one)
                done = worker()
            figures += [
                Figure("read_while_importing", beside, alone, "ms", "lower", 2),
                Figure("memory_of_million_mb", done["megabytes"], MEGABYTES, "MB", "lower", 1),
            ]
        assert done["state"] == "done", done
        seconds.append(done["seconds"])
        print(
            f"    {size:>9,} rows {done['seconds']:9.2f} s  {size / done['seconds']:8,.0f} rows/s", flush=True
        )
    steps = [math.log(later / before, 10) for before, later in pairwise(seconds)]
    print("    exponents " + ", ".join(f"{step:.3f}" for step in steps), flush=True)
    return [Figure("import_exponent", _slope(sizes, seconds), 1.0, "exponent", "lower", 1.05), *figures]


def _slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent that fits best over all sizes."""
    xs, ys = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)


def _beside(caller: Caller, pk: int, path: str) -> float:
    """Median milliseconds of a read, asked at several moments of a running import."""
    found = []
    for part in range(1, 6):
        while (now := json.loads(caller.get(f"/import-jobs/{pk}")))["totalRecords"] in (None, 0) or (
            now["totalRecords"] < LARGEST * part // 7
        ):
            assert now["status"] in ("QUEUED", "IN_PROGRESS"), now
            time.sleep(0.5)
        found.append(median_ms(lambda: caller.get(path), 60))
    return sorted(found)[len(found) // 2]


def measure_two_workers() -> list[Figure]:
    """Two jobs by one worker, one after the other, against two workers at once."""
    caller = Caller()
    count, visits = ROWS // 2, ROWS // 10

    def two(turn: str) -> list[int]:
        found = []
        for letter in "AB":
            title = f"W{turn}{letter}"
            seed_protocol(title, visits)
            found.append(submit(caller, "specimen", SPECIMEN, specimens(title, count, visits)))
        return found

    one_by_one = sum(work_off(TASK, MODEL, pk)["seconds"] for pk in two("1"))
    first, second = two("2")
    with working(first) as worker, working(second) as other:
        together = max(worker()["seconds"], other()["seconds"])
    return [Figure("two_workers", one_by_one, together, "s", "higher", 1.6)]


@contextmanager
def working(pk: int) -> Iterator[Callable[[], Any]]:
    """A worker process on a job; call what is yielded to wait for its answer."""
    process = subprocess.Popen(
        [sys.executable, *command_of(TASK, MODEL, pk)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )

    def wait() -> Any:
        text, _ = process.communicate()
        assert process.returncode == 0, text
        return json.loads(text.splitlines()[-1])

    try:
        yield wait
    finally:
        process.kill()
