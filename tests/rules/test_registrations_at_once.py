"""Two callers at once: each outcome is one that they could have had one after the other (spec 03 §0.7, §1.8)."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from django.db import connection, transaction

from biobank.wire.errors import Refused
from specimens.participant.detail import ParticipantDetail, RegistrationDetail
from specimens.participant.models import Participant, Registration
from specimens.participant.writes import REGISTRATIONS
from specimens.visit.models import Visit
from specimens.visit.writes import hidden_visits
from tests import factories, studies


def at_once(*calls: Callable[[], object]) -> list[Any]:
    """Start all calls together; answers what each returned or raised."""
    start = Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        try:
            start.wait(timeout=20)
            found[place] = calls[place]()
        except BaseException as error:
            found[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def test_callers_at_once_find_one_hidden_visit_and_no_pair_of_merges_loses_a_registration(
    committed: str,
) -> None:
    bank = studies.protocol("BANK", specimen_centric=True)

    def make() -> int:
        with transaction.atomic():
            return hidden_visits([bank], factories.SYSTEM)[bank.pk].pk

    found = at_once(make, make, make)
    assert found == [Visit.objects.get().pk] * 3
    assert (Participant.objects.count(), Registration.objects.count()) == (1, 1)

    here, there = studies.registration(studies.protocol()), studies.registration(studies.protocol())

    def merge(source: Registration, target: Registration) -> Callable[[], int]:
        detail = RegistrationDetail(participant=ParticipantDetail(id=target.participant_id))
        return lambda: REGISTRATIONS.write_one(detail, factories.SYSTEM, source.pk)

    ends = at_once(merge(here, there), merge(there, here))
    refusals = [end for end in ends if isinstance(end, BaseException)]
    assert all(isinstance(end, Refused) for end in refusals) and len(refusals) <= 1
    rows = Registration.objects.filter(pk__in=[here.pk, there.pk]).select_related("participant")
    assert {row.participant.activity_status for row in rows} == {"Active"}
    assert len({row.participant_id for row in rows}) == 1
