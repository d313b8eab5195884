"""Failures of a transaction that may be undone: kept beside it, and stored once it has ended."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from importjobs.models import Failure

_IN_MEMORY = 4_000_000  # bytes; a temporary file takes what goes beyond
_BLOCK = 2000


class Spill:
    """Takes failures and gives them back in order, in constant memory."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, failures: Sequence[Failure]) -> None:
        for found in failures:
            fields = (found.job_id, found.row, found.number, found.code, found.message, found.problems)
            self._file.write(json.dumps(fields) + "\n")

    def blocks(self) -> Iterator[list[Failure]]:
        """All failures again, some thousands at a time."""
        self._file.seek(0)
        names = ("job_id", "row", "number", "code", "message", "problems")
        while lines := list(islice(self._file, _BLOCK)):
            yield [Failure(**dict(zip(names, json.loads(line), strict=True))) for line in lines]
