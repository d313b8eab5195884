"""The rows of a job, in the order in which it works on them, and cut into chunks that hold whole objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings

from importjobs import grouping, layouts, uploads
from importjobs.models import CsvType, ImportJob, Upload
from importjobs.reader import CsvFile, Position

CHUNK_BYTES = 4_000_000
_OWN = len(grouping.OWN_COLUMNS)


@dataclass(slots=True)
class Chunk:
    """Some rows of the file, and where the next one begins. `sizes`: of the objects; None: each row is one."""

    first_row: int
    rows: list[list[str]] = field(default_factory=list)
    numbers: Sequence[int] = ()  # of the rows in the input file
    sizes: list[int] | None = None
    end: Position = field(default_factory=Position)
    is_last: bool = False

    @property
    def objects(self) -> int:
        return len(self.rows) if self.sizes is None else len(self.sizes)


class Source:
    """The file a job reads: its input, or the regrouped copy once there is one."""

    def __init__(self, job: ImportJob, upload: Upload) -> None:
        """Raises `Malformed`, `Refused` and `OSError` for a file that cannot be read."""
        copy = grouped_copy(upload)
        self.is_grouped = job.csv_type == CsvType.MULTIPLE and copy.exists()
        self._file = (
            CsvFile(copy, grouping.SEPARATOR)
            if self.is_grouped
            else CsvFile(uploads.csv_of(upload), layouts.separator(job.field_separator))
        )
        self.header = self._file.header[_OWN:] if self.is_grouped else self._file.header
        self._rows: Iterator[list[str]] = self._file.rows()
        self._next: list[str] | None = None  # read too far: it begins the next chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def go_to(self, position: Position) -> None:
        """Continue where a chunk ended; the default position is the first row."""
        self._file.go_to(position)
        self._rows, self._next = self._file.rows(), None

    def rows(self) -> Iterator[list[str]]:
        """All rows, in order."""
        for row in self._rows:
            yield row[_OWN:] if self.is_grouped else row

    def read(self) -> Chunk:
        """The next chunk."""
        return self._read_objects() if self.is_grouped else self._read_rows()

    def _read_rows(self) -> Chunk:
        file, most = self._file, settings.IMPORT_CHUNK_ROWS
        chunk = Chunk(first_row=file.position.row + 1)
        began = file.position.offset
        for row in self._rows:
            chunk.rows.append(row)
            if len(chunk.rows) >= most or file.position.offset - began >= CHUNK_BYTES:
                break
        else:
            chunk.is_last = True
        chunk.end = file.position
        chunk.numbers = range(chunk.first_row, chunk.first_row + len(chunk.rows))
        return chunk

    def _read_objects(self) -> Chunk:
        """Rows up to the end of the object with which the chunk is full."""
        file, most = self._file, settings.IMPORT_CHUNK_ROWS
        sizes: list[int] = []
        numbers: list[int] = []
        chunk = Chunk(file.position.row + (0 if self._next else 1), numbers=numbers, sizes=sizes)
        began, current = file.position.offset, ""
        while True:
            before = file.position
            row = self._next or next(self._rows, None)
            self._next = None
            if row is None:
                chunk.end, chunk.is_last = file.position, True
                return chunk
            if row[0] != current:
                if len(chunk.rows) >= most or before.offset - began >= CHUNK_BYTES:
                    self._next, chunk.end = row, before
                    return chunk
                current = row[0]
                sizes.append(0)
            sizes[-1] += 1
            numbers.append(int(row[1]))
            chunk.rows.append(row[_OWN:])


def grouped_copy(upload: Upload) -> Path:
    """Where the regrouped copy of an input stands."""
    return uploads.home(upload.id) / "grouped.csv"
