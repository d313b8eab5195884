"""Publishing a protocol: its definition as it is now is kept for ever (spec 02 §A11, 06 §5)."""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, Refused, refuse_if
from sessions_auth.models import User
from sessions_auth.reads import email_key, load_users
from specimens.protocol.detail.versions import PublishDetail
from specimens.protocol.models import CollectionProtocol, PublishedVersion
from specimens.protocol.reads.definition import document
from specimens.protocol.reads.lookups import allowed_among, protocols_by_id
from specimens.protocol.reads.scopes import PROTOCOL, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules import versions as rules


def mark_changed(protocol_ids: Iterable[int]) -> None:
    """Note that definitions changed, so that they may be published again; one statement.

    Protocols without a version stay as they are: they may be published anyway.
    """
    versions = PublishedVersion.objects.filter(protocol=OuterRef("pk"))
    rows = CollectionProtocol.objects.filter(Exists(versions), pk__in=set(protocol_ids), draft_mode=False)
    rows.update(draft_mode=True)


def publish_version(protocol_id: int, detail: PublishDetail, actor: Actor) -> PublishedVersion:
    """Freeze the protocol's definition, with ids, as the next version: v1, v2, …

    Runs in the caller's transaction when there is one, so that what follows a version (its export) starts
    with it or not at all. Raises `Refused`: CP_NOT_FOUND, RBAC_ACCESS_DENIED, CP_NOT_IN_DRAFT,
    CP_PUB_CHANGES_REQ, CP_PUB_REASON_REQ, CP_PUB_REVIEWERS_REQ, CP_PUB_INVALID_REVIEWERS.
    """
    with transaction.atomic():
        stamp(actor)
        protocol = _locked(protocol_id, actor)
        before = PublishedVersion.objects.filter(protocol=protocol).count()
        if not rules.may_publish(published_before=before > 0, draft_mode=protocol.draft_mode):
            raise Refused(codes.CP_NOT_IN_DRAFT())
        refuse_if(rules.publish_problems(detail))
        reviewers = _reviewers(detail)
        version = PublishedVersion.objects.create(
            protocol=protocol,
            version=_next_version(protocol, before),
            changes=detail.changes or "",
            reason=detail.reason or "",
            published_by_id=actor.user_id,
            definition=document(protocol, ids=True),
        )
        version.reviewers.set(reviewers)
        protocol.draft_mode = False
        protocol.save(update_fields=["draft_mode"])
    return version


def _locked(protocol_id: int, actor: Actor) -> CollectionProtocol:
    """The protocol, locked so that two publishers make two versions."""
    if protocol_id not in protocols_by_id([protocol_id]):
        raise Refused(codes.CP_NOT_FOUND.missing(key=protocol_id))
    if not allowed_among(actor, [protocol_id], PROTOCOL, UPDATE):
        raise Refused(ACCESS_DENIED())
    return CollectionProtocol.objects.select_for_update().get(pk=protocol_id)


def _reviewers(detail: PublishDetail) -> Sequence[User]:
    refs = detail.reviewers or []
    users = load_users(refs)
    unknown = [str(ref.id or email_key(ref) or "?") for ref in refs if users.find(ref) is None]
    if unknown:
        raise Refused(codes.CP_PUB_INVALID_REVIEWERS(value=", ".join(unknown)))
    return [user for ref in refs if (user := users.find(ref))]


def _next_version(protocol: CollectionProtocol, count: int) -> str:
    """v1, v2, … in order; names that a data freeze took are skipped."""
    taken = set(PublishedVersion.objects.filter(protocol=protocol).values_list("version", flat=True))
    return next(name for n in range(count + 1, count + len(taken) + 2) if (name := f"v{n}") not in taken)
