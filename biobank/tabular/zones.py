"""The time zone in which the cells of a file are written."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from biobank.access import Actor
from biobank.wire.dates import server_zone


def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of that name, None when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def default_zone(actor: Actor, client_zone: str | None) -> str:
    """The zone of the user, else of the client (when it is one), else of the server (spec 01 §A.2)."""
    if actor.time_zone and actor.time_zone != "UTC":
        return actor.time_zone
    if client_zone and find_zone(client_zone) is not None:
        return client_zone
    return server_zone().key
