"""Deleting protocols: soft, with everything planned in them (spec 02 §A6)."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from biobank.access import Actor
from biobank.batch.update import update
from biobank.records import disable, stamp
from biobank.wire.errors import ACCESS_DENIED, Refused
from sessions_auth.models import SubjectRole
from specimens.protocol import below
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.protocol.reads.lookups import allowed_among, protocols_by_id
from specimens.protocol.reads.scopes import DELETE, PROTOCOL
from specimens.protocol.rules import codes


def delete_protocols(ids: Sequence[int], actor: Actor, *, force: bool = False, reason: str = "") -> list[int]:
    """Delete protocols, all or none; `force` deletes their registrations first.

    Raises `Refused`: CP_DOES_NOT_EXIST, RBAC_ACCESS_DENIED, CP_REF_ENTITY_FOUND.
    """
    wanted = list(dict.fromkeys(ids))
    with transaction.atomic():
        stamp(actor, reason=reason, force=force)
        known = protocols_by_id(wanted)
        missing = [pk for pk in wanted if pk not in known]
        if missing:
            raise Refused(*(codes.CP_DOES_NOT_EXIST.missing(key=pk) for pk in missing))
        if allowed_among(actor, wanted, PROTOCOL, DELETE) != set(wanted):
            raise Refused(ACCESS_DENIED())
        _lock(wanted)
        if force:
            for follow in below.deleted:
                follow(wanted, actor)
        if below.registrations().filter(protocol_id__in=wanted).exists():
            raise Refused(codes.CP_REF_ENTITY_FOUND())
        disable_protocols(wanted)
    return wanted


def _lock(ids: Sequence[int]) -> None:
    """Nobody may register to the protocols while they are deleted."""
    list(CollectionProtocol.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))


def disable_protocols(ids: Sequence[int]) -> None:
    """Disable and rename protocols with their events and requirements; drops the roles bound to them."""
    if not ids:
        return
    disable_events(Event.objects.filter(protocol_id__in=ids).exclude(activity_status="Disabled"))
    rows = list(CollectionProtocol.objects.filter(pk__in=ids))
    columns = disable(rows, title=255, short_title=50, code=32)
    update(rows, columns)
    SubjectRole.objects.filter(protocol_id__in=ids).delete()


def disable_events(events: Iterable[Event]) -> None:
    """Disable and rename events with their requirements."""
    rows = list(events)
    if not rows:
        return
    columns = disable(rows, label=255, code=32)
    update(rows, columns)
    requirements = Requirement.objects.filter(event__in=[row.pk for row in rows])
    disable_requirements(requirements.exclude(activity_status="Disabled"))


def disable_requirements(requirements: Iterable[Requirement]) -> None:
    """Disable requirements and rename their codes."""
    rows = list(requirements)
    if rows:
        update(rows, disable(rows, code=32))
