"""`/participants` (spec 03 §1.1, §1.8)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from specimens.participant.detail import ParticipantDetail, ParticipantMatch
from specimens.participant.detail import ParticipantMatches as Candidates
from specimens.participant.reads import matches


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


class ParticipantMultiMatches(ApiView):
    @operation(
        "Participants who may be those described",
        body=list[ParticipantDetail],
        answer=list[Candidates],
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: list[ParticipantDetail]) -> list[Candidates]:
        return matches.multi_match(body, self.actor)
