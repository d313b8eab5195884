"""Institutes and sites in the admin; changes go through the same doors as in the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet

from biobank.access import Actor
from biobank.admin import DoorAdmin
from sites.detail import Coordinator, InstituteDetail, SiteDetail
from sites.models import Institute, Site
from sites.reads import sites_for
from sites.writes import INSTITUTES, SITES


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
    door = SITES
    detail = SiteDetail
    list_display = ["name", "institute", "type", "code", "activity_status"]
    list_filter = ["activity_status", "type", "institute"]
    list_select_related = ["institute"]
    search_fields = ["name", "code"]
    autocomplete_fields = ["institute", "coordinators"]
    fields = ["name", "institute", "type", "code", "address", "activity_status", "coordinators"]

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
