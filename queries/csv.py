"""The CSV of query results: preamble, header, and every cell in quotes (spec 05 §8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Preamble:
    """What stands above the header: who exported when, and the protocol the result is restricted to."""

    exported_by: str
    exported_on: str
    protocol: str | None = None

    def lines(self) -> list[tuple[str, str]]:
        found = [("Exported By", self.exported_by), ("Exported On", self.exported_on)]
        if self.protocol:
            found.append(("Collection Protocol", self.protocol))
        return [*found, ("", "")]


def header(file: BinaryIO, preamble: Preamble, labels: Sequence[str]) -> None:
    """Write everything that stands above the rows."""
    write_rows(file, [*preamble.lines(), labels])


def write_rows(file: BinaryIO, rows: Iterable[Sequence[str | None]], marker: str | None = None) -> None:
    """Write rows; null is nothing at all, and cells holding `marker` print `All`."""
    for row in rows:
        cells = ("All" if cell is not None and cell == marker else cell for cell in row)
        file.write((",".join(_quoted(cell) for cell in cells) + "\n").encode())


def _quoted(cell: str | None) -> str:
    return "" if cell is None else '"' + cell.replace('"', '""') + '"'
