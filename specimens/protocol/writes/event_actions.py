"""What is done to one event besides replacing it: delete and copy (spec 02 §B3)."""

from django.db import transaction

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import Refused
from specimens.protocol import below
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.reads.events import event, event_detail
from specimens.protocol.reads.scopes import UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.writes.copies import copy_requirements
from specimens.protocol.writes.deletes import disable_events
from specimens.protocol.writes.events import EVENTS
from specimens.protocol.writes.versions import mark_changed

_NEVER_COPIED = ("id", "code", "activity_status")


def delete_event(pk: int, actor: Actor) -> int:
    """Disable and rename an event and its requirements.

    Raises `Refused`: CPE_NOT_FOUND, CPE_HAS_VISITS, CP_OP_NOT_ALLOWED_SC.
    """
    with transaction.atomic():
        stamp(actor)
        row = event(pk, actor, UPDATE)
        if row.protocol.specimen_centric:
            raise Refused(codes.CP_OP_NOT_ALLOWED_SC(value=row.protocol.short_title))
        if below.visits().filter(event=pk).exists():
            raise Refused(codes.CPE_HAS_VISITS(value=row.label))
        disable_events([row])
        mark_changed([row.protocol_id])
    return pk


def copy_event(pk: int, overrides: ProtocolEventDetail, actor: Actor) -> int:
    """A new event like this one with its open requirements; keys of `overrides` win, the code comes from there.

    Raises `Refused`: CPE_NOT_FOUND, and what creating an event raises.
    """
    with transaction.atomic():
        source = event(pk, actor, UPDATE)
        detail = event_detail(source)
        for name in ProtocolEventDetail.model_fields:
            given = getattr(overrides, name)
            if name in _NEVER_COPIED or (given is not None and given != ""):
                setattr(detail, name, given)
        detail.event_label = overrides.event_label
        detail.collection_protocol, detail.cp_short_title = None, source.protocol.short_title
        if overrides.event_point is not None:
            detail.event_point_unit = overrides.event_point_unit or source.point_unit
        new = EVENTS.write_one(detail, actor)
        copy_requirements({pk: new}, keep_order=False)
    return new
