"""Groups of protocols: whoever may read one of its protocols sees a group (spec 02 §D2)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.protocol.detail.groups import GroupDetail, GroupQuery, GroupSummary, GroupWorkflows
from specimens.protocol.detail.protocols import Workflow
from specimens.protocol.models import CollectionProtocol, ProtocolGroup
from specimens.protocol.reads.lookups import known_protocols
from specimens.protocol.reads.protocols import protocol_summaries
from specimens.protocol.reads.scopes import PROTOCOL, READ, protocols_for
from specimens.protocol.rules import codes


def known_groups() -> QuerySet[ProtocolGroup]:
    return ProtocolGroup.objects.exclude(activity_status="Disabled")


def readable(actor: Actor) -> QuerySet[ProtocolGroup]:
    """Groups of which the caller may read at least one protocol."""
    if actor.is_super:
        return known_groups()
    return known_groups().filter(Exists(protocols_for(actor, PROTOCOL, READ).filter(group=OuterRef("pk"))))


def listed(query: GroupQuery, actor: Actor) -> QuerySet[ProtocolGroup]:
    """The rows of the list, by name."""
    rows = readable(actor)
    if query.query:
        rows = rows.filter(name__icontains=query.query)
    if query.cp_short_title:
        named = known_protocols().filter(group=OuterRef("pk"), short_title__iexact=query.cp_short_title)
        rows = rows.filter(Exists(named))
    return rows.order_by(Lower("name"), "pk")


def group_summaries(rows: Sequence[ProtocolGroup], *, stats: bool = False) -> list[GroupSummary]:
    """One more query with statistics; deleted protocols do not count."""
    counts: dict[int | None, int] = {}
    if stats:
        found = known_protocols().filter(group__in=[row.pk for row in rows]).order_by()
        counts = dict(found.values_list("group").annotate(n=Count("pk")))
    return [
        GroupSummary(id=row.pk, name=row.name, cps_count=counts.get(row.pk, 0) if stats else None)
        for row in rows
    ]


def group(pk: int, actor: Actor) -> ProtocolGroup:
    """The group a request addresses. Raises CP_GROUP_NOT_FOUND, then RBAC_ACCESS_DENIED."""
    found = known_groups().filter(pk=pk).first()
    if found is None:
        raise Refused(codes.GROUP_NOT_FOUND.missing(key=pk))
    if not readable(actor).filter(pk=pk).exists():
        raise Refused(ACCESS_DENIED())
    return found


def group_detail(row: ProtocolGroup, actor: Actor) -> GroupDetail:
    """The group with those of its protocols that the caller may read."""
    members = protocols_for(actor, PROTOCOL, READ).filter(group=row).order_by(Lower("short_title"), "pk")
    return GroupDetail(
        id=row.pk,
        name=row.name,
        cps=protocol_summaries(list(members)),
        activity_status=row.activity_status,
    )


def members_of(groups: Iterable[int]) -> dict[int, list[CollectionProtocol]]:
    """The protocols of groups, deleted ones apart; one query."""
    found: dict[int, list[CollectionProtocol]] = {pk: [] for pk in groups}
    for row in known_protocols().filter(group__in=found).order_by("pk"):
        if row.group_id is not None:
            found[row.group_id].append(row)
    return found


def group_workflows(row: ProtocolGroup) -> GroupWorkflows:
    stored: Mapping[str, Any] = row.workflows
    shown = {name: Workflow.model_construct(**item) for name, item in stored.items()}
    return GroupWorkflows(group_id=row.pk, group_name=row.name, workflows=shown)
