"""The one write path: plan a batch, apply what can be applied, say what became of each row.

`plan` decides (reads per batch, writes nothing); `apply` writes (set-based). REST calls `write`, a batch where
all or nothing is done; the importer calls `write_each`, where a bad row costs only itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Generic, TypeVar

from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from psycopg2.errors import DeadlockDetected

from biobank.access import Actor
from biobank.batch.fitting import misfits
from biobank.batch.reasons import Traces, Trail, Untraceable
from biobank.records import stamp
from biobank.wire.constraints import problem_of
from biobank.wire.errors import INVALID_REQUEST, Code, Problem, Refused

D = TypeVar("D")
P = TypeVar("P")

ATTEMPTS = 3  # of a write that the database stops because of a deadlock
FEW = 4  # runs of different reasons that are written one by one
UNFIT = Code("COMMON_UNFIT_VALUE", "A value does not fit its column: {reason}")


@dataclass(frozen=True, slots=True)
class Change(Generic[D]):
    """One row of a batch: the detail that was sent, and the record it updates (None: create)."""

    detail: D
    pk: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a plan says of a row that must not be applied."""

    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Outcome:
    """What became of one row: the record's key, or the problems (then nothing of it was written)."""

    pk: int | None = None
    problems: tuple[Problem, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not self.problems


_wary: set[str] = set()  # doors whose last batch held values that do not fit: where one is, more follow


class _Unfit(Exception):
    """Rows of a batch that do not fit, by their place, and why."""

    def __init__(self, rows: dict[int, str]) -> None:
        self.rows = rows
        super().__init__(len(rows))


@dataclass(frozen=True)
class Door(Generic[D, P]):
    """The write path of one kind of record.

    `plan(changes, actor)` answers one plan or `Refusal` per change, in order; rows of a batch see each other.
    `apply(plans, actor)` writes them all and answers their primary keys, in order. `cut` parts a batch of which
    some rows need those before them to be stored. `traces` says what a row leaves in the history: then many rows of
    different reasons are written at once.
    """

    name: str
    plan: Callable[[Sequence[Change[D]], Actor], Sequence[P | Refusal]]
    apply: Callable[[Sequence[P], Actor], Sequence[int]]
    cut: Callable[[Sequence[Change[D]]], Iterable[Sequence[Change[D]]]] | None = None
    traces: Traces | None = None

    def write(self, changes: Sequence[Change[D]], actor: Actor) -> list[int]:
        """Write all rows or none. Raises `Refused` with the problems of every refused row.

        Of two writers that wait for each other the database stops one, with nothing written: it tries again.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._write(changes, actor)
            except (IntegrityError, DataError) as error:
                raise Refused(_problem(error)) from error
            except OperationalError as error:
                again = attempt + 1 < ATTEMPTS and not connection.in_atomic_block
                if not (again and isinstance(error.__cause__, DeadlockDetected)):
                    raise
        raise AssertionError("not reached")

    def _write(self, changes: Sequence[Change[D]], actor: Actor) -> list[int]:
        with transaction.atomic():
            problems: list[Problem] = []
            keys: list[int] = []
            for reason, run in self._runs(changes):
                stamp(actor, reason=reason)
                plans: list[P] = []
                for planned in self.plan(run, actor):
                    if isinstance(planned, Refusal):
                        problems.extend(planned.problems)
                    else:
                        plans.append(planned)
                if not problems:
                    keys.extend(self.apply(plans, actor))
            if problems:
                raise Refused(*problems)
            return keys

    def write_one(self, detail: D, actor: Actor, pk: int | None = None) -> int:
        """A batch of one."""
        return self.write([Change(detail, pk)], actor)[0]

    def write_each(self, changes: Sequence[Change[D]], actor: Actor) -> list[Outcome]:
        """Write every row that can be written; must run inside the caller's transaction.

        When the database refuses a batch, all rows whose values do not fit are left out at once. What else it refuses
        is searched for by halving, in savepoints: each half sees what the rows before it wrote, as row by row.
        """
        outcomes: list[Outcome] = []
        runs = list(self._runs(changes))
        if self.traces is not None and len(runs) > FEW:
            try:
                return self._at_once(self.traces, changes, actor)
            except Untraceable:
                pass  # nothing of it is written
        for reason, run in runs:
            stamp(actor, reason=reason)
            outcomes += self._halved(run, actor)
        return outcomes

    def _at_once(self, traces: Traces, changes: Sequence[Change[D]], actor: Actor) -> list[Outcome]:
        """Write rows of many reasons as if they had none, then tell the history. Raises `Untraceable`."""
        outcomes: list[Outcome] = []
        with transaction.atomic():
            trail = Trail(traces, actor)
            for _, run in self._runs([_without_reason(change) for change in changes]):
                outcomes += self._halved(run, actor)
            both = zip(changes, outcomes, strict=True)
            trail.explain([(each.pk, _reason(change)) for change, each in both if each.pk is not None])
        return outcomes

    def _halved(self, run: Sequence[Change[D]], actor: Actor) -> list[Outcome]:
        """Write a run; one that is refused as a whole is written in two halves, down to single rows."""
        plans: list[Any] = []
        try:
            with transaction.atomic():
                return self._plan_and_apply(run, actor, plans)
        except Refused as refused:
            problems = refused.problems
        except _Unfit as error:
            return self._without(error.rows, run, actor)
        except DataError as error:
            problems = (_problem(error),)
            if len(run) > 1 and (unfit := misfits(plans)):
                return self._without(unfit, run, actor)
        except IntegrityError as error:
            problems = (_problem(error),)
        if len(run) == 1:
            return [Outcome(problems=problems)]
        middle = len(run) // 2
        return self._halved(run[:middle], actor) + self._halved(run[middle:], actor)

    def _look_before(self, plans: Sequence[P | Refusal]) -> None:
        """Spare the database what it would refuse, as long as such rows keep coming."""
        unfit = misfits(plans)
        if unfit:
            raise _Unfit(unfit)
        _wary.discard(self.name)

    def _without(self, unfit: dict[int, str], run: Sequence[Change[D]], actor: Actor) -> list[Outcome]:
        """Write all but the rows that do not fit."""
        rest = [change for place, change in enumerate(run) if place not in unfit]
        _wary.discard(self.name)  # these were looked at
        written = iter(self._halved(rest, actor) if rest else ())
        _wary.add(self.name)
        return [
            Outcome(problems=(UNFIT(reason=unfit[place]),)) if place in unfit else next(written)
            for place in range(len(run))
        ]

    def _runs(self, changes: Sequence[Change[D]]) -> Iterator[tuple[str | None, Sequence[Change[D]]]]:
        """The batch cut where the reason given with the rows changes: each reason is kept with its own rows."""
        for reason, rows in groupby(changes, _reason):
            run = list(rows)
            for part in self.cut(run) if self.cut is not None else (run,):
                yield reason, part

    def _plan_and_apply(
        self, changes: Sequence[Change[D]], actor: Actor, kept: list[Any] | None = None
    ) -> list[Outcome]:
        """One plan and its application; `kept` takes the plans, for those who want to know why it failed."""
        outcomes: list[Outcome] = []
        plans: list[P] = []
        places: list[Outcome] = []
        found = self.plan(changes, actor)
        if kept is not None:
            kept.extend(found)
            if len(found) > 1 and self.name in _wary:
                self._look_before(found)
        for planned in found:
            outcome = Outcome()
            if isinstance(planned, Refusal):
                outcome.problems = planned.problems
            else:
                plans.append(planned)
                places.append(outcome)
            outcomes.append(outcome)
        if plans:
            for outcome, pk in zip(places, self.apply(plans, actor), strict=True):
                outcome.pk = pk
            # References are checked when the transaction ends, too late to tell which row was wrong.
            connection.check_constraints()
        return outcomes


def _reason(change: Change[Any]) -> str | None:
    return getattr(change.detail, "op_comments", None) or None


def _without_reason(change: Change[Any]) -> Change[Any]:
    if _reason(change) is None:
        return change
    return replace(change, detail=change.detail.model_copy(update={"op_comments": None}))


def _problem(error: IntegrityError | DataError) -> Problem:
    """What the database refused, without repeating the row (it may be PHI)."""
    if isinstance(error, IntegrityError):
        found = problem_of(error)
        if found is not None:
            return found
        return INVALID_REQUEST(reason="the database refused the record")
    diagnosis = getattr(error.__cause__, "diag", None)
    return UNFIT(reason=getattr(diagnosis, "message_primary", None) or "out of range")
