"""Settings in the admin: the values they had, and a form to give them new ones.

It stands here, as the settings themselves are below everything that the admin's pages are made of.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from biobank.admin import ReadOnlyAdmin, actor_in
from biobank.configuration import writes
from biobank.configuration.detail import SettingDetail
from biobank.configuration.known import KNOWN, find
from biobank.configuration.models import SettingValue


class SettingForm(forms.ModelForm):  # type: ignore[type-arg]
    setting = forms.ChoiceField(
        choices=[
            (name, name) for known in KNOWN if not known.fixed for name in [f"{known.module}/{known.name}"]
        ],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = SettingValue
        fields = ["value"]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        module, _, name = str(found.get("setting", "")).partition("/")
        problem = writes.problem_of(SettingDetail(module=module, name=name, value=found.get("value", "")))
        if problem is not None:
            self.add_error("value", problem.message)
        return found


@admin.register(SettingValue)
class SettingValueAdmin(ReadOnlyAdmin):
    """Each row is a value that was put in force; the newest of a setting counts."""

    form = SettingForm
    list_display = ["setting", "shown", "activated_by", "activated_at"]
    list_filter = ["module"]
    list_select_related = ["activated_by"]
    search_fields = ["module", "name"]
    ordering = ["-pk"]

    @admin.display(description="Setting", ordering="name")
    def setting(self, row: SettingValue) -> str:
        return str(row)

    @admin.display(description="Value")
    def shown(self, row: SettingValue) -> str:
        known = find(row.module, row.name)
        return "********" if known is not None and known.secured else row.value

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "Create")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["setting", "value"] if obj is None else ["setting", "shown", "activated_by", "activated_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else ["setting", "shown", "activated_by", "activated_at"]

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: HttpRequest, obj: SettingValue, form: Any, change: bool) -> None:
        module, _, name = form.cleaned_data["setting"].partition("/")
        wish = SettingDetail(module=module, name=name, value=form.cleaned_data["value"])
        writes.change_settings([wish], actor_in(request))
        obj.pk = SettingValue.objects.filter(module=module, name=name).latest("pk").pk
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A setting has no related rows."""
