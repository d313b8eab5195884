"""When a protocol may be published (spec 02 §A11)."""

from collections.abc import Iterator

from biobank.wire.errors import Problem
from specimens.protocol.detail.versions import PublishDetail
from specimens.protocol.rules import codes


def publish_problems(detail: PublishDetail) -> Iterator[Problem]:
    """What is missing in a request to publish."""
    if not detail.changes:
        yield codes.CP_PUB_CHANGES_REQ()
    if not detail.reason:
        yield codes.CP_PUB_REASON_REQ()
    if not detail.reviewers:
        yield codes.CP_PUB_REVIEWERS_REQ()


def may_publish(*, published_before: bool, draft_mode: bool) -> bool:
    """A protocol is publishable until its first version, and whenever it has changed since the last one.

    `draftMode` stays false until there is a version: publishing is in use from then on, and every change of
    the definition sets it.
    """
    return draft_mode or not published_before
