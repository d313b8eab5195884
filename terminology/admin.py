"""Pick lists in the admin: the place where a laboratory changes them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from biobank.admin import RecordAdmin, actor_in
from biobank.records import stamp
from terminology.models import PermissibleValue


@admin.register(PermissibleValue)
class PermissibleValueAdmin(RecordAdmin):
    list_display = ["value", "attribute", "parent", "concept_code", "sort_order", "activity_status"]
    list_filter = ["attribute", "activity_status"]
    search_fields = ["value", "concept_code"]
    autocomplete_fields = ["parent"]
    list_select_related = ["parent"]
    ordering = ["attribute", "sort_order", "value"]
    fields = [("attribute", "value"), ("parent", "concept_code"), ("sort_order", "activity_status"), "props"]

    def save_model(self, request: HttpRequest, obj: PermissibleValue, form: Any, change: bool) -> None:
        stamp(actor_in(request))
        super().save_model(request, obj, form, change)
