"""Which rows and which identifying fields a caller's queries may show (spec 05 §3.9, 01 §D.7)."""

from collections.abc import Iterable

from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet

from biobank.access import Actor, Grant
from biobank.wire.errors import ACCESS_DENIED, Refused
from queries.compiler import Visibility
from queries.errors import GROUP_NOT_FOUND, NOT_IN_GROUP
from queries.sql import Sql
from specimens.participant.models import Registration
from specimens.participant.reads.mrn_sites import is_restricted, reachable
from specimens.protocol.models import ProtocolGroup, ProtocolSite


def require(actor: Actor, resource: str, operation: str) -> None:
    """Raise `RBAC_ACCESS_DENIED` unless the caller has the operation on the resource somewhere."""
    if not actor.has_any(resource, operation):
        raise Refused(ACCESS_DENIED())


def visibility(actor: Actor, cp_id: int | None = None, cp_group_id: int | None = None) -> Visibility:
    """The caller's restrictions, narrowed to a protocol where one is named; `-1` names none.

    Raises `RBAC_ACCESS_DENIED` when nothing is left that the caller may read, `CP_GROUP_NOT_FOUND`, and
    `CP_GROUP_CP_NOT_IN_GRP` for a protocol outside the group.
    """
    require(actor, "Query", "Read")
    wanted = _wanted(None if cp_id == -1 else cp_id, None if cp_group_id == -1 else cp_group_id)
    if actor.is_super:
        return Visibility(rows=None if wanted is None else _among(wanted))
    phi = actor.grants_for("ParticipantPhi", "Read")
    readable = _protocols(actor, [*phi, *actor.grants_for("ParticipantDeid", "Read")])
    if wanted is not None:
        readable = readable.filter(protocol__in=wanted)
    if not readable.exists():
        raise Refused(ACCESS_DENIED())
    return Visibility(
        rows=_sub_select(readable),
        people=_people(actor),
        phi=_sub_select(_protocols(actor, phi)),
        admin=False,
    )


def readable_protocols(actor: Actor) -> Q:
    """A filter of collection protocols: those whose participants the caller may read."""
    if actor.is_super:
        return Q()
    grants = [*actor.grants_for("ParticipantPhi", "Read"), *actor.grants_for("ParticipantDeid", "Read")]
    return Q(pk__in=_protocols(actor, grants).values("protocol_id"))


def _protocols(actor: Actor, grants: Iterable[Grant]) -> QuerySet[ProtocolSite]:
    """The pairs of protocol and site that one of the grants covers."""
    covered = Q(pk__in=[])
    for grant in grants:
        pair = Q(site__institute=actor.institute_id) if grant.site_id is None else Q(site=grant.site_id)
        if grant.protocol_id is not None:
            pair &= Q(protocol=grant.protocol_id)
        covered |= pair
    return ProtocolSite.objects.filter(covered)


def _people(actor: Actor) -> Sql | None:
    """The registrations that record numbers leave to the caller; None where they do not restrict access."""
    if not is_restricted(actor):
        return None
    grants = [*actor.grants_for("ParticipantPhi", "Read"), *actor.grants_for("ParticipantDeid", "Read")]
    text, params = Registration.objects.filter(reachable(actor, grants)).values("pk").query.sql_with_params()
    return Sql(text, tuple(params))


def _sub_select(pairs: QuerySet[ProtocolSite]) -> Sql:
    try:
        text, params = pairs.values("protocol_id").query.sql_with_params()
    except EmptyResultSet:
        return Sql("SELECT NULL::bigint WHERE FALSE")
    return Sql(text, tuple(params))


def _wanted(cp_id: int | None, group_id: int | None) -> list[int] | None:
    """The protocols a question is narrowed to; None: all. Raises CP_GROUP_NOT_FOUND, CP_GROUP_CP_NOT_IN_GRP."""
    if group_id is None:
        return None if cp_id is None else [cp_id]
    group = ProtocolGroup.objects.filter(pk=group_id).exclude(activity_status="Disabled").first()
    if group is None:
        raise Refused(GROUP_NOT_FOUND(id=group_id))
    found = list(
        group.protocols.exclude(activity_status="Disabled").order_by("pk").values_list("pk", flat=True)
    )
    if cp_id is None:
        return found
    if cp_id not in found:
        raise Refused(NOT_IN_GROUP(id=cp_id, group=group.name))
    return [cp_id]


def _among(cp_ids: list[int]) -> Sql:
    return Sql("SELECT unnest(%s::bigint[])", (cp_ids,))
