"""What the one write path does when writers get into each other's way."""

import contextlib
from collections.abc import Sequence
from threading import Barrier, BrokenBarrierError, Thread

from django.db import connection

from biobank.access import Actor
from biobank.batch.door import Change, Door
from sites.models import Institute
from tests import factories


def test_of_two_writers_that_wait_for_each_other_both_get_done(committed: object) -> None:
    rows = [Institute.objects.create(name=name).pk for name in ("First", "Second")]
    both_hold_one = Barrier(2)
    applied: list[list[int]] = []

    def plan(changes: Sequence[Change[list[int]]], actor: Actor) -> list[list[int]]:
        return [change.detail for change in changes]

    def apply(plans: Sequence[list[int]], actor: Actor) -> list[int]:
        applied.append(plans[0])
        first, second = plans[0]
        Institute.objects.filter(pk=first).update(name=f"First of {plans[0]}")
        with contextlib.suppress(BrokenBarrierError):  # the second attempt meets nobody
            both_hold_one.wait(timeout=5)
        both_hold_one.abort()
        Institute.objects.filter(pk=second).update(name=f"Second of {plans[0]}")
        return [first]

    door: Door[list[int], list[int]] = Door("both", plan, apply)
    found: dict[int, object] = {}

    def write(order: list[int]) -> None:
        try:
            found[order[0]] = door.write_one(order, factories.SYSTEM)
        except Exception as error:
            found[order[0]] = error
        finally:
            connection.close()

    threads = [Thread(target=write, args=(order,)) for order in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert found == {pk: pk for pk in rows}
    assert len(applied) == 3  # one of them twice
