"""`/specimen-type-units` and `/specimen-type-props` (spec 02 §D3)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from specimens.protocol.detail.units import TypePropsDetail, UnitBody, UnitDetail, UnitFilter, UnitQuery
from specimens.protocol.reads import units as reads
from specimens.protocol.writes.units import UNITS, delete_unit


class UnitList(ApiView):
    @operation("Units of specimen classes and types", query=UnitQuery, answer=list[UnitDetail])
    def get(self, request: Request, query: UnitQuery) -> list[UnitDetail]:
        return reads.unit_details(query.page(reads.filtered(query)))

    @operation("Give a class or type its units", body=UnitBody, answer=UnitDetail)
    def post(self, request: Request, body: UnitBody) -> UnitDetail:
        return reads.unit_details([reads.unit(UNITS.write_one(body, self.actor))])[0]


class UnitCount(ApiView):
    @operation("How many classes and types have units", query=UnitFilter, answer=Count)
    def get(self, request: Request, query: UnitFilter) -> Count:
        return Count(count=reads.filtered(query).count())


class UnitOne(ApiView):
    @operation("Replace units", body=UnitBody, answer=UnitDetail)
    def put(self, request: Request, pk: int, body: UnitBody) -> UnitDetail:
        return reads.unit_details([reads.unit(UNITS.write_one(body, self.actor, pk))])[0]

    @operation("Remove units", answer=UnitDetail)
    def delete(self, request: Request, pk: int) -> UnitDetail:
        return delete_unit(pk, self.actor)


class TypePropsList(ApiView):
    @operation("Properties of specimen classes and types", answer=list[TypePropsDetail])
    def get(self, request: Request) -> list[TypePropsDetail]:
        return reads.type_props()
