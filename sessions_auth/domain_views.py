"""`/auth-domains` (spec 01 §E.3)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Paged
from sessions_auth import domains
from sessions_auth.detail import DomainDetail, DomainSummary
from sessions_auth.models import AuthDomain


class Domains(ApiView):
    @operation("Domains people can sign in to", query=Paged, answer=list[DomainSummary], public=True)
    def get(self, request: Request, query: Paged) -> list[DomainSummary]:
        rows = AuthDomain.objects.filter(activity_status="Active").order_by("pk")
        return [DomainSummary(id=row.pk, name=row.name) for row in query.page(rows, default=1000)]

    @operation("Create a domain", body=DomainDetail, answer=DomainDetail)
    def post(self, request: Request, body: DomainDetail) -> DomainDetail:
        return _detail(domains.DOMAINS.write_one(body, self.actor))


class DomainOne(ApiView):
    @operation("A domain", answer=DomainDetail)
    def get(self, request: Request, pk: int) -> DomainDetail:
        found = domains.domain(pk)
        self.actor.require_super()
        return domains.domain_detail(found)

    @operation("Replace a domain", body=DomainDetail, answer=DomainDetail)
    def put(self, request: Request, pk: int, body: DomainDetail) -> DomainDetail:
        return _detail(domains.DOMAINS.write_one(body, self.actor, pk))

    @operation("Delete a domain", answer=DomainDetail)
    def delete(self, request: Request, pk: int) -> DomainDetail:
        gone = domains.domain_detail(domains.domain(pk)).model_copy(update={"activity_status": "Disabled"})
        return _detail(domains.DOMAINS.write_one(gone, self.actor, pk))


def _detail(pk: int) -> DomainDetail:
    return domains.domain_detail(AuthDomain.objects.get(pk=pk))
