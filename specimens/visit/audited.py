"""What the audit sees of visits."""

from collections.abc import Collection

from biobank.access import Actor
from biobank.audit.registry import Audited, Mask, register
from specimens.participant.reads.scopes import PHI
from specimens.protocol.reads import protocols_for
from specimens.visit.models import Visit
from specimens.visit.reads.scopes import visits_for


def _identified(actor: Actor, ids: Collection[int]) -> set[int]:
    rows = Visit.objects.filter(pk__in=ids, protocol__in=protocols_for(actor, PHI))
    return set(rows.values_list("pk", flat=True))


register(
    Audited(
        "visit",
        "Visit",
        Visit,
        visits_for,
        masks=(Mask(frozenset({"surgical_pathology_number", "spr_name"}), _identified),),
        hidden=frozenset({"spr_file"}),
    )
)
