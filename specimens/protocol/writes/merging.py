"""Two protocols become one (spec 02 §A6)."""

from django.db import transaction

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import INVALID_INPUT, Refused
from specimens.protocol import below
from specimens.protocol.detail.protocols import MergeDetail
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads.events import events_of
from specimens.protocol.reads.lookups import protocols_by_short_title
from specimens.protocol.rules import codes
from specimens.protocol.rules.protocols import formats_allow_merge


def merge_protocols(detail: MergeDetail, actor: Actor) -> None:
    """Move everything below the source protocol to the target; the source stays, empty.

    Registrations keep their PPIDs unless the target has the participant or the PPID already: then their
    visits go there. Visits go to the target's first open event, or become unplanned where it has none.

    Raises `Refused`: RBAC_ADMIN_RIGHTS_REQUIRED, CP_NOT_FOUND, CP_CANNOT_MERGE_FMT_DIFFERS,
    CP_OP_NOT_ALLOWED_SC, COMMON_INVALID_INPUT for a protocol and itself.
    """
    actor.require_super()
    with transaction.atomic():
        stamp(actor)
        source, target = _locked(detail.src_cp_short_title), _locked(detail.tgt_cp_short_title)
        if source.pk == target.pk:
            raise Refused(INVALID_INPUT(name="tgtCpShortTitle", value=target.short_title))
        centric = [row for row in (source, target) if row.specimen_centric]
        if centric:
            raise Refused(codes.CP_OP_NOT_ALLOWED_SC(value=centric[0].short_title))
        if not formats_allow_merge(source, target):
            raise Refused(codes.CP_CANNOT_MERGE_FMT_DIFFERS())
        first = next(iter(events_of([target.pk], closed=False)), None)
        for follow in below.merged:
            follow(below.Merge(source, target, first), actor)


def _locked(short_title: str | None) -> CollectionProtocol:
    """The protocol of a name; nobody may register to it meanwhile."""
    found = protocols_by_short_title([short_title]).get((short_title or "").lower())
    if found is None:
        raise Refused(codes.CP_NOT_FOUND(key=short_title))
    return CollectionProtocol.objects.select_for_update().get(pk=found.pk)
