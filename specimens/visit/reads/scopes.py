"""Who may see which visits, and looking them up (spec 01 §D.7)."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.participant.reads.mrn_sites import beyond, is_restricted, reachable
from specimens.protocol.reads import allowed_among, protocols_for
from specimens.visit.models import Visit
from specimens.visit.rules import NOT_FOUND

VISIT = "Visit"


def known_visits() -> QuerySet[Visit]:
    """Visits that were not deleted, nor their registration."""
    return Visit.objects.exclude(Q(activity_status="Disabled") | Q(registration__activity_status="Disabled"))


def visits_for(actor: Actor, *operations: str) -> QuerySet[Visit]:
    """The visits with which the caller may do one of `operations` (none named: read).

    The one behind a specimen-centric protocol stays hidden.
    """
    rows = known_visits().exclude(protocol__specimen_centric=True)
    if actor.is_super:
        return rows
    if is_restricted(actor):
        grants = actor.grants_for(VISIT, *(operations or ("Read",)))
        return rows.filter(reachable(actor, grants, "registration__")).exclude(
            protocol__activity_status="Disabled"
        )
    return rows.filter(protocol__in=protocols_for(actor, VISIT, *(operations or ("Read",))))


def visits_by_name(names: Iterable[str | None]) -> dict[str, Visit]:
    """Visits that were not deleted, by name; one query."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    return {row.name: row for row in known_visits().filter(name__in=wanted)}


def visit(actor: Actor, pk: int, *operations: str) -> Visit:
    """The visit a path addresses, `protocol` loaded.

    Raises VISIT_NOT_FOUND, then RBAC_ACCESS_DENIED: existence is looked at first.
    """
    found = known_visits().select_related("protocol").filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND.missing(key=pk))
    asked = operations or ("Read",)
    allowed = allowed_among(actor, [found.protocol_id], VISIT, *asked)
    if not allowed or beyond(actor, [found.registration_id], VISIT, *asked):
        raise Refused(ACCESS_DENIED())
    return found
