"""`/institutes` and `/sites` (spec 01 §E.1, §E.2)."""

from collections.abc import Sequence

from rest_framework.request import Request

from biobank.wire.errors import Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from sites import reads, rules, writes
from sites.detail import (
    BulkSites,
    DeleteQuery,
    Dependents,
    InstituteDetail,
    InstituteQuery,
    InstituteSitesQuery,
    NameQuery,
    SiteDetail,
    SiteQuery,
    SiteSummary,
)
from sites.models import Institute


class InstituteList(ApiView):
    @operation("Institutes", query=InstituteQuery, answer=list[InstituteDetail], public=True)
    def get(self, request: Request, query: InstituteQuery) -> list[InstituteDetail]:
        rows = query.page(reads.listed_institutes(query))
        return reads.institute_details(rows, stats=bool(query.include_stats))

    @operation("Create an institute", body=InstituteDetail, answer=InstituteDetail)
    def post(self, request: Request, body: InstituteDetail) -> InstituteDetail:
        return _institute(writes.INSTITUTES.write_one(body, self.actor))

    @operation("Delete or close institutes", query=DeleteQuery, answer=list[InstituteDetail])
    def delete(self, request: Request, query: DeleteQuery) -> list[InstituteDetail]:
        return _institutes(writes.delete_institutes(query.id or [], self.actor, close=bool(query.close)))


class InstituteCount(ApiView):
    @operation("How many institutes match", query=InstituteQuery, answer=Count)
    def get(self, request: Request, query: InstituteQuery) -> Count:
        return Count(count=reads.listed_institutes(query).count())


class InstituteByName(ApiView):
    @operation("An institute by its name", query=NameQuery, answer=InstituteDetail, public=True)
    def get(self, request: Request, query: NameQuery) -> InstituteDetail:
        return reads.institute_details([reads.institute(name=query.name)])[0]


class InstituteSites(ApiView):
    @operation(
        "Sites of an institute, for sign-up", query=InstituteSitesQuery, answer=list[SiteSummary], public=True
    )
    def get(self, request: Request, query: InstituteSitesQuery) -> list[SiteSummary]:
        if not query.name:
            raise Refused(rules.INSTITUTE_NAME_REQUIRED())
        rows = (
            reads.sites().filter(institute=reads.institute(name=query.name)).exclude(activity_status="Closed")
        )
        if query.site_name:
            rows = rows.filter(name__icontains=query.site_name)
        return reads.site_summaries(rows.select_related("institute").order_by("name")[:100])


class InstituteOne(ApiView):
    @operation("An institute", answer=InstituteDetail)
    def get(self, request: Request, pk: int) -> InstituteDetail:
        return reads.institute_details([reads.institute(pk=pk)])[0]

    @operation("Replace an institute", body=InstituteDetail, answer=InstituteDetail)
    def put(self, request: Request, pk: int, body: InstituteDetail) -> InstituteDetail:
        return _institute(writes.INSTITUTES.write_one(body, self.actor, pk))

    @operation("Delete or close an institute", query=DeleteQuery, answer=InstituteDetail)
    def delete(self, request: Request, pk: int, query: DeleteQuery) -> InstituteDetail:
        reads.institute(pk=pk)
        return _institute(writes.delete_institutes([pk], self.actor, close=bool(query.close))[0])


class InstituteDependents(ApiView):
    @operation("What keeps an institute from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        return reads.institute_dependents([reads.institute(pk=pk).pk])[pk]


def _institute(pk: int) -> InstituteDetail:
    return _institutes([pk])[0]


def _institutes(pks: Sequence[int]) -> list[InstituteDetail]:
    """Institutes as they are now, deleted ones too, in the order given."""
    found = Institute.objects.in_bulk(list(pks))
    return reads.institute_details([found[pk] for pk in pks])


class SiteList(ApiView):
    @operation("Sites the caller may see", query=SiteQuery, answer=list[SiteSummary])
    def get(self, request: Request, query: SiteQuery) -> list[SiteSummary]:
        return reads.site_summaries(query.page(reads.listed_sites(query, self.actor)))

    @operation("Create a site", body=SiteDetail, answer=SiteDetail)
    def post(self, request: Request, body: SiteDetail) -> SiteDetail:
        return reads.site_details([writes.SITES.write_one(body, self.actor)])[0]

    @operation("Delete or close sites", query=DeleteQuery, answer=list[SiteDetail])
    def delete(self, request: Request, query: DeleteQuery) -> list[SiteDetail]:
        return reads.site_details(writes.delete_sites(query.id or [], self.actor, close=bool(query.close)))


class SiteCount(ApiView):
    @operation("How many sites match", query=SiteQuery, answer=Count)
    def get(self, request: Request, query: SiteQuery) -> Count:
        return Count(count=reads.count_sites(query))


class SiteByName(ApiView):
    @operation("A site by its name", query=NameQuery, answer=SiteDetail)
    def get(self, request: Request, query: NameQuery) -> SiteDetail:
        return reads.site(self.actor, name=query.name)


class SiteBulkUpdate(ApiView):
    @operation("The same change for many sites", body=BulkSites, answer=list[SiteDetail])
    def put(self, request: Request, body: BulkSites) -> list[SiteDetail]:
        return reads.site_details(writes.bulk_update(body, self.actor))


class SiteOne(ApiView):
    @operation("A site", answer=SiteDetail)
    def get(self, request: Request, pk: int) -> SiteDetail:
        return reads.site(self.actor, pk=pk)

    @operation("Replace a site", body=SiteDetail, answer=SiteDetail)
    def put(self, request: Request, pk: int, body: SiteDetail) -> SiteDetail:
        return reads.site_details([writes.SITES.write_one(body, self.actor, pk)])[0]

    @operation("Change the keys that are sent", body=SiteDetail, answer=SiteDetail)
    def patch(self, request: Request, pk: int, body: SiteDetail) -> SiteDetail:
        return reads.site_details(writes.change_sites([pk], body, self.actor))[0]

    @operation("Delete or close a site", query=DeleteQuery, answer=SiteDetail)
    def delete(self, request: Request, pk: int, query: DeleteQuery) -> SiteDetail:
        return reads.site_details(writes.delete_sites([pk], self.actor, close=bool(query.close)))[0]


class SiteDependents(ApiView):
    @operation("What keeps a site from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        reads.site(self.actor, pk=pk)
        return reads.site_dependents([pk])[pk]
