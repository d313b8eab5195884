"""Who may see which registrations, and whose names (spec 01 §D.7)."""

from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.participant.models import Registration
from specimens.participant.reads.mrn_sites import beyond, is_restricted, reachable
from specimens.participant.rules import NOT_FOUND
from specimens.protocol.reads import allowed_among, protocols_for

PHI, DEID, CONSENT = "ParticipantPhi", "ParticipantDeid", "Consent"


def known_registrations() -> QuerySet[Registration]:
    """Registrations that were not deleted, nor their protocol or participant."""
    return Registration.objects.exclude(
        Q(activity_status="Disabled")
        | Q(protocol__activity_status="Disabled")
        | Q(participant__activity_status="Disabled")
    )


def registrations_for(actor: Actor, *operations: str) -> QuerySet[Registration]:
    """The registrations with which the caller may do one of `operations` (none named: read, with or without PHI).

    The one behind a specimen-centric protocol stays hidden.
    """
    rows = known_registrations().exclude(protocol__specimen_centric=True)
    if actor.is_super:
        return rows
    if is_restricted(actor):
        grants = actor.grants_for(PHI, *(operations or ("Read",)))
        grants += [] if operations else actor.grants_for(DEID, "Read")
        return rows.filter(reachable(actor, grants)).exclude(protocol__activity_status="Disabled")
    if operations:
        return rows.filter(protocol__in=protocols_for(actor, PHI, *operations))
    readable = Q(protocol__in=protocols_for(actor, PHI, "Read"))
    if actor.has_any(DEID, "Read"):
        readable |= Q(protocol__in=protocols_for(actor, DEID, "Read"))
    return rows.filter(readable)


def consents_for(actor: Actor) -> QuerySet[Registration]:
    """The registrations whose consents the caller may read."""
    rows = known_registrations().exclude(protocol__specimen_centric=True)
    if actor.is_super:
        return rows
    if is_restricted(actor):
        return rows.filter(reachable(actor, actor.grants_for(CONSENT, "Read")))
    return rows.filter(protocol__in=protocols_for(actor, CONSENT, "Read"))


def phi_protocols(actor: Actor, protocol_ids: Iterable[int]) -> set[int]:
    """Those of the protocols whose participants the caller may see by name; no query for super users."""
    return allowed_among(actor, protocol_ids, PHI, "Read")


def writable(actor: Actor, protocol_ids: Iterable[int], resource: str, *operations: str) -> set[int]:
    """Those of the protocols in which the caller may write; an import needs `Export Import` too (spec 04 §2.6)."""
    found = allowed_among(actor, protocol_ids, resource, *operations)
    if actor.via == "import":
        found = allowed_among(actor, found, resource, "Export Import")
    return found


def registration(actor: Actor, pk: int, resource: str | None = None, *operations: str) -> Registration:
    """The registration a path addresses, `protocol` loaded; by default for reading.

    Raises CPR_M_NOT_FOUND, then RBAC_ACCESS_DENIED: existence is looked at first.
    """
    found = known_registrations().select_related("protocol").filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND.missing(key=pk))
    asked = ((PHI, ("Read",)), (DEID, ("Read",))) if resource is None else ((resource, operations),)
    if not any(_reaches(actor, found, kind, ops) for kind, ops in asked):
        raise Refused(ACCESS_DENIED())
    return found


def _reaches(actor: Actor, row: Registration, resource: str, operations: Sequence[str]) -> bool:
    return bool(allowed_among(actor, [row.protocol_id], resource, *operations)) and not beyond(
        actor, [row.pk], resource, *operations
    )
