"""Who may see which print rules."""

from django.db.models import QuerySet

from biobank.access import Actor
from specimens.printing.models import PrintRule
from specimens.protocol.reads import protocols_for

RESOURCE = "PrintRule"


def print_rules_for(actor: Actor) -> QuerySet[PrintRule]:
    """The rules a caller may see: those of their protocols, and those for all; super users see every one."""
    rows = PrintRule.objects.exclude(activity_status="Disabled")
    if actor.is_super:
        return rows
    if not actor.has_any(RESOURCE, "Read"):
        return rows.none()
    return rows.filter(protocol=None) | rows.filter(protocol__in=protocols_for(actor, RESOURCE, "Read"))
