"""The configuration of a protocol: workflows by name, and stars (spec 02 §A8)."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import INVALID_REQUEST, Refused
from specimens.protocol.detail.protocols import Workflow
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads.protocols import protocol
from specimens.protocol.reads.scopes import UPDATE
from specimens.protocol.writes.versions import mark_changed


def by_name(items: Sequence[Workflow]) -> dict[str, Any]:
    """What is stored: the last one of a name wins. Raises INVALID_REQUEST for one without a name."""
    if not all(item.name for item in items):
        raise Refused(INVALID_REQUEST(reason="a workflow needs a name"))
    return {
        item.name: {"name": item.name, "view": item.view, "ctrl": item.ctrl, "data": item.data}
        for item in items
        if item.name
    }


def save_workflows(pk: int, items: Sequence[Workflow], actor: Actor, *, merge: bool) -> CollectionProtocol:
    """Replace the workflows of a protocol, or only those of the same names."""
    named = by_name(items)
    with transaction.atomic():
        stamp(actor)
        protocol(pk, actor, UPDATE)
        row = CollectionProtocol.objects.select_for_update().get(pk=pk)
        row.workflows = {**row.workflows, **named} if merge else named
        row.save(update_fields=["workflows"])
        mark_changed([pk])
    return row


def star(pk: int, actor: Actor, *, on: bool) -> None:
    """Star a protocol for the caller, or take the star away; doing it twice changes nothing."""
    row = protocol(pk, actor)
    if on:
        row.starred_by.add(actor.user_id)
    else:
        row.starred_by.remove(actor.user_id)
