"""From a protocol to its versions: publishing, data freezes, and what may be switched later (spec 02 §A11, 06 §5)."""

import logging

from django.db import transaction

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, Code, Kind, Refused
from exports import engine
from exports.kinds import PROTOCOLS
from exports.registry import PATH_WORDS
from sessions_auth import mail
from sessions_auth.models import User
from specimens.protocol.detail.versions import PublishDetail
from specimens.protocol.models import CollectionProtocol, PublishedVersion
from specimens.protocol.reads.definition import document
from specimens.protocol.writes import publish_version

log = logging.getLogger("exports")

MISSING_NAME = Code("CP_VERSION_REQ", "Name the version: up to {longest} characters, none of them a slash")
RESERVED_NAME = Code("CP_VERSION_RESERVED", "{name} has a meaning of its own in paths")
DUPLICATE_NAME = Code("CP_DUP_VERSION", "The protocol has a version {name} already", Kind.CONFLICT)
_LONGEST = 64


def publish(protocol_id: int, detail: PublishDetail, actor: Actor) -> PublishedVersion:
    """Publish the protocol and start the export of the new version, both or neither; the people are told.

    Raises what `specimens.protocol.writes.publish_version` raises.
    """
    with transaction.atomic():
        version = publish_version(protocol_id, detail, actor)
        start_export(version, actor)
        transaction.on_commit(lambda: _tell(version), robust=True)
    return version


def freeze(
    protocol: CollectionProtocol, name: str, actor: Actor, *, changes: str, reason: str
) -> PublishedVersion:
    """Freeze the protocol's records, without identifiers, under a name; the export starts with it.

    The records are copied when the build begins. Raises `Refused`: RBAC_ACCESS_DENIED, CP_VERSION_REQ,
    CP_VERSION_RESERVED, CP_DUP_VERSION.
    """
    if not PROTOCOLS.can_admin(actor, protocol):
        raise Refused(ACCESS_DENIED())
    name = name.strip()
    if not 0 < len(name) <= _LONGEST or "/" in name:
        raise Refused(MISSING_NAME(longest=_LONGEST))
    if name in PATH_WORDS:
        raise Refused(RESERVED_NAME(name=name))
    with transaction.atomic():
        stamp(actor)
        locked = CollectionProtocol.objects.select_for_update(of=("self",)).get(pk=protocol.pk)
        if PublishedVersion.objects.filter(protocol=locked, version=name).exists():
            raise Refused(DUPLICATE_NAME(name=name))
        version = PublishedVersion.objects.create(
            protocol=locked,
            version=name,
            kind=PublishedVersion.Kind.FREEZE,
            changes=changes,
            reason=reason,
            published_by_id=actor.user_id,
            definition=document(locked, ids=True),
        )
        start_export(version, actor)
    return version


def switch(version: PublishedVersion, actor: Actor, *, released: bool | None, retired: bool | None) -> None:
    """Change what may change of a version; None leaves a flag as it is.

    A file that is there is built anew, as it says what was switched. Retiring a freeze removes its file and its
    rows for good (a consent may have been withdrawn). Raises `Refused(RBAC_ACCESS_DENIED)`.
    """
    if not PROTOCOLS.can_admin(actor, version.protocol):
        raise Refused(ACCESS_DENIED())
    before = (version.released, version.retired)
    version.released = version.released if released is None else released
    version.retired = version.retired if retired is None else retired
    if before == (version.released, version.retired):
        return
    with transaction.atomic():
        stamp(actor)
        version.save(update_fields=["released", "retired"])
        if PROTOCOLS.refusal(version) is not None:
            engine.clear(PROTOCOLS.slug, version.pk)
            engine.delete(PROTOCOLS.slug, version.pk)
            PROTOCOLS.forget(version)
        elif engine.standing(PROTOCOLS.slug, version.pk).ready is not None:
            start_export(version, actor, force=True)


def start_export(version: PublishedVersion, actor: Actor, *, force: bool = False) -> engine.Start:
    """Ask for the version's file."""
    label = "/".join(PROTOCOLS.address(version))
    return engine.start(PROTOCOLS.slug, version.pk, user_id=actor.user_id, label=label, force=force)


def _tell(version: PublishedVersion) -> None:
    """Mail those concerned: investigator, coordinators, publisher and reviewers."""
    protocol = version.protocol
    concerned = {protocol.principal_investigator_id, version.published_by_id}
    concerned.update(protocol.coordinators.values_list("pk", flat=True))
    concerned.update(version.reviewers.values_list("pk", flat=True))
    addresses = User.objects.filter(pk__in=concerned, activity_status="Active").values_list(
        "email_address", flat=True
    )
    text = (
        f"{protocol.short_title} {version.version} was published.\n\n{version.changes}\n\n{version.reason}\n"
    )
    mail.send(f"{protocol.short_title} {version.version} was published", text, sorted(set(addresses)))
