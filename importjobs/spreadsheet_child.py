"""Turns the first sheet of a workbook into CSV: a program of its own, within limits (importjobs/spreadsheets.py).

A workbook of some kilobytes can claim a cell in its last row and column, for which the reader would take all the
memory there is and abort: that must not happen in a server. Only the standard library and the reader are imported.

    python -I spreadsheet_child.py WORKBOOK LARGEST_BYTES MEMORY_BYTES SECONDS DAY_FORMAT MOMENT_FORMAT

writes the CSV to its output, which is a file. Exit status 3: the error output tells why it cannot; 4: the disk is full.
"""

import csv
import errno
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TextIO

import python_calamine

UNREADABLE, FULL = 3, 4
NO_SPACE = errno.ENOSPC


def main(workbook: str, largest: str, memory: str, seconds: str, day_format: str, moment_format: str) -> int:
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
            _convert(workbook, file, day_format, moment_format)
    except OSError as error:
        sys.stderr.write("it is too large" if error.errno == errno.EFBIG else type(error).__name__)
        return FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else UNREADABLE
    except (python_calamine.CalamineError, ValueError, MemoryError) as error:
        sys.stderr.write(str(error) or type(error).__name__)
        return UNREADABLE
    return 0


def _convert(workbook: str, file: TextIO, day_format: str, moment_format: str) -> None:
    with python_calamine.CalamineWorkbook.from_path(workbook) as book:
        sheet = book.get_sheet_by_index(0)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(_without_blank_end(sheet.iter_rows(), day_format, moment_format))


def _without_blank_end(
    rows: Iterable[list[object]], day_format: str, moment_format: str
) -> Iterator[list[str]]:
    blank = 0
    for row in rows:
        cells = [_text(cell, day_format, moment_format) for cell in row]
        while cells and not cells[-1].strip():
            cells.pop()
        if not cells:
            blank += 1
            continue
        for _ in range(blank):
            yield []
        blank = 0
        yield cells


def _text(value: object, day_format: str, moment_format: str) -> str:
    """A cell as people would type it into a CSV."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.strftime(day_format if midnight else moment_format)
    if isinstance(value, date):
        return value.strftime(day_format)
    if isinstance(value, time):
        return value.isoformat("minutes" if not value.second else "seconds")
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
