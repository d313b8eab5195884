"""Visits and specimens for tests: made through the doors, with sensible defaults."""

from datetime import UTC, date, datetime
from typing import Any

from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api

NINE = datetime(2024, 3, 12, 9, 15, tzinfo=UTC)


def visit(of: CollectionProtocol | None = None, event: Event | None = None, **more: Any) -> Visit:
    """A complete visit of a new participant on 12 March 2024, 9:15 UTC."""
    protocol = of or studies.protocol()
    registration = Registration.objects.create(
        protocol=protocol,
        participant=Participant.objects.create(),
        ppid=more.pop("ppid", None) or f"P{factories.number()}",
        registration_date=date(2024, 3, 11),
    )
    return Visit.objects.create(
        registration=registration,
        protocol=protocol,
        event=event,
        name=more.pop("name", None) or f"V{factories.number()}",
        visit_date=more.pop("visit_date", NINE),
        **more,
    )


def requirement(of: Event, **more: Any) -> Requirement:
    """A planned whole blood tube, unless told otherwise."""
    values = {"specimen_class": "Fluid", "type": "Whole Blood", "storage_type": "Manual", **more}
    return Requirement.objects.create(event=of, **values)


def body(at: Visit, label: str | None = None, **more: Any) -> dict[str, Any]:
    """What a client posts to save a primary specimen."""
    return {
        "visitId": at.pk,
        "label": f"S{factories.number()}" if label is None else label,
        "specimenClass": "Fluid",
        "type": "Plasma",
        "initialQty": 10,
        **more,
    }


def saved(api: Api, at: Visit, label: str | None = None, **more: Any) -> Any:
    """A primary specimen, saved over REST; the answer's JSON."""
    answer = api.post("/specimens", body(at, label, **more))
    assert answer.status in (200, 201), answer.json
    return answer.json


def stored(found: dict[str, Any]) -> Specimen:
    """The row behind an answer."""
    return Specimen.objects.get(pk=found["id"])
