"""Workbooks (XLSX) as input: their first sheet becomes CSV, in the formats of the job."""

import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from biobank.files import published
from importjobs import spreadsheet_child
from importjobs.cells import Formats
from importjobs.errors import Malformed
from importjobs.uploads import space_needed

_MEMORY = 2_000_000_000  # bytes the program that reads a workbook may take
_SECONDS = 120


def as_csv(workbook: Path, formats: Formats) -> Path:
    """The first sheet as CSV beside the workbook, made once for each way to write dates. Raises `Malformed`."""
    written = (formats.day.text, formats.moment.text, formats.zone.key)
    name = sha256("\0".join(written).encode()).hexdigest()[:16]
    target = workbook.with_name(f"sheet-{name}.csv")
    if not target.exists():
        with space_needed(), published(target) as file:
            _convert(workbook, file.fileno(), written)
    return target


def _convert(workbook: Path, output: int, written: Sequence[str]) -> None:
    limits = [str(number) for number in (settings.MAX_UPLOAD_BYTES, _MEMORY, _SECONDS)]
    program = [sys.executable, "-I", str(spreadsheet_child.__file__)]
    try:
        done = subprocess.run(  # noqa: S603
            [*program, str(workbook), *limits, *written],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, timeout=2 * _SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Malformed("the spreadsheet takes too long to read") from None
    if done.returncode == spreadsheet_child.FULL:
        raise OSError(spreadsheet_child.NO_SPACE, "no space left")
    if done.returncode == spreadsheet_child.UNREADABLE:
        raise Malformed(
            f"the spreadsheet cannot be read: {done.stderr.decode(errors='replace').strip()[-200:]}"
        )
    if done.returncode:
        raise Malformed("the spreadsheet is damaged, or its first sheet is far too large")
