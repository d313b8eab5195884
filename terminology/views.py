"""`/permissible-values` (spec 01 §F.1)."""

from rest_framework.request import Request

from biobank.wire.detail import Flag, Payload, Text
from biobank.wire.errors import Refused
from biobank.wire.http import ApiView, operation, whole
from biobank.wire.paging import Count
from terminology import reads, rules
from terminology.detail import PvDetail, PvQuery
from terminology.models import PermissibleValue


class PvList(ApiView):
    @operation("Values of a pick list", query=PvQuery, answer=list[PvDetail])
    def get(self, request: Request, query: PvQuery) -> list[PvDetail]:
        rows = query.page(reads.listed(query), default=1000)
        return reads.details(rows, parents=bool(query.include_parent_value), props=bool(query.include_props))


class PvCount(ApiView):
    @operation("How many values a pick list has", query=PvQuery, answer=Count)
    def get(self, request: Request, query: PvQuery) -> Count:
        return Count(count=reads.listed(query).count())


class PvOneQuery(Payload):
    attribute: Text = None
    include_props: Flag = False


class PvOne(ApiView):
    @operation("One value, by id or by its text", query=PvOneQuery, answer=PvDetail)
    def get(self, request: Request, key: str, query: PvOneQuery) -> PvDetail:
        rows = PermissibleValue.objects.select_related("parent").exclude(activity_status="Disabled")
        if query.attribute:
            found = rows.filter(attribute=query.attribute, value__iexact=key).order_by("pk").first()
        elif key.isdecimal():
            found = rows.filter(pk=whole(key)).first()
        else:
            raise Refused(rules.VALUE_REQUIRED())
        if found is None:
            raise Refused(rules.NOT_FOUND.missing(value=key))
        more = bool(query.include_props)
        return reads.details([found], parents=more, props=more)[0]


class PvAlias(PvList):
    """The older spelling of the list."""

    @operation("Values of a pick list", query=PvQuery, answer=list[PvDetail], operation_id="pv_list_alias")
    def get(self, request: Request, query: PvQuery) -> list[PvDetail]:
        rows = query.page(reads.listed(query), default=1000)
        return reads.details(rows, parents=bool(query.include_parent_value), props=bool(query.include_props))
