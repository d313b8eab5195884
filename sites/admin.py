"""Institutes and sites in the admin; changes go through the same doors as in the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from biobank.access import Actor
from biobank.admin import DoorAdmin, choice, known_values
from sites.detail import Coordinator, InstituteDetail, SiteDetail
from sites.models import Institute, Site
from sites.reads import sites_for
from sites.writes import INSTITUTES, SITES
from terminology.models import PermissibleValue


def _types() -> list[str]:
    rows = PermissibleValue.objects.filter(attribute="site_type", activity_status="Active")
    return list(rows.order_by("sort_order", "value").values_list("value", flat=True))


@admin.register(Institute)
class InstituteAdmin(DoorAdmin):
    door = INSTITUTES
    detail = InstituteDetail
    list_display = ["name", "activity_status"]
    list_filter = ["activity_status"]
    search_fields = ["name"]
    fields = ["name", "activity_status"]


@admin.register(Site)
class SiteAdmin(DoorAdmin):
    pickable = True
    door = SITES
    detail = SiteDetail
    list_display = ["name", "institute", "type", "code", "activity_status"]
    list_filter = ["activity_status", ("type", known_values(lambda: _types())), "institute"]
    list_select_related = ["institute"]
    search_fields = ["name", "code"]
    autocomplete_fields = ["institute", "coordinators"]
    fields = ["name", "institute", "type", "code", "address", "activity_status", "coordinators"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "type":
            return choice(_types(), blank=True)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def detail_of(self, form: Any) -> SiteDetail:
        data = dict(form.cleaned_data)
        institute, people = data.pop("institute"), data.pop("coordinators")
        return SiteDetail(
            **data,
            institute_name=institute.name if institute else None,
            coordinators=[Coordinator(id=person.pk) for person in people],
        )

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=sites_for(actor).values("pk"))
