"""Writing the file of an export in constant memory: records to a spill file, then lines into a zip (spec 04 §6.3)."""

import marshal
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any, BinaryIO

from biobank.access import Actor
from biobank.batch.schema import ImportSchema, Wanted
from biobank.files import folder
from biobank.files.names import safe_name
from biobank.tabular.attachments import FOLDER as ATTACHMENTS
from biobank.tabular.attachments import MARK, numbered
from exports.objects.cells import Formats
from exports.objects.layout import Layout, Row, csv_line

ENTRY = "output.csv"
FOLDER = "export-jobs"
SEPARATOR = ","
LEVEL = 3  # three times as fast as zlib's default, for a file a quarter larger
_IN_MEMORY = 8_000_000  # bytes of rows; more go to the disk
_LINES = 500  # handed to the compressor at once
_LARGE = 1_000_000_000  # bytes of rows from which the entry may need sizes of 64 bits
_LENGTH = 8  # bytes that say how long a block of the spill file is


def write_export(
    target: BinaryIO,
    schema: ImportSchema,
    wanted: Wanted,
    actor: Actor,
    formats: Formats,
    told: Callable[[int], None] = lambda records: None,
) -> int:
    """Write the whole zip; answers how many records it has. `told` hears of them as they come."""
    export = schema.export
    if export is None:
        raise ValueError(f"{schema.name} cannot be exported")
    layout = Layout(export.columns or schema.columns_with(wanted.params), formats)
    records = 0
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive,
        # Without a name in the folder: nothing is left behind, whatever ends the worker.
        tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder(FOLDER))) as spill,
    ):
        attach = _Attachments(archive)
        for batch in export.batches(wanted, actor):
            files = [""] * len(batch) if export.files is None else attach.names(export.files(batch))
            rows = [
                row for detail, file in zip(batch, files, strict=True) for row in layout.rows(detail, file)
            ]
            _keep(spill, rows)
            records += len(batch)
            told(records)
        size = spill.tell()
        spill.seek(0)
        with archive.open(ENTRY, "w", force_zip64=size > _LARGE) as entry:
            _write_lines(entry, layout, _kept(spill))
    return records


def _keep(spill: IO[bytes], rows: list[Row]) -> None:
    block = marshal.dumps(rows)
    spill.write(len(block).to_bytes(_LENGTH, "big") + block)


def _kept(spill: IO[bytes]) -> Iterator[list[Row]]:
    while head := spill.read(_LENGTH):
        yield marshal.loads(spill.read(int.from_bytes(head, "big")))  # noqa: S302 - written above


def _write_lines(entry: IO[bytes], layout: Layout, blocks: Iterator[list[Row]]) -> None:
    between = f'"{SEPARATOR}"'
    entry.write(csv_line(layout.header(), between).encode())
    for rows in blocks:
        for start in range(0, len(rows), _LINES):
            lines = [csv_line(layout.line(row), between) for row in rows[start : start + _LINES]]
            entry.write("".join(lines).encode())


class _Attachments:
    """Puts the files of records into the archive, under names that no two share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._numbers = count(1)

    def names(self, files: Sequence[tuple[str, Path] | None]) -> list[str]:
        """The name for each cell; blank where there is no file, or no longer."""
        return ["" if file is None else self._add(*file) for file in files]

    def _add(self, original: str, path: Path) -> str:
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return ""
        name = numbered(next(self._numbers), safe_name(original))
        self._archive.comment = MARK
        with source:
            large = path.stat().st_size > _LARGE
            with self._archive.open(f"{ATTACHMENTS}/{name}", "w", force_zip64=large) as entry:
                shutil.copyfileobj(source, entry, 1 << 20)
        return name


def stored_name(pk: int, owner: Any) -> str:
    """The name a build writes to: its own for every claim of the job, so that no two workers ever share one."""
    return f"{pk}-{owner.hex if owner else 'none'}.zip"


def path_of(file: str) -> Path:
    """Where a stored file stands; `file` is `ObjectExport.file`."""
    return folder(FOLDER) / file
