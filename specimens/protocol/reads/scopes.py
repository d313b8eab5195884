"""Which protocols a caller may do something with, as SQL (spec 01 §D.7)."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from biobank.access import EXPORT_IMPORT, Actor, Grant
from specimens.protocol.models import CollectionProtocol, ProtocolSite

READ, CREATE, UPDATE, DELETE = "Read", "Create", "Update", "Delete"
PROTOCOL = "CollectionProtocol"


def protocols_for(actor: Actor, resource: str = PROTOCOL, *operations: str) -> QuerySet[CollectionProtocol]:
    """The protocols, deleted ones apart, for which the caller has one of `operations` on `resource`.

    A grant reaches a protocol when it names no protocol or this one, and when its site is one of the
    protocol's sites; a grant without site stands for all sites of the caller's institute. No operation named
    means `Read`. Use it as a sub-select: `Visit.objects.filter(protocol__in=protocols_for(…))`.
    """
    rows = CollectionProtocol.objects.exclude(activity_status="Disabled")
    if actor.is_super:
        return rows
    grants = actor.grants_for(resource, *(operations or (READ,)))
    return rows.filter(within(grants, actor.institute_id)) if grants else rows.none()


def exportable_protocols(actor: Actor) -> QuerySet[CollectionProtocol]:
    """The protocols that the caller may export: readable, with `Export Import` (spec 04 §6.1)."""
    with_right = protocols_for(actor, PROTOCOL, EXPORT_IMPORT)
    return with_right if actor.is_super else with_right.filter(pk__in=protocols_for(actor).values("pk"))


def within(grants: Iterable[Grant], institute_id: int) -> Q:
    """The condition on a protocol that at least one of the grants reaches it; no grants reach nothing."""
    reached = Q(pk__in=[])
    sites_at_large: set[int] = set()
    pairs: dict[int | None, set[int]] = {}  # site (None: the institute's) -> protocols
    institute_at_large = False
    for grant in grants:
        if grant.protocol_id is not None:
            pairs.setdefault(grant.site_id, set()).add(grant.protocol_id)
        elif grant.site_id is not None:
            sites_at_large.add(grant.site_id)
        else:
            institute_at_large = True
    if institute_at_large:
        reached |= _at(site__institute_id=institute_id)
    if sites_at_large:
        reached |= _at(site_id__in=sites_at_large)
    for site_id, protocol_ids in pairs.items():
        there = _at(site__institute_id=institute_id) if site_id is None else _at(site_id=site_id)
        reached |= Q(pk__in=protocol_ids) & there
    return reached


def _at(**conditions: object) -> Q:
    return Q(Exists(ProtocolSite.objects.filter(protocol=OuterRef("pk"), **conditions)))
