"""Counts that the writes keep: as many as there are, whatever was done and in whatever way."""

from typing import Any

import pytest
from django.db import connection

from biobank import tallies
from biobank.tallies.models import Tally
from specimens.participant.models import Registration
from specimens.specimen.models import Specimen
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api

pytestmark = pytest.mark.django_db


def shown(api: Api, protocol: Any) -> tuple[int, int]:
    """What the list of protocols says: participants and specimens."""
    rows = api.get(f"/collection-protocols?detailedList=true&query={protocol.short_title}").json
    return rows[0]["participantCount"], rows[0]["specimenCount"]


def stored(protocol: Any) -> tuple[int, int]:
    registrations = Registration.objects.filter(protocol=protocol).exclude(activity_status="Disabled")
    specimens = Specimen.objects.filter(protocol=protocol, status="Collected")
    return registrations.count(), specimens.exclude(activity_status="Disabled").count()


def test_the_counts_of_a_protocol_follow_every_kind_of_write(api: Api) -> None:
    protocol, other = studies.protocol(), studies.protocol()
    registration = studies.registration(protocol)
    visit = studies.visit(registration)
    first, second = cast.saved(api, visit), cast.saved(api, visit)
    assert shown(api, protocol) == (1, 2) == stored(protocol)

    api.put(f"/specimens/{first['id']}", {"status": "Missed Collection"})
    assert shown(api, protocol) == (1, 1) == stored(protocol)

    api.delete(f"/specimens?id={second['id']}")
    assert shown(api, protocol) == (1, 0) == stored(protocol)

    third = cast.saved(api, visit)
    with connection.cursor() as cursor:  # by hand, past all doors
        cursor.execute("UPDATE specimen_specimen SET protocol_id = %s WHERE id = %s", [other.pk, third["id"]])
    assert (shown(api, protocol), shown(api, other)) == ((1, 0), (0, 1))

    Specimen.objects.filter(pk=third["id"]).delete()
    assert shown(api, other) == (0, 0)

    api.delete(f"/collection-protocol-registrations/{registration.pk}?forceDelete=true")
    assert shown(api, protocol) == (0, 0) == stored(protocol)


def test_folding_keeps_the_counts_and_leaves_one_row_each(api: Api) -> None:
    protocol = studies.protocol()
    visit = studies.visit(studies.registration(protocol))
    made = [cast.saved(api, visit) for _ in range(4)]
    api.delete(f"/specimens?id={made[0]['id']}")
    of_protocol = Tally.objects.filter(kind="specimen", key=protocol.pk)
    assert of_protocol.count() == 5

    tallies.fold()

    assert of_protocol.count() == 1
    assert shown(api, protocol) == (1, 3)

    for one in made[1:]:
        api.delete(f"/specimens?id={one['id']}")
    tallies.fold()

    assert not of_protocol.exists()
    assert shown(api, protocol) == (1, 0)


def test_what_was_there_before_is_counted_once(api: Api) -> None:
    protocol = studies.protocol()
    cast.saved(api, studies.visit(studies.registration(protocol)))
    Tally.objects.all().delete()  # as before there were tallies

    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(
                tallies.first_count(
                    "specimen", "specimen_specimen", by="protocol_id",
                    where="status = 'Collected' AND activity_status <> 'Disabled'",
                )
            )  # fmt: skip

    assert tallies.totals("specimen", [protocol.pk]) == {protocol.pk: 1}
