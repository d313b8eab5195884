"""`/collection-protocol-registrations`: the registrations themselves (spec 03 §1)."""

from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from sites.detail import DeleteQuery, Dependents
from specimens.participant import reads, writes
from specimens.participant.detail import (
    BulkRegistrations,
    DeletedRegistrations,
    EmptyRegistrations,
    RegistrationDetail,
    RegistrationIds,
    RegistrationMatch,
    RegistrationSearch,
)
from specimens.participant.reads import details, matches


class RegistrationList(ApiView):
    @operation("Registrations by their ids", query=RegistrationIds, answer=list[RegistrationDetail])
    def get(self, request: Request, query: RegistrationIds) -> list[RegistrationDetail]:
        if not query.id:
            raise Refused(INVALID_REQUEST(reason="id is required"))
        return reads.listed(RegistrationSearch(ids=query.id, max_results=len(query.id)), self.actor)

    @operation("Register a participant to a protocol", body=RegistrationDetail, answer=RegistrationDetail)
    def post(self, request: Request, body: RegistrationDetail) -> RegistrationDetail:
        return reads.written([writes.REGISTRATIONS.write_one(body, self.actor)])[0]

    @operation("Delete registrations", query=DeleteQuery, answer=DeletedRegistrations)
    def delete(self, request: Request, query: DeleteQuery) -> DeletedRegistrations:
        if not query.id:
            raise Refused(INVALID_REQUEST(reason="id is required"))
        pks = writes.delete_registrations(
            query.id, self.actor, force=bool(query.force_delete), reason=query.reason
        )
        return DeletedRegistrations(completed=True, entities=details.summaries(pks))


class RegistrationFind(ApiView):
    @operation(
        "Search registrations",
        body=RegistrationSearch,
        answer=list[RegistrationDetail],
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: RegistrationSearch) -> list[RegistrationDetail]:
        """The newest registration stands first; what the caller may not see by name is masked or left out."""
        return reads.listed(body, self.actor)


class RegistrationCount(ApiView):
    @operation("How many registrations match", body=RegistrationSearch, answer=Count, effect=Effect.ACTION)
    def post(self, request: Request, body: RegistrationSearch) -> Count:
        return Count(count=reads.matching(body, self.actor).count())


class RegistrationBulkUpdate(ApiView):
    @operation(
        "The same change for many registrations", body=BulkRegistrations, answer=list[RegistrationDetail]
    )
    def put(self, request: Request, body: BulkRegistrations) -> list[RegistrationDetail]:
        return reads.written(writes.update_many(body.ids or [], body.detail, self.actor))


class RegistrationBulk(ApiView):
    @operation(
        "Register a number of participants of whom nothing is known yet",
        body=EmptyRegistrations,
        answer=list[RegistrationDetail],
    )
    def post(self, request: Request, body: EmptyRegistrations) -> list[RegistrationDetail]:
        return reads.written(writes.register_many(body, self.actor))


class RegistrationMatches(ApiView):
    @operation(
        "The registrations that are described, or their participants",
        body=list[RegistrationDetail],
        answer=list[RegistrationMatch],
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: list[RegistrationDetail]) -> list[RegistrationMatch]:
        return matches.registration_matches(body, self.actor)


class RegistrationOne(ApiView):
    @operation("A registration", answer=RegistrationDetail)
    def get(self, request: Request, pk: int) -> RegistrationDetail:
        found = reads.registration(self.actor, pk)
        phi = None if self.actor.is_super else reads.phi_protocols(self.actor, [found.protocol_id])
        row = reads.with_parts(reads.known_registrations()).get(pk=pk)
        others = reads.other_registrations(self.actor, row)
        return reads.registration_details([row], phi=phi, registered=others)[0]

    @operation("Change the keys that are sent", body=RegistrationDetail, answer=RegistrationDetail)
    def put(self, request: Request, pk: int, body: RegistrationDetail) -> RegistrationDetail:
        return reads.written([writes.REGISTRATIONS.write_one(body, self.actor, pk)])[0]

    @operation("Delete a registration", query=DeleteQuery, answer=RegistrationDetail)
    def delete(self, request: Request, pk: int, query: DeleteQuery) -> RegistrationDetail:
        force = bool(query.force_delete)
        return reads.written([writes.delete_registration(pk, self.actor, force=force, reason=query.reason)])[
            0
        ]


class RegistrationDependents(ApiView):
    @operation("What keeps a registration from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        row = reads.registration(self.actor, pk)
        count = row.visits.filter(activity_status="Active", status="Complete").count()
        return [Dependents(name="visit", count=count)] if count else []


class RegistrationAnonymize(ApiView):
    @operation("Strip what identifies the participant", answer=RegistrationDetail)
    def put(self, request: Request, pk: int) -> RegistrationDetail:
        return reads.written([writes.anonymize(pk, self.actor)])[0]
