"""Turns the first sheet of a workbook into CSV: a program of its own, within limits (importjobs/spreadsheets.py).

A workbook of some kilobytes can claim a cell in its last row and column, for which the reader would take all the
memory there is and abort: that must not happen in a server. Django is not imported, to start at once.

    python -I spreadsheet_child.py WORKBOOK LARGEST_BYTES MEMORY_BYTES SECONDS DAY_FORMAT MOMENT_FORMAT ZONE

writes the CSV to its output, which is a file. Exit status 3: the error output tells why it cannot; 4: the disk is full.
"""

import csv
import errno
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import python_calamine

if __name__ == "__main__":  # isolated from the environment, so it does not know where this project is
    sys.path.insert(0, str(Path(__file__).parents[1]))

from biobank.tabular.patterns import compile_pattern

UNREADABLE, FULL = 3, 4
NO_SPACE = errno.ENOSPC


Write = Callable[[datetime], str]


def main(
    workbook: str, largest: str, memory: str, seconds: str, day_format: str, moment_format: str, zone: str
) -> int:
    """Convert within the limits given; answers the exit status."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for limit, most in (
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, "0"),
    ):
        resource.setrlimit(limit, (int(most), int(most)))
    try:
        with open(1, "w", encoding="utf-8", newline="", closefd=False) as file:
            _convert(workbook, file, _writer(day_format, moment_format, zone))
    except OSError as error:
        sys.stderr.write("it is too large" if error.errno == errno.EFBIG else type(error).__name__)
        return FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else UNREADABLE
    except (python_calamine.CalamineError, ValueError, MemoryError) as error:
        sys.stderr.write(str(error) or type(error).__name__)
        return UNREADABLE
    return 0


def _writer(day_format: str, moment_format: str, zone: str) -> Write:
    """Dates in the formats of the job; midnight goes without saying."""
    day, moment, where = compile_pattern(day_format), compile_pattern(moment_format), ZoneInfo(zone)

    @lru_cache(4096)
    def write(value: datetime) -> str:
        return (day if value.time() == time() else moment).written(value.replace(tzinfo=where))

    return write


def _convert(workbook: str, file: TextIO, write: Write) -> None:
    with python_calamine.CalamineWorkbook.from_path(workbook) as book:
        sheet = book.get_sheet_by_index(0)
        csv.writer(file, lineterminator="\n").writerows(_without_blank_end(sheet.iter_rows(), write))


def _without_blank_end(rows: Iterable[Sequence[object]], write: Write) -> Iterator[list[str]]:
    blank = 0
    for row in rows:
        cells = [_text(cell, write) for cell in row]
        while cells and not cells[-1].strip():
            cells.pop()
        if not cells:
            blank += 1
            continue
        for _ in range(blank):
            yield []
        blank = 0
        yield cells


def _text(value: object, write: Write) -> str:
    """A cell as people would type it into a CSV."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return write(value)
    if isinstance(value, date):
        return write(datetime.combine(value, time()))
    if isinstance(value, time):
        return value.isoformat("seconds" if value.second else "minutes")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return format(Decimal(repr(value)), "f").removesuffix(".0")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
