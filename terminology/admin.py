"""Pick lists in the admin: the place where a laboratory changes them, through the door of their values."""

from typing import Any

from django.contrib import admin

from biobank.admin import DoorAdmin
from terminology.detail import PvWish
from terminology.models import PermissibleValue
from terminology.writes import VALUES


@admin.register(PermissibleValue)
class PermissibleValueAdmin(DoorAdmin):
    """A new attribute name begins a new pick list."""

    door = VALUES
    detail = PvWish
    list_display = ["value", "attribute", "parent", "concept_code", "sort_order", "activity_status"]
    list_filter = ["attribute", "activity_status"]
    search_fields = ["value", "concept_code"]
    autocomplete_fields = ["parent"]
    list_select_related = ["parent"]
    ordering = ["attribute", "sort_order", "value"]
    fields = [("attribute", "value"), ("parent", "concept_code"), ("sort_order", "activity_status"), "props"]

    def detail_of(self, form: Any) -> PvWish:
        data = dict(form.cleaned_data)
        parent, props = data.pop("parent"), data.pop("props")
        texts = {str(key): value for key, value in props.items()} if isinstance(props, dict) else None
        wrong = None if texts is not None or not props else {"props": props}
        return PvWish(**data, parent_id=parent.pk if parent else None, props=texts or wrong)
