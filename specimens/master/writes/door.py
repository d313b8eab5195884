"""The door of the master table: rows in rounds, each as if it were alone (spec 04 §5.16)."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from biobank.access import Actor
from biobank.batch.door import Change, Door, Outcome, Refusal
from biobank.wire.errors import Refused
from specimens.master.detail import MasterDetail
from specimens.master.writes.alone import write_alone
from specimens.master.writes.groups import take
from specimens.master.writes.links import link
from specimens.master.writes.rounds import Round
from specimens.master.writes.rows import Row, row_of
from specimens.participant.reads import writable
from specimens.participant.reads.scopes import PHI
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import protocols_by_short_title


class MasterDoor(Door[MasterDetail, Change[MasterDetail]]):
    """Its records belong to other doors, so it plans and applies in one go."""

    def _plan_and_apply(
        self, changes: Sequence[Change[MasterDetail]], actor: Actor, kept: list[Any] | None = None
    ) -> list[Outcome]:
        now, zone = timezone.now(), ZoneInfo(actor.time_zone)
        rows = [row_of(place, change.detail, actor, now) for place, change in enumerate(changes)]
        outcomes = [Outcome() for _ in rows]
        if len(rows) == 1:
            outcomes[0] = _alone(rows[0], actor, zone)
            return outcomes
        protocols = protocols_by_short_title({row.title for row in rows if row.title and row.primary})
        merges = _may_merge(protocols, actor)
        link(rows, protocols)
        while rows:
            batch, waiting = take(rows, zone, merges=merges)
            round_ = Round(batch, actor, zone)
            round_.run()
            for row in batch.rows:
                if row.alone:
                    row.alone = False
                    outcomes[row.place] = _alone(row, actor, zone)
                elif row.later:
                    row.later, row.pk = False, None
                    waiting.append(row)
                else:
                    key = None if row.problems else round_.key(row)
                    outcomes[row.place] = Outcome(key, row.problems)
            rows = sorted(waiting, key=lambda row: row.place)
        connection.check_constraints()
        return outcomes


def _alone(row: Row, actor: Actor, zone: ZoneInfo) -> Outcome:
    row.problems, row.pk = (), None
    try:
        with transaction.atomic():
            return Outcome(write_alone(row, actor, zone))
    except Refused as refused:
        return Outcome(problems=refused.problems)


def _may_merge(protocols: dict[str, CollectionProtocol], actor: Actor) -> bool:
    """Whether a second row of a new registration could change it: who may only create them may not."""
    if actor.is_super:
        return True
    found = {one.pk for one in protocols.values()}
    return writable(actor, found, PHI, "Update") == found


def _plan(changes: Sequence[Change[MasterDetail]], actor: Actor) -> list[Change[MasterDetail] | Refusal]:
    """What would become of each row: they are written and taken back."""
    with transaction.atomic():
        outcomes = MASTER.write_each(changes, actor)
        transaction.set_rollback(True)
    return [
        change if outcome.ok else Refusal(outcome.problems)
        for change, outcome in zip(changes, outcomes, strict=True)
    ]


def _apply(plans: Sequence[Change[MasterDetail]], actor: Actor) -> list[int]:
    """Write what `_plan` found good."""
    outcomes = MASTER.write_each(plans, actor)
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    if problems:
        raise Refused(*problems)
    return [outcome.pk or 0 for outcome in outcomes]


MASTER: Door[MasterDetail, Change[MasterDetail]] = MasterDoor("master specimen", _plan, _apply)
