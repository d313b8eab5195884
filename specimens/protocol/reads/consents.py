"""Consent statements, and the tiers of protocols (spec 02 §A9, §D1)."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from biobank.wire.errors import Refused
from sites.detail import Dependents
from specimens.protocol import below
from specimens.protocol.detail.consents import StatementDetail, StatementQuery, TierDetail
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ConsentTier
from specimens.protocol.rules import codes


def statements() -> QuerySet[ConsentStatement]:
    return ConsentStatement.objects.exclude(activity_status="Disabled")


def listed_statements(query: StatementQuery) -> QuerySet[ConsentStatement]:
    rows = statements()
    if query.code:
        rows = rows.filter(code__icontains=query.code)
    if query.statement:
        rows = rows.filter(statement__icontains=query.statement)
    return rows.order_by("code", "pk")


def statement_detail(row: ConsentStatement) -> StatementDetail:
    return StatementDetail(
        id=row.pk, code=row.code, statement=row.statement, activity_status=row.activity_status
    )


def statement(pk: int) -> ConsentStatement:
    """The statement a request addresses. Raises CONSENT_STATEMENTNOT_FOUND."""
    found = statements().filter(pk=pk).first()
    if found is None:
        raise Refused(codes.CONSENT_STATEMENT_NOT_FOUND.missing(key=pk))
    return found


def tiers(protocol: CollectionProtocol) -> list[ConsentTier]:
    """The active tiers that apply to the protocol: its own, or those of the protocol it takes them from."""
    return tiers_by_protocol([protocol])[protocol.pk]


def tiers_by_protocol(protocols: Sequence[CollectionProtocol]) -> dict[int, list[ConsentTier]]:
    """`tiers` of many protocols in one query."""
    origin = {row.pk: row.consents_source_id or row.pk for row in protocols}
    found: dict[int, list[ConsentTier]] = {pk: [] for pk in origin.values()}
    rows = ConsentTier.objects.filter(protocol_id__in=found, activity_status="Active")
    for row in rows.select_related("statement").order_by("pk"):
        found[row.protocol_id].append(row)
    return {pk: found[source] for pk, source in origin.items()}


def tier_details(rows: Iterable[ConsentTier]) -> list[TierDetail]:
    """`statement` should be loaded."""
    return [
        TierDetail.model_construct(
            id=row.pk,
            statement_id=row.statement_id,
            statement_code=row.statement.code,
            statement=row.statement.statement,
        )
        for row in rows
    ]


def tier(protocol: CollectionProtocol, pk: int) -> ConsentTier:
    """One of the protocol's own tiers. Raises CP_CONSENT_TIER_NOT_FOUND."""
    rows = ConsentTier.objects.filter(protocol=protocol, activity_status="Active").select_related("statement")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Refused(codes.CP_CONSENT_TIER_NOT_FOUND.missing(key=pk))
    return found


def tier_dependents(pk: int) -> list[Dependents]:
    """The responses of participants to a tier."""
    count = below.consent_responses().filter(tier=pk).count()
    return [Dependents(name="consent_tier_response", count=count)] if count else []
