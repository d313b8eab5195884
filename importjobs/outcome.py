"""What went wrong with a row, as it is kept: which column, which value, what was expected there.

A cell mistake knows its column. For a problem of a door it is the column that declares the code, else the one whose
cell equals a value that the problem names, if there is exactly one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biobank.batch.schema import Column, Items
from biobank.wire.errors import Problem
from importjobs.building import Mistake
from importjobs.cells import Formats, hint_of
from importjobs.errors import PARSE_ERROR
from importjobs.header import Place, Tree, places
from importjobs.leaves import leaves
from importjobs.models import Failure

# Caps of what is kept of one row
_MESSAGE = 4000
_ONE_MESSAGE = 1000
_VALUE = 255
_PROBLEMS = 20

Kept = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row of a chunk that cannot stay: the message of its object, and the problems of its own."""

    code: str
    message: str
    problems: list[Kept]

    def failure(self, job_id: int, row: int, number: int) -> Failure:
        return Failure(
            job_id=job_id,
            row=row,
            number=number,
            code=self.code[:64],
            message=self.message[:_MESSAGE],
            problems=self.problems,
        )


def text_of(problems: Iterable[Problem]) -> str:
    """The message of a row: its problems, joined as documented (spec 04 §2.10)."""
    return ", ".join(problem.message for problem in problems)


class Explainer:
    """Tells what a row's problems are about; made once for a file."""

    def __init__(self, items: Items, tree: Tree, formats: Formats) -> None:
        self._formats = formats
        self._places = sorted((place for place, _ in places(tree)), key=lambda place: place.index)
        self._by_code: dict[str, list[Place]] = {}
        for place in self._places:
            for code in place.column.codes:
                self._by_code.setdefault(code, []).append(place)
        self._absent: dict[str, tuple[str, Column]] = {}
        for leaf in leaves(items):
            for code in leaf.column.codes:
                self._absent.setdefault(code, (leaf.caption, leaf.column))

    def unreadable(self, rows: Sequence[Sequence[Mistake]]) -> list[Wrong]:
        """An object with cells that cannot be read: the mistakes of each of its rows."""
        text = ", ".join(mistake.text for mistakes in rows for mistake in mistakes)
        return [
            Wrong(PARSE_ERROR.code, text, [_of(mistake) for mistake in mistakes[:_PROBLEMS]])
            for mistakes in rows
        ]

    def refused(self, problems: Sequence[Problem], rows: Sequence[Sequence[str]]) -> list[Wrong]:
        """An object that the rules or the database do not take. Its problems stand with its first row, but for those
        that name a cell of another one."""
        code, text = problems[0].code, text_of(problems)
        found = [Wrong(code, text, []) for _ in rows]
        for problem in problems[:_PROBLEMS]:
            place = self._row_of(problem, rows) if len(rows) > 1 else 0
            found[place].problems.append(self._explained(problem, rows[place]))
        return found

    def _row_of(self, problem: Problem, rows: Sequence[Sequence[str]]) -> int:
        named = {value for value in problem.values if value}
        indexes = [place.index for place in self._places]
        return next((at for at, row in enumerate(rows) if any(row[index] in named for index in indexes)), 0)

    def _explained(self, problem: Problem, row: Sequence[str]) -> Kept:
        place = self._place(problem, row)
        if place is not None:
            return _kept(
                problem.code, problem.message, place.caption, row[place.index], self._hint(place.column)
            )
        if problem.code in self._absent:  # the file lacks the column
            caption, column = self._absent[problem.code]
            return _kept(problem.code, problem.message, caption, "", self._hint(column))
        return _kept(problem.code, problem.message, None, "", "")

    def _place(self, problem: Problem, row: Sequence[str]) -> Place | None:
        candidates = self._by_code.get(problem.code)
        if candidates:
            return (
                next((place for place in candidates if row[place.index] in problem.values), None)
                or next((place for place in candidates if row[place.index]), None)
                or candidates[0]
            )
        named = {value for value in problem.values if value}
        same = [place for place in self._places if row[place.index] in named] if named else []
        return same[0] if len(same) == 1 else None

    def _hint(self, column: Column) -> str:
        return hint_of(column, self._formats)


def _of(mistake: Mistake) -> Kept:
    hint = mistake.hint or "cells that together make a record of this kind"
    return _kept(PARSE_ERROR.code, mistake.text, mistake.caption, mistake.value, hint)


def _kept(code: str, message: str, column: str | None, value: str, hint: str) -> Kept:
    return {
        "code": code,
        "message": message[:_ONE_MESSAGE],
        "column": column,
        "value": value[:_VALUE],
        "hint": hint,
    }
