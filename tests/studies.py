"""Protocols with sites and events, made directly, and bodies of registrations and visits for them."""

from datetime import UTC, date, datetime
from typing import Any

from sessions_auth.models import User
from sites.models import Site
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol, Event, ProtocolSite
from specimens.visit.models import Visit
from tests import factories


def protocol(
    short_title: str | None = None, *, at: list[Site] | None = None, **more: Any
) -> CollectionProtocol:
    """A protocol at the given sites (or one of its own)."""
    name = short_title or f"CP {factories.number()}"
    found = CollectionProtocol.objects.create(
        title=more.pop("title", f"The study {name}"),
        short_title=name,
        principal_investigator=User.objects.get(login_name="admin"),
        **more,
    )
    for site in at if at is not None else [factories.site()]:
        ProtocolSite.objects.create(protocol=found, site=site)
    return found


def event(of: CollectionProtocol, label: str = "Baseline", point: int | None = 0, **more: Any) -> Event:
    unit = more.pop("unit", "DAYS") if point is not None else None
    return Event.objects.create(protocol=of, label=label, point=point, point_unit=unit, **more)


def registration_body(of: CollectionProtocol, ppid: str | None = None, **more: Any) -> dict[str, Any]:
    """What a client posts to register somebody."""
    body: dict[str, Any] = {
        "cpId": of.pk,
        "ppid": ppid or f"P-{factories.number()}",
        "registrationDate": "2024-03-11",
        "participant": {},
    }
    return {**body, **more}


def registration(of: CollectionProtocol, ppid: str | None = None, **more: Any) -> Registration:
    """An anonymous participant, registered on 11 March 2024."""
    return Registration.objects.create(
        protocol=of,
        participant=Participant.objects.create(),
        ppid=ppid or f"P-{factories.number()}",
        **{"registration_date": date(2024, 3, 11), **more},
    )


def visit(of: Registration, name: str | None = None, **more: Any) -> Visit:
    return Visit.objects.create(
        registration=of,
        protocol=of.protocol,
        name=name or f"V-{factories.number()}",
        **{"status": "Complete", "visit_date": datetime(2024, 3, 12, 9, 15, tzinfo=UTC), **more},
    )
