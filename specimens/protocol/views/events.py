"""`/collection-protocol-events` (spec 02 part B)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from specimens.protocol.detail.events import EventQuery, ProtocolEventDetail
from specimens.protocol.reads import events as reads
from specimens.protocol.writes.event_actions import copy_event, delete_event
from specimens.protocol.writes.events import EVENTS


class EventList(ApiView):
    @operation("Events of a protocol", query=EventQuery, answer=list[ProtocolEventDetail])
    def get(self, request: Request, query: EventQuery) -> list[ProtocolEventDetail]:
        return [reads.event_detail(row) for row in reads.listed(query, self.actor)]

    @operation("Create an event", body=ProtocolEventDetail, answer=ProtocolEventDetail)
    def post(self, request: Request, body: ProtocolEventDetail) -> ProtocolEventDetail:
        return reads.event_details([EVENTS.write_one(body, self.actor)])[0]


class EventOne(ApiView):
    @operation("An event", answer=ProtocolEventDetail)
    def get(self, request: Request, pk: int) -> ProtocolEventDetail:
        return reads.with_offset(reads.event(pk, self.actor))

    @operation("Replace an event", body=ProtocolEventDetail, answer=ProtocolEventDetail)
    def put(self, request: Request, pk: int, body: ProtocolEventDetail) -> ProtocolEventDetail:
        return reads.event_details([EVENTS.write_one(body, self.actor, pk)])[0]

    @operation("Delete an event", answer=ProtocolEventDetail)
    def delete(self, request: Request, pk: int) -> ProtocolEventDetail:
        return reads.event_details([delete_event(pk, self.actor)])[0]


class EventCopy(ApiView):
    @operation("Copy an event with its requirements", body=ProtocolEventDetail, answer=ProtocolEventDetail)
    def post(self, request: Request, pk: int, body: ProtocolEventDetail) -> ProtocolEventDetail:
        return reads.event_details([copy_event(pk, body, self.actor)])[0]
