"""Years as tokens print them: in the server's zone."""

from datetime import datetime

from django.utils import timezone

from biobank.wire.dates import server_zone
from specimens.protocol.labels.values import LabelValues


def _year(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(server_zone()).year:04d}"


def visit_year(values: LabelValues) -> str | None:
    return _year(values.visit_date)


def collection_year(values: LabelValues) -> str | None:
    """The year in which the primary specimen was collected, if that is known."""
    return _year(values.collected_at or values.root.collected_at)


def primary_year(values: LabelValues) -> str | None:
    """The year of the primary ancestor's collection, else of its creation, else this year."""
    root = values.root
    return _year(root.collected_at or root.created_at or timezone.now())
