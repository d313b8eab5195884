"""Published versions (spec 02 §A11)."""

from collections.abc import Sequence

from biobank.access import Actor
from biobank.wire.errors import INVALID_INPUT, Refused
from sessions_auth.reads import summaries
from specimens.protocol.detail.versions import PublishDetail, PublishQuery
from specimens.protocol.models import PublishedVersion
from specimens.protocol.reads.protocols import protocol
from specimens.protocol.rules import codes


def published(protocol_id: int, query: PublishQuery, actor: Actor) -> list[PublishDetail]:
    """The published definitions of a protocol, newest first. Raises CP_NOT_FOUND, RBAC_ACCESS_DENIED."""
    protocol(protocol_id, actor)
    rows = PublishedVersion.objects.filter(protocol=protocol_id, kind=PublishedVersion.Kind.DEFINITION)
    return publish_details(query.page(rows.select_related("protocol").order_by("-pk")))


def publish_details(rows: Sequence[PublishedVersion]) -> list[PublishDetail]:
    """Details in the order given, two queries; `protocol` should be loaded."""
    through = PublishedVersion.reviewers.through._default_manager
    pairs = list(
        through.filter(publishedversion_id__in=[row.pk for row in rows])
        .order_by("user_id")
        .values_list("publishedversion_id", "user_id")
    )
    people = summaries([row.published_by_id for row in rows] + [user_id for _, user_id in pairs])
    return [
        PublishDetail.model_construct(
            id=row.pk,
            cp_id=row.protocol_id,
            cp_title=row.protocol.title,
            cp_short_title=row.protocol.short_title,
            changes=row.changes,
            reason=row.reason,
            published_by=people.get(row.published_by_id),
            publication_date=row.published_at,
            reviewers=[people[user_id] for version_id, user_id in pairs if version_id == row.pk],
        )
        for row in rows
    ]


def published_version(protocol_id: int, pk: int, actor: Actor) -> PublishedVersion:
    """One published version of a protocol; its `definition` is what was frozen.

    Raises `Refused`: CP_NOT_FOUND, RBAC_ACCESS_DENIED, CP_INVALID_PUB_ID; COMMON_INVALID_INPUT for one of
    another protocol.
    """
    protocol(protocol_id, actor)
    found = PublishedVersion.objects.filter(pk=pk, kind=PublishedVersion.Kind.DEFINITION).first()
    if found is None:
        raise Refused(codes.CP_INVALID_PUB_ID.missing(key=pk))
    if found.protocol_id != protocol_id:
        raise Refused(INVALID_INPUT(name="publishEventId", value=pk))
    return found
