"""What consent statements and tiers may look like (spec 02 §A9, §D1)."""

from collections.abc import Iterator

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Problem
from specimens.protocol.detail.consents import StatementDetail
from specimens.protocol.rules import codes
from specimens.protocol.rules.protocols import STATUSES, too_long


def statement_problems(detail: StatementDetail) -> Iterator[Problem]:
    if not detail.code:
        yield codes.CONSENT_STATEMENT_CODE_REQUIRED()
    if not detail.statement:
        yield codes.CONSENT_STATEMENT_REQUIRED()
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    yield from too_long(detail, {"code": 32})


def tiers_are_fixed(*, waived: bool, sourced: bool) -> Iterator[Problem]:
    """Why the tiers of a protocol cannot be changed."""
    if waived:
        yield codes.CP_CONSENTS_WAIVED()
    elif sourced:
        yield codes.CP_CONSENTS_SOURCED()


def is_true(value: str | None) -> bool:
    """Anything but "true" counts as false."""
    return (value or "").lower() == "true"
