"""The configuration of a protocol: workflows by name, and stars (spec 02 §A8)."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from biobank.access import Actor
from biobank.batch.insert import insert
from biobank.records import stamp
from biobank.wire.errors import INVALID_REQUEST, Refused
from sessions_auth.models import User
from specimens.protocol.detail.protocols import Workflow
from specimens.protocol.models import CollectionProtocol, SystemWorkflow
from specimens.protocol.reads.protocols import protocol, system_workflows
from specimens.protocol.reads.scopes import UPDATE
from specimens.protocol.rules.storable import is_storable
from specimens.protocol.writes.versions import mark_changed

LONGEST_NAME = 255


def by_name(items: Sequence[Workflow]) -> dict[str, Any]:
    """What is stored: the last one of a name wins.

    Raises `Refused(INVALID_REQUEST)`: one without a name, a name that is too long, data that cannot be
    stored.
    """
    if not all(item.name and len(item.name) <= LONGEST_NAME for item in items):
        raise Refused(INVALID_REQUEST(reason="a workflow needs a name of 255 characters at most"))
    if not all(is_storable(item.data) for item in items):
        raise Refused(INVALID_REQUEST(reason="a workflow nests too deeply or contains a NUL character"))
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


def save_system_workflows(items: Sequence[Workflow], actor: Actor, *, merge: bool) -> dict[str, Any]:
    """Replace the workflows of the system, or only those of the same names; answers all of them.

    Raises `Refused(RBAC_ADMIN_RIGHTS_REQUIRED)` unless the caller is a super administrator or manages workflows.
    """
    named = by_name(items)
    with transaction.atomic():
        stamp(actor)
        if not User.objects.filter(pk=actor.user_id, manage_wfs=True).exists():
            actor.require_super()
        gone = SystemWorkflow.objects.filter(name__in=named) if merge else SystemWorkflow.objects.all()
        gone.delete()
        insert([SystemWorkflow(name=name, content=content) for name, content in named.items()])
    return system_workflows()


def star(pk: int, actor: Actor, *, on: bool) -> None:
    """Star a protocol for the caller, or take the star away; doing it twice changes nothing."""
    row = protocol(pk, actor)
    if on:
        row.starred_by.add(actor.user_id)
    else:
        row.starred_by.remove(actor.user_id)
