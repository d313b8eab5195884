"""Who may see which specimens (spec 01 §D.7)."""

from collections.abc import Callable, Collection, Iterable

from django.db.models import Q, QuerySet

from biobank.access import Actor
from biobank.configuration.reads import flag
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.participant.reads import phi_protocols
from specimens.participant.reads.mrn_sites import beyond, is_restricted, reachable
from specimens.protocol.reads import allowed_among, protocols_for
from specimens.specimen.detail import LabelQuery
from specimens.specimen.models import Specimen
from specimens.specimen.rules import COLLECTED, NEW, NOT_FOUND, SHORT_TITLE_REQUIRED

SPECIMEN, PRIMARY = "Specimen", "PrimarySpecimen"


def known_specimens() -> QuerySet[Specimen]:
    """Specimens that were not deleted."""
    return Specimen.objects.exclude(activity_status="Disabled")


def specimens_for(actor: Actor, *operations: str) -> QuerySet[Specimen]:
    """The specimens with which the caller may do one of the operations; none named: read."""
    rows = known_specimens()
    if actor.is_super:
        return rows
    wanted = operations or ("Read",)
    if is_restricted(actor):
        of_people = "visit__registration__"
        reached = reachable(actor, actor.grants_for(SPECIMEN, *wanted), of_people)
        reached |= Q(lineage=NEW) & reachable(actor, actor.grants_for(PRIMARY, *wanted), of_people)
        return rows.filter(reached).exclude(protocol__activity_status="Disabled")
    reached = Q(protocol__in=protocols_for(actor, SPECIMEN, *wanted))
    if actor.has_any(PRIMARY, *wanted):
        reached |= Q(lineage=NEW, protocol__in=protocols_for(actor, PRIMARY, *wanted))
    return rows.filter(reached)


def specimen(actor: Actor, pk: int, *operations: str) -> Specimen:
    """The specimen that a path addresses. Raises SPECIMEN_NOT_FOUND, then RBAC_ACCESS_DENIED."""
    found = known_specimens().select_related("visit").filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND.missing(key=pk))
    require(actor, found.protocol_id, found.visit.registration_id, found.lineage, *operations)
    return found


def disposed(ids: Collection[int], actor: Actor) -> set[int]:
    """Those of the specimens that were disposed of and that the caller may see."""
    rows = specimens_for(actor).filter(pk__in=ids, disposal_time__isnull=False)
    return set(rows.values_list("pk", flat=True))


def require(actor: Actor, protocol_id: int, registration_id: int, lineage: str, *operations: str) -> None:
    """Raise RBAC_ACCESS_DENIED unless the caller may do this with a specimen of the registration."""
    wanted = operations or ("Read",)
    for resource in (SPECIMEN, PRIMARY) if lineage == NEW else (SPECIMEN,):
        allowed = allowed_among(actor, [protocol_id], resource, *wanted)
        if allowed and not beyond(actor, [registration_id], resource, *wanted):
            return
    raise Refused(ACCESS_DENIED())


def sees_children(actor: Actor, protocol_ids: Collection[int]) -> set[int]:
    """Those of the protocols in which the caller may read more than primary specimens."""
    return allowed_among(actor, protocol_ids, SPECIMEN, "Read")


def accession_filter(actor: Actor, protocol_ids: Iterable[int]) -> Callable[[int], bool]:
    """Whether accession numbers of a protocol may be told; at most one query."""
    if actor.is_super:
        return lambda protocol_id: True
    shown = phi_protocols(actor, set(protocol_ids))
    return shown.__contains__


def is_named(query: LabelQuery) -> bool:
    """Whether a specimen has this label, in this protocol if one is given, or this barcode.

    Raises CP_SHORT_TITLE_REQUIRED where labels are unique by protocol only.
    """
    if not query.label and not query.barcode:
        return False
    if query.label and not query.cp_short_title and flag("biospecimen", "uniq_spmn_labels_per_cp"):
        raise Refused(SHORT_TITLE_REQUIRED(label=query.label))
    rows = known_specimens()
    rows = rows.filter(label=query.label) if query.label else rows.filter(barcode=query.barcode)
    if query.cp_short_title:
        rows = rows.filter(protocol__short_title__iexact=query.cp_short_title)
    return rows.exists()


def collected_children(row: Specimen) -> int:
    """How many specimens made of it, at any depth, stand in the way of its deletion."""
    if row.primary_id is None:
        below = known_specimens().filter(primary=row)
        return below.filter(status=COLLECTED).count()
    tree = dict(known_specimens().filter(primary=row.primary_id).values_list("pk", "parent"))
    wanted = {row.pk}
    grown = True
    while grown:
        more = {pk for pk, parent in tree.items() if parent in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return known_specimens().filter(pk__in=wanted - {row.pk}, status=COLLECTED).count()
