"""Rows of one object side by side, for files that spread an object over several rows (spec 04 §3.2).

A regrouped copy of the input is written once, before the first chunk, and published by renaming it: a run that is
killed meanwhile writes it again, one that is killed later finds it. Objects stand in the order of their first rows.
Each line begins with the number of the object's first row and the row's own number in the input. The sorting is done
by SQLite in a file of its own, so memory stays flat.
"""

import csv
import io
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from uuid import uuid4

from biobank.files import published
from importjobs.errors import Malformed
from importjobs.header import Tree
from importjobs.reader import CsvFile

OWN_COLUMNS = ("OS_FIRST_ROW", "OS_ROW")
SEPARATOR = ","
_BLOCK = 5000
_APART = "\x1f"  # between the parts of a key

_TABLE = "CREATE TABLE input (key TEXT NOT NULL, row INTEGER NOT NULL, line TEXT NOT NULL)"
_OBJECTS = "CREATE TABLE objects AS SELECT key, min(row) AS first FROM input GROUP BY key ORDER BY 2"
_ORDERED = """
    SELECT o.first, i.row, i.line FROM objects o CROSS JOIN input i ON i.key = o.key ORDER BY o.first, i.row"""


def key_places(tree: Tree) -> list[int]:
    """Which cells of a row say what object it belongs to: the key columns, top level only."""
    return sorted(place.index for place in tree.scalars.values() if place.column.key)


def regroup(source: Path, separator: str, tree: Tree, target: Path) -> None:
    """Write the regrouped copy, unless it is there already. Raises `Malformed`."""
    if target.exists():
        return
    for left in target.parent.glob(".group-*"):  # of a run that was killed
        left.unlink(missing_ok=True)
    draft = target.parent / f".group-{uuid4().hex}"
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as store:
            store.execute("PRAGMA journal_mode = OFF")
            store.execute("PRAGMA synchronous = OFF")
            store.execute("PRAGMA temp_store = FILE")
            header = _collect(store, source, separator, key_places(tree))
            with published(target) as file:
                file.write(_line([*OWN_COLUMNS, *header]).encode())
                lines = _ordered(store)
                while block := list(islice(lines, _BLOCK)):
                    file.write("".join(block).encode())
    finally:
        draft.unlink(missing_ok=True)


def _collect(store: sqlite3.Connection, source: Path, separator: str, keys: Sequence[int]) -> list[str]:
    """Put all rows into the store with their keys; the header of the file."""
    store.execute(_TABLE)
    store.execute("BEGIN")
    with CsvFile(source, separator) as file:
        if set(OWN_COLUMNS) & set(file.header):
            raise Malformed(f"columns may not be named {' and '.join(OWN_COLUMNS)}")
        rows = _keyed(file.rows(), keys)
        while block := list(islice(rows, _BLOCK)):
            store.executemany("INSERT INTO input VALUES (?, ?, ?)", block)
    store.execute("CREATE INDEX by_key ON input (key, row)")
    store.execute(_OBJECTS)
    store.execute("COMMIT")
    return file.header


def _keyed(rows: Iterator[list[str]], keys: Sequence[int]) -> Iterator[tuple[str, int, str]]:
    """A row that names no key is an object of its own."""
    for number, row in enumerate(rows, 1):
        key = _APART.join(row[index] if index < len(row) else "" for index in keys)
        yield (key if key.strip(_APART) else f"{_APART}{number}"), number, _line(row)


def _ordered(store: sqlite3.Connection) -> Iterator[str]:
    for first, number, line in store.execute(_ORDERED):
        yield f"{first}{SEPARATOR}{number}{SEPARATOR}{line}"


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=SEPARATOR, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return text.getvalue()
