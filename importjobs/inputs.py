"""Which file of an upload holds the rows, and how it is to be read (spec 04 §1.3, §3)."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from biobank.batch.schema import Items
from importjobs import layouts, spreadsheets, uploads
from importjobs.cells import Formats
from importjobs.header import match, places
from importjobs.models import Upload
from importjobs.reader import CsvFile

TAB, SEMICOLON = "\t", ";"
_TAB_SUFFIXES = (".tsv", ".tab")


class Kind(StrEnum):
    """What an upload holds, as told to people."""

    CSV = "csv"
    TSV = "tsv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Input:
    """A file of rows: text with one separator, whatever was uploaded."""

    path: Path
    kind: Kind
    separator: str


def prepare(upload: Upload, asked: str | None, columns: Items, formats: Formats) -> Input:
    """Unpack what must be unpacked and find the separator: the one asked for wins.

    Else a file named `.tsv` or `.tab` has tabs; so has one whose header holds tabs and no comma; a header without
    commas that makes known columns when split at semicolons has those. The text made of a workbook has commas,
    whatever was asked for. Raises `Malformed` and `Refused`.
    """
    path = uploads.rows_file(upload)
    if path.suffix == ".xlsx":
        return Input(spreadsheets.as_csv(path, formats), Kind.XLSX, layouts.SEPARATOR)
    if asked:
        separator = layouts.separator(asked)
    elif path.suffix in _TAB_SUFFIXES or upload.filename.lower().endswith(_TAB_SUFFIXES):
        separator = TAB
    else:
        separator = _sniffed(path, columns)
    return Input(path, Kind.TSV if separator == TAB else Kind.CSV, separator)


def _sniffed(path: Path, columns: Items) -> str:
    with CsvFile(path, layouts.SEPARATOR) as file:
        header = file.header
    if len(header) > 1:
        return layouts.SEPARATOR
    if TAB in header[0]:
        return TAB
    if SEMICOLON in header[0]:
        captions = [cell.strip() for cell in next(csv.reader(header, delimiter=SEMICOLON))]
        if all(captions) and _knows_any(columns, captions):
            return SEMICOLON
    return layouts.SEPARATOR


def _knows_any(columns: Items, captions: Sequence[str]) -> bool:
    return any(True for _ in places(match(columns, captions, drop_id=False)))
