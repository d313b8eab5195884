"""Pick lists in the admin: the place where a laboratory changes them."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from terminology.models import PermissibleValue


@admin.register(PermissibleValue)
class PermissibleValueAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["value", "attribute", "parent", "concept_code", "sort_order", "activity_status"]
    list_filter = ["attribute", "activity_status"]
    search_fields = ["value", "concept_code"]
    autocomplete_fields = ["parent"]
    list_select_related = ["parent"]
    ordering = ["attribute", "sort_order", "value"]
