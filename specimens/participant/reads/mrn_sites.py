"""Where record numbers restrict access: whose MRN sites a caller reaches (spec 01 §D.7)."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from biobank.access import Actor, Grant
from biobank.configuration.reads import flag
from specimens.participant.models import MedicalRecord, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import within


def is_restricted(actor: Actor) -> bool:
    """Whether participants with record numbers are only for callers with rights at one of the numbers' sites."""
    return not actor.is_super and flag("biospecimen", "mrn_restriction_enabled")


def reachable(actor: Actor, grants: Iterable[Grant], through: str = "") -> Q:
    """The condition on registrations, visits (`through` "registration__") and so on: one of the grants reaches the
    protocol and, where the participant has record numbers, the site of one of them."""
    by_site: dict[int | None, list[Grant]] = {}
    for grant in grants:
        by_site.setdefault(grant.site_id, []).append(grant)
    records = MedicalRecord.objects.filter(participant=OuterRef(f"{through}participant"))
    numberless = ~Exists(records)
    found = Q(pk__in=[])
    for site_id, held in by_site.items():
        there = (
            records.filter(site__institute_id=actor.institute_id)
            if site_id is None
            else records.filter(site=site_id)
        )
        protocols = CollectionProtocol.objects.filter(within(held, actor.institute_id))
        found |= Q(**{f"{through}protocol__in": protocols}) & (numberless | Exists(there))
    return found


def beyond(actor: Actor, registration_ids: Iterable[int], resource: str, *operations: str) -> set[int]:
    """Those of the registrations that the caller's rights do not reach for the sake of their record numbers.

    No query unless the restriction is on.
    """
    wanted = set(registration_ids)
    if not wanted or not is_restricted(actor):
        return set()
    rows = Registration.objects.filter(
        reachable(actor, actor.grants_for(resource, *operations)), pk__in=wanted
    )
    return wanted - set(rows.values_list("pk", flat=True))
