"""Consent statements, and the consent tiers of protocols (spec 02 §A9, §D1)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from sites.detail import Dependents
from specimens.protocol.detail.consents import StatementDetail, StatementQuery, TierDetail
from specimens.protocol.detail.protocols import ProtocolDetail, ProtocolSummary, WaiverDetail
from specimens.protocol.models import ConsentStatement
from specimens.protocol.reads import consents as reads
from specimens.protocol.reads.protocols import protocol, protocol_details
from specimens.protocol.rules.consents import is_true
from specimens.protocol.writes import consents as writes


class StatementList(ApiView):
    @operation("Consent statements", query=StatementQuery, answer=list[StatementDetail])
    def get(self, request: Request, query: StatementQuery) -> list[StatementDetail]:
        return [reads.statement_detail(row) for row in query.page(reads.listed_statements(query))]

    @operation("Create a consent statement", body=StatementDetail, answer=StatementDetail)
    def post(self, request: Request, body: StatementDetail) -> StatementDetail:
        return _statement(writes.STATEMENTS.write_one(body, self.actor))


class StatementOne(ApiView):
    @operation("A consent statement", answer=StatementDetail)
    def get(self, request: Request, pk: int) -> StatementDetail:
        return reads.statement_detail(reads.statement(pk))

    @operation("Replace a consent statement", body=StatementDetail, answer=StatementDetail)
    def put(self, request: Request, pk: int, body: StatementDetail) -> StatementDetail:
        return _statement(writes.STATEMENTS.write_one(body, self.actor, pk))


def _statement(pk: int) -> StatementDetail:
    return reads.statement_detail(ConsentStatement.objects.get(pk=pk))


class TierList(ApiView):
    @operation("Consent tiers that apply to a protocol", answer=list[TierDetail])
    def get(self, request: Request, pk: int) -> list[TierDetail]:
        return reads.tier_details(reads.tiers(protocol(pk, self.actor)))

    @operation("Add a consent tier", body=TierDetail, answer=TierDetail)
    def post(self, request: Request, pk: int, body: TierDetail) -> TierDetail:
        return reads.tier_details([writes.add_tier(pk, body, self.actor)])[0]


class TierOne(ApiView):
    @operation("Replace the statement of a consent tier", body=TierDetail, answer=TierDetail)
    def put(self, request: Request, pk: int, tier: int, body: TierDetail) -> TierDetail:
        return reads.tier_details([writes.replace_tier(pk, tier, body, self.actor)])[0]

    @operation("Remove a consent tier", answer=TierDetail)
    def delete(self, request: Request, pk: int, tier: int) -> TierDetail:
        return reads.tier_details([writes.remove_tier(pk, tier, self.actor)])[0]


class TierDependents(ApiView):
    @operation("What keeps a consent tier from being removed", answer=list[Dependents])
    def get(self, request: Request, pk: int, tier: int) -> list[Dependents]:
        return reads.tier_dependents(reads.tier(protocol(pk, self.actor), tier).pk)


class Waiver(ApiView):
    @operation("Waive consents, or ask for them again", body=WaiverDetail, answer=ProtocolDetail)
    def put(self, request: Request, pk: int, body: WaiverDetail) -> ProtocolDetail:
        writes.set_waiver(pk, is_true(body.consents_waived), self.actor)
        return protocol_details([pk])[0]


class Source(ApiView):
    @operation("Take the consent tiers from another protocol", body=ProtocolSummary, answer=ProtocolDetail)
    def put(self, request: Request, pk: int, body: ProtocolSummary) -> ProtocolDetail:
        writes.set_source(pk, body, self.actor)
        return protocol_details([pk])[0]
