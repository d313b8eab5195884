"""`/specimen-requirements` (spec 02 part C)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from specimens.protocol.detail.requirements import (
    AliquotSpec,
    DerivedSpec,
    RequirementDetail,
    RequirementQuery,
)
from specimens.protocol.reads import requirements as reads
from specimens.protocol.writes import requirement_actions as actions
from specimens.protocol.writes.requirements import REQUIREMENTS


class RequirementList(ApiView):
    @operation(
        "Requirements of an event or a protocol, as trees",
        query=RequirementQuery,
        answer=list[RequirementDetail],
    )
    def get(self, request: Request, query: RequirementQuery) -> list[RequirementDetail]:
        return reads.listed(query, self.actor)

    @operation("Create a requirement of lineage New", body=RequirementDetail, answer=RequirementDetail)
    def post(self, request: Request, body: RequirementDetail) -> RequirementDetail:
        body.lineage, body.parent_sr_id = "New", None
        return reads.requirement_details([REQUIREMENTS.write_one(body, self.actor)])[0]


class RequirementOne(ApiView):
    @operation("A requirement with its children", answer=RequirementDetail)
    def get(self, request: Request, pk: int) -> RequirementDetail:
        return reads.requirement_details([reads.requirement(pk, self.actor).pk])[0]

    @operation("Replace a requirement", body=RequirementDetail, answer=RequirementDetail)
    def put(self, request: Request, pk: int, body: RequirementDetail) -> RequirementDetail:
        reads.requirement(pk, self.actor)
        return reads.requirement_details([REQUIREMENTS.write_one(body, self.actor, pk)])[0]

    @operation("Delete a requirement and what is made of it", answer=RequirementDetail)
    def delete(self, request: Request, pk: int) -> RequirementDetail:
        return reads.requirement_details([actions.delete_requirement(pk, self.actor)])[0]


class RequirementAliquots(ApiView):
    @operation("Add equal aliquots", body=AliquotSpec, answer=list[RequirementDetail])
    def post(self, request: Request, pk: int, body: AliquotSpec) -> list[RequirementDetail]:
        return reads.requirement_details(actions.make_aliquots(pk, body, self.actor))


class RequirementDerived(ApiView):
    @operation("Add a derived requirement", body=DerivedSpec, answer=RequirementDetail)
    def post(self, request: Request, pk: int, body: DerivedSpec) -> RequirementDetail:
        return reads.requirement_details([actions.make_derived(pk, body, self.actor)])[0]


class RequirementCopy(ApiView):
    @operation("Copy a requirement with what is made of it", answer=RequirementDetail)
    def post(self, request: Request, pk: int) -> RequirementDetail:
        return reads.requirement_details([actions.copy_requirement(pk, self.actor)])[0]


class RequirementSpecimens(ApiView):
    @operation("How many specimens of the requirement were collected", answer=int)
    def get(self, request: Request, pk: int) -> int:
        return reads.specimens_count(reads.requirement(pk, self.actor).pk)
