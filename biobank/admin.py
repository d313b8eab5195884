"""What every page of the admin has in common: the door, rights, scopes, and a record's history."""

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

import django.contrib.auth.admin  # noqa: F401 - registers the groups that are taken off below
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.filters import FieldListFilter, RelatedFieldListFilter
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.module_loading import import_string
from unfold.admin import ModelAdmin

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.detail import Detail
from biobank.wire.errors import Refused

admin.site.unregister(Group)  # rights come from roles
admin.site.site_header = "biobank"
admin.site.site_title = "biobank"
admin.site.index_title = "Overview"


def actor_in(request: HttpRequest) -> Actor:
    """The signed-in user as an actor who comes through the admin; one look-up a request."""
    found: Actor | None = getattr(request, "_actor", None)
    if found is None:
        found = import_string(settings.ACTOR_OF)(request.user, via="admin")
        request._actor = found  # type: ignore[attr-defined]
    return found


class RelatedFilter(RelatedFieldListFilter):
    """Filters by a related record, of those that the caller may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        page = model_admin.admin_site._registry.get(field.remote_field.model)
        actor = actor_in(request)
        if actor.is_super or not isinstance(page, RecordAdmin):
            return super().field_choices(field, request, model_admin)
        rows = page.visible(page.model._default_manager.all(), actor)
        order = self.field_admin_ordering(field, request, model_admin)
        return [(row.pk, str(row)) for row in rows.order_by(*order)]


FieldListFilter.register(lambda field: field.remote_field, RelatedFilter, take_priority=True)


class RecordAdmin(ModelAdmin):  # type: ignore[misc]
    """Pages of one kind of record. What a caller sees and may do comes from the same grants as in the API.

    `resource` names the right that is asked for; None means super administrators only.
    """

    resource: ClassVar[str | None] = None
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        """The rows an actor who is no super administrator may see."""
        return rows.none()

    def concealed(self, record: Any, actor: Actor) -> Collection[str]:
        """Columns whose values the history does not show to an actor who is no super administrator."""
        return ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        actor = actor_in(request)
        return rows if actor.is_super else self.visible(rows, actor)

    def _may(self, request: HttpRequest, operation: str) -> bool:
        if not request.user.is_authenticated:
            return False
        actor = actor_in(request)
        return actor.is_super or (self.resource is not None and actor.has_any(self.resource, operation))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "Read")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "Read")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "Create")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "Update")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # records are disabled or closed, never removed

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what, when, through which door: read from the history the triggers wrote."""
        record = self.get_object(request, object_id)
        if record is None or not self.has_view_permission(request, record):
            raise Http404
        actor = actor_in(request)
        concealed = () if actor.is_super else self.concealed(record, actor)
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {record}",
            "opts": self.opts,
            "original": record,
            "changes": list(changes_of(record, without=concealed)) if hasattr(record, "history") else [],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/record_history.html", context)


class ReadOnlyAdmin(RecordAdmin):
    """Pages on which nothing can be changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DoorForm(ModelForm):  # type: ignore[type-arg]
    """A form whose validation is the plan of the record's door: the same rules, the same messages."""

    page: ClassVar["DoorAdmin"]
    actor: ClassVar[Actor]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if self.errors:
            return found
        self.detail = self.page.detail_of(self)
        with transaction.atomic():
            planned = self.page.door.plan([Change(self.detail, self.instance.pk)], self.actor)[0]
        if isinstance(planned, Refusal):
            for problem in planned.problems:
                self.add_error(None, f"{problem.message} ({problem.code})")
        elif self.instance.pk is not None:
            self.instance.refresh_from_db()  # a plan may have touched what it was given
        return found

    def _post_clean(self) -> None:
        """The door's plan has validated; the model's own validation would only repeat it in other words."""


class DoorAdmin(RecordAdmin):
    """Pages whose forms write through a door."""

    door: ClassVar[Door[Any, Any]]
    detail: ClassVar[type[Detail]]
    form = DoorForm

    def detail_of(self, form: ModelForm) -> Detail:  # type: ignore[type-arg]
        """The detail a filled form stands for; by default form fields and attributes have the same names."""
        return self.detail(**form.cleaned_data)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:  # type: ignore[type-arg]
        made: type[ModelForm] = super().get_form(request, obj, change, **kwargs)  # type: ignore[type-arg]
        return type(made.__name__, (made,), {"page": self, "actor": actor_in(request)})

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.pk = self.door.write_one(form.detail, actor_in(request), obj.pk)
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The door has written what belongs to the record."""

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Records shown below another are not written on its page, so there is nothing to say of them."""
        return super().construct_change_message(request, form, [], add)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A refusal by the database (a race) is a message, not a failure."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]
        except Refused as refused:
            for problem in refused.problems:
                self.message_user(request, f"{problem.message} ({problem.code})", level="ERROR")
            request.method = "GET"
            return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]


def changes_of(record: Any, *, without: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """The history of a record, newest first: at, who, door, what, and the fields that differ."""
    rows = list(record.history.select_related("pgh_context").order_by("pgh_id")[:500])
    hidden = {"password", *without}
    names = [field.attname for field in record._meta.concrete_fields if field.attname not in hidden]
    found = []
    for before, row in zip([None, *rows], rows, strict=False):
        context = row.pgh_context.metadata if row.pgh_context else {}
        found.append(
            {
                "at": row.pgh_created_at,
                "what": row.pgh_label,
                "who": context.get("login", ""),
                "door": context.get("via", ""),
                "fields": [
                    (name, getattr(before, name, None), getattr(row, name, None))
                    for name in names
                    if before is not None and getattr(before, name, None) != getattr(row, name, None)
                ],
            }
        )
    return iter(reversed(found))
