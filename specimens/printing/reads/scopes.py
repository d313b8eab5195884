"""Who may see, export and write which print rules."""

from collections.abc import Sequence

from django.db.models import QuerySet

from biobank.access import EXPORT_IMPORT, Actor
from specimens.printing.detail import PrintRuleDetail, PrintRuleRow
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


def exportable_rules(actor: Actor) -> QuerySet[PrintRule]:
    """Those of the rules a caller sees that they may export: of protocols with the right, all of them super users."""
    rows = print_rules_for(actor)
    return rows if actor.is_super else rows.filter(protocol__in=protocols_for(actor, RESOURCE, EXPORT_IMPORT))


def changeable_rules(pks: Sequence[int], actor: Actor) -> set[int]:
    """Those of the rules that the caller may write."""
    if actor.is_super:
        return set(pks)
    reached = protocols_for(actor, RESOURCE, "Create", "Update")
    rows = PrintRule.objects.exclude(activity_status="Disabled").filter(pk__in=pks, protocol__in=reached)
    return set(rows.values_list("pk", flat=True))


def rule_rows(pks: Sequence[int]) -> list[PrintRuleRow]:
    """Rules as files have them, in the order of `pks`; one query."""
    rows = PrintRule.objects.select_related("protocol", "site", "user_group").in_bulk(list(pks))
    return [_row(rows[pk]) for pk in pks if pk in rows]


def _row(row: PrintRule) -> PrintRuleRow:
    same = {name: getattr(row, name) for name in PrintRuleDetail.model_fields if name != "id"}
    return PrintRuleRow(
        id=row.pk,
        cp_short_title=row.protocol.short_title if row.protocol else None,
        site_name=row.site.name if row.site else None,
        user_group=row.user_group.name if row.user_group else None,
        **same,
    )
