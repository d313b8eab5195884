"""Institutes and sites in the admin; changes go through the same door as the API."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from sites.models import Institute, Site


@admin.register(Institute)
class InstituteAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "activity_status"]
    list_filter = ["activity_status"]
    search_fields = ["name"]


@admin.register(Site)
class SiteAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "institute", "type", "code", "activity_status"]
    list_filter = ["activity_status", "type", "institute"]
    list_select_related = ["institute"]
    search_fields = ["name", "code"]
    autocomplete_fields = ["institute"]
    filter_horizontal = ["coordinators"]
