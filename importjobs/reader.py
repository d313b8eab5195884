"""Reading a CSV file row by row in constant memory, from any row on (spec 04 §3)."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from biobank.tabular.lines import unguarded
from importjobs.errors import Malformed

MAX_CELL = 1_000_000  # characters
MAX_LINE = 8_000_000  # bytes
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
_END = "\x00"  # no line of a file holds this

csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on: the byte at which the next record begins, and how many data rows stand before it."""

    offset: int = 0
    row: int = 0


@dataclass(frozen=True, slots=True)
class Size:
    """What a file holds: `records` counts blank lines too (for limits), `rows` does not."""

    records: int
    rows: int


class CsvFile:
    """An open CSV file: its header, and its rows from a position on.

    Blank rows are skipped and not counted; cells are trimmed, and freed of the apostrophe that exports and reports put
    before what a spreadsheet could take for a formula. Raises `Malformed` for what cannot be read.
    """

    def __init__(self, path: Path, separator: str) -> None:
        self._file: BinaryIO = path.open("rb")
        self._separator = separator
        self._line = 0
        self._offset = 0
        self._row = 0
        self._blank = 0
        self._apostrophes = False  # seen since the last row
        try:
            self._start_at(self._after_bom())
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise
        self.first = Position(self._offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def position(self) -> Position:
        """Just behind the row that was read last."""
        return Position(self._offset, self._row)

    def go_to(self, position: Position) -> None:
        """Continue at a position this reader gave out before; the default position is the first row."""
        self._start_at(position.offset or self.first.offset)
        self._row = position.row

    def rows(self) -> Iterator[list[str]]:
        """The data rows from here on."""
        for cells in self._records():
            row = list(map(str.strip, cells))
            if self._apostrophes:
                self._apostrophes = False
                row = list(map(unguarded, row))
            if any(row):
                self._row += 1
                yield row
            else:
                self._blank += 1

    def measure(self) -> Size:
        """Read everything that is left, which also proves that it can be read."""
        for _ in self.rows():
            pass
        return Size(self._row + self._blank, self._row)

    def _after_bom(self) -> int:
        start = self._file.read(3)
        if start.startswith(_OTHER_BOMS):
            raise Malformed("the file is UTF-16; it must be UTF-8")
        return 3 if start == _BOM else 0

    def _start_at(self, offset: int) -> None:
        self._file.seek(offset)
        self._offset = offset
        self._reader = csv.reader(self._lines(), delimiter=self._separator)

    def _read_header(self) -> list[str]:
        for cells in self._records():
            header = [cell.strip() for cell in cells]
            if not any(header) or header[0].startswith("#"):
                continue
            _check_header(header)
            return header
        raise Malformed("the file is empty")

    def _records(self) -> Iterator[list[str]]:
        began = self._line + 1
        try:
            for cells in self._reader:
                if cells and cells[-1].endswith(_END):
                    if cells != [_END]:
                        raise Malformed(
                            f"the record that begins in line {began} opens a quote and never closes it"
                        )
                    return
                began = self._line + 1
                yield cells
        except csv.Error as error:
            raise Malformed(f"line {self._line}: {_explain(error)}") from None

    def _lines(self) -> Iterator[str]:
        """Decoded lines; keeps count of bytes. The csv reader takes no line before it needs it."""
        readline = self._file.readline
        while raw := readline(MAX_LINE):
            self._offset += len(raw)
            self._line += 1
            if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                raise Malformed(f"line {self._line} is longer than {MAX_LINE:,} bytes")
            if b"'" in raw:
                self._apostrophes = True
            if b"\0" in raw:
                raise Malformed(f"line {self._line} holds a NUL character: this is not a text file")
            try:
                yield raw.decode()
            except UnicodeDecodeError:
                raise Malformed(f"line {self._line} is not UTF-8 text") from None
        yield _END


def _check_header(header: list[str]) -> None:
    if not all(header):
        raise Malformed(f"column {header.index('') + 1} of the header has no name")
    seen: set[str] = set()
    for name in header:
        if name.lower() in seen:
            raise Malformed(f"the column {name} occurs more than once in the header")
        seen.add(name.lower())


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell is longer than {MAX_CELL:,} characters; is a quote missing?"
    if "new-line character" in text:
        return "a carriage return stands alone; lines must end with LF or CR LF"
    return text
