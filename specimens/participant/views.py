"""`/collection-protocol-registrations` and `/participants` (spec 03 §1)."""

from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from sites.detail import DeleteQuery, Dependents
from specimens.participant import reads, writes
from specimens.participant.detail import (
    BulkRegistrations,
    ConsentsDetail,
    DeletedRegistrations,
    ParticipantDetail,
    ParticipantMatch,
    RegistrationDetail,
    RegistrationIds,
    RegistrationSearch,
)
from specimens.participant.reads import consents, details, matches
from specimens.participant.reads.scopes import CONSENT


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
        pks = writes.delete_registrations(
            query.id or [], self.actor, force=bool(query.force_delete), reason=query.reason
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


class RegistrationConsents(ApiView):
    @operation("What the participant agreed to", answer=ConsentsDetail)
    def get(self, request: Request, pk: int) -> ConsentsDetail:
        return self._answer(pk, "Read")

    @operation("Record consents: the keys that are sent", body=ConsentsDetail, answer=ConsentsDetail)
    def put(self, request: Request, pk: int, body: ConsentsDetail) -> ConsentsDetail:
        writes.CONSENTS.write_one(body, self.actor, pk)
        return self._answer(pk, "Read", "Create", "Update")

    def _answer(self, pk: int, *operations: str) -> ConsentsDetail:
        row = reads.registration(self.actor, pk, CONSENT, *operations)
        return consents.consents(row, phi=bool(reads.phi_protocols(self.actor, [row.protocol_id])))


class ParticipantOne(ApiView):
    @operation("A participant", answer=ParticipantDetail)
    def get(self, request: Request, pk: int) -> ParticipantDetail:
        return matches.participant(self.actor, pk)


class ParticipantMatches(ApiView):
    @operation(
        "Participants who may be the one described",
        body=ParticipantDetail,
        answer=list[ParticipantMatch],
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: ParticipantDetail) -> list[ParticipantMatch]:
        return matches.matches(body, self.actor)
