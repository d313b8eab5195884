"""`/collection-protocols` (spec 02 part A)."""

from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from sites.detail import Dependents, SiteSummary
from sites.reads import site_summaries
from specimens.protocol.detail.protocols import (
    ByOperationQuery,
    DeletedProtocol,
    DeletedProtocols,
    MergeDetail,
    ProtocolDelete,
    ProtocolDetail,
    ProtocolFilter,
    ProtocolQuery,
    ProtocolSummary,
    StarAnswer,
)
from specimens.protocol.reads import protocols as reads
from specimens.protocol.reads.lookups import sites_in_use
from specimens.protocol.rules import codes
from specimens.protocol.writes.deletes import delete_protocols
from specimens.protocol.writes.merging import merge_protocols
from specimens.protocol.writes.protocols import PROTOCOLS
from specimens.protocol.writes.whole import copy_protocol
from specimens.protocol.writes.workflows import star


class ProtocolList(ApiView):
    @operation("Collection protocols the caller may read", query=ProtocolQuery, answer=list[ProtocolSummary])
    def get(self, request: Request, query: ProtocolQuery) -> list[ProtocolSummary]:
        rows = query.page(reads.listed(query, self.actor))
        return reads.protocol_summaries(rows, detailed=bool(query.detailed_list))

    @operation("Create a collection protocol", body=ProtocolDetail, answer=ProtocolDetail)
    def post(self, request: Request, body: ProtocolDetail) -> ProtocolDetail:
        return reads.protocol_details([PROTOCOLS.write_one(body, self.actor)])[0]

    @operation("Delete collection protocols, all or none", query=ProtocolDelete, answer=DeletedProtocols)
    def delete(self, request: Request, query: ProtocolDelete) -> DeletedProtocols:
        if not query.id:
            raise Refused(INVALID_REQUEST(reason="the parameter id is missing"))
        force = bool(query.force_delete)
        pks = delete_protocols(query.id, self.actor, force=force, reason=query.reason or "")
        return DeletedProtocols(completed=True, entities=reads.protocol_details(pks))


class ProtocolCount(ApiView):
    @operation("How many collection protocols match", query=ProtocolFilter, answer=Count)
    def get(self, request: Request, query: ProtocolFilter) -> Count:
        return Count(count=reads.filtered(query, self.actor).count())


class ProtocolsByOperation(ApiView):
    @operation(
        "Protocols in which the caller may do something",
        query=ByOperationQuery,
        answer=list[ProtocolSummary],
    )
    def get(self, request: Request, query: ByOperationQuery) -> list[ProtocolSummary]:
        if not query.resource or not query.op:
            raise Refused(INVALID_REQUEST(reason="the parameters resource and op are needed"))
        return reads.protocol_summaries(list(reads.by_operation(query, self.actor)))


class BarcodingEnabled(ApiView):
    @operation("Whether barcodes are in use anywhere", answer=bool)
    def get(self, request: Request) -> bool:
        return reads.any_barcoding()


class ProtocolOne(ApiView):
    @operation("A collection protocol", answer=ProtocolDetail)
    def get(self, request: Request, pk: int) -> ProtocolDetail:
        return reads.protocol_details([reads.protocol(pk, self.actor).pk])[0]

    @operation("Replace a collection protocol", body=ProtocolDetail, answer=ProtocolDetail)
    def put(self, request: Request, pk: int, body: ProtocolDetail) -> ProtocolDetail:
        """The path says which protocol; another id in the body is refused."""
        if body.id is not None and body.id != pk:
            raise Refused(codes.OTHER_ID())
        return reads.protocol_details([PROTOCOLS.write_one(body, self.actor, pk)])[0]

    @operation("Delete a collection protocol", query=ProtocolDelete, answer=DeletedProtocol)
    def delete(self, request: Request, pk: int, query: ProtocolDelete) -> DeletedProtocol:
        force = bool(query.force_delete)
        delete_protocols([pk], self.actor, force=force, reason=query.reason or "")
        return DeletedProtocol(completed=True, entity=reads.protocol_details([pk])[0])


class ProtocolDependents(ApiView):
    @operation("What keeps a collection protocol from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        return reads.protocol_dependents(reads.protocol(pk, self.actor).pk)


class ProtocolCopy(ApiView):
    @operation("A new protocol planned like this one", body=ProtocolDetail, answer=ProtocolDetail)
    def post(self, request: Request, pk: int, body: ProtocolDetail) -> ProtocolDetail:
        return reads.protocol_details([copy_protocol(pk, body, self.actor)])[0]


class ProtocolMerge(ApiView):
    @operation(
        "Move everything below one protocol to another",
        body=MergeDetail,
        answer=MergeDetail,
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: MergeDetail) -> MergeDetail:
        merge_protocols(body, self.actor)
        return body


class ProtocolSites(ApiView):
    @operation("The sites of a protocol", answer=list[SiteSummary])
    def get(self, request: Request, pk: int) -> list[SiteSummary]:
        return site_summaries(sites_in_use(reads.protocol(pk, self.actor).pk))


class ProtocolStar(ApiView):
    @operation("Star a protocol", answer=StarAnswer, effect=Effect.ACTION)
    def post(self, request: Request, pk: int) -> StarAnswer:
        star(pk, self.actor, on=True)
        return StarAnswer()

    @operation("Take the star off a protocol", answer=StarAnswer)
    def delete(self, request: Request, pk: int) -> StarAnswer:
        star(pk, self.actor, on=False)
        return StarAnswer()
