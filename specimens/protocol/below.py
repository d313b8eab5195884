"""Where packages below join in deletes and merges of protocols: registrations, visits and specimens go with them.

A package below appends its functions once, when its app starts. Each is called inside the transaction of the
write, once for a batch, and must work set-based. The functions here ask about the packages below by name,
because nothing above may import them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Count, QuerySet

from biobank.access import Actor
from specimens.protocol.models import CollectionProtocol, Event

# Protocols (ids) are deleted by force: their registrations go with all that hangs below them.
deleted: list[Callable[[Sequence[int], Actor], None]] = []


@dataclass(frozen=True, slots=True)
class Merge:
    """Everything below `source` goes to `target`, visits to `event` of it (None: they become unplanned)."""

    source: CollectionProtocol
    target: CollectionProtocol
    event: Event | None


# Two protocols are merged: registrations move first, then visits, then specimens.
merged: list[Callable[[Merge, Actor], None]] = []


def registrations() -> QuerySet[Any]:
    """Registrations that were not deleted."""
    return _undeleted("participant", "Registration")


def visits() -> QuerySet[Any]:
    """Visits that were not deleted."""
    return _undeleted("visit", "Visit")


def specimens() -> QuerySet[Any]:
    """Specimens that were not deleted."""
    return _undeleted("specimen", "Specimen")


def consent_responses() -> QuerySet[Any]:
    """Responses of participants whose registration was not deleted."""
    rows: QuerySet[Any] = apps.get_model("participant", "ConsentResponse")._default_manager.all()
    return rows.exclude(registration__activity_status="Disabled")


def _undeleted(app: str, model: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model(app, model)._default_manager.all()
    return rows.exclude(activity_status="Disabled")


def counted(rows: QuerySet[Any], attribute: str, ids: Iterable[int]) -> dict[int, int]:
    """How many of the rows refer to each id through `attribute`; one query."""
    wanted = list(ids)
    if not wanted:
        return {}
    found = rows.filter(**{f"{attribute}__in": wanted}).order_by().values_list(attribute)
    return dict(found.annotate(n=Count("pk")))
