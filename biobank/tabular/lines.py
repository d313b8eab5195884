"""Rows of text as CSV (spec 04 §2.10)."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

_RISKY = frozenset(";=@+-")
_SUSPECT = _RISKY | {"'"}
_GUARDED = re.compile(r"'+[;=@+-]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BLOCK_ROWS = 500


class _Lines:
    """A file for the csv writer: collects text until it is taken."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def write(self, text: str) -> None:
        self._texts.append(text)

    def take(self) -> bytes:
        found = "".join(self._texts).encode()
        self._texts.clear()
        return found


def guarded(cell: str) -> str:
    """A cell no spreadsheet takes for a formula; `unguarded` gives back what it was."""
    if not cell or cell[0] not in _SUSPECT or (cell[0] in "+-" and _NUMBER.fullmatch(cell)):
        return cell
    return "'" + cell if cell[0] in _RISKY or _GUARDED.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell without the apostrophe that keeps it from being a formula."""
    return cell[1:] if _GUARDED.match(cell) else cell


def csv_lines(rows: Iterable[Sequence[str]], separator: str, *, guard: bool = True) -> Iterator[bytes]:
    """CSV as the wire has it: every cell quoted and guarded, lines end with LF; in blocks of bytes.

    `guard` False keeps the cells as they are: for files that are to be imported again.
    """
    lines = _Lines()
    writer = csv.writer(lines, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for number, row in enumerate(rows, 1):
        writer.writerow([guarded(cell) for cell in row] if guard else row)
        if number % _BLOCK_ROWS == 0:
            yield lines.take()
    yield lines.take()
