"""What every page of the admin has in common: the door, rights, scopes, and a record's history."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, NamedTuple, cast

import django.contrib.auth.admin  # noqa: F401 - registers the groups that are taken off below
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.filters import ChoicesFieldListFilter, FieldListFilter, RelatedFieldListFilter
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import DecimalField, Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.detail import Detail
from biobank.wire.errors import Problem, Refused

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


LATEST, MOST_CHANGES = 5, 500
ACTIVITIES = ("Active", "Closed", "Disabled")


class ValuesFilter(ChoicesFieldListFilter):
    """Filters by values that are known beforehand: looking them up in a large table would read all of it."""

    values: ClassVar[Callable[[], Sequence[str]]] = staticmethod(lambda: ACTIVITIES)

    def choices(self, changelist: Any) -> Any:
        chosen = self.lookup_val or ()
        everything = changelist.get_query_string(remove=[self.lookup_kwarg, self.lookup_kwarg_isnull])
        yield {"selected": not chosen, "query_string": everything, "display": "All"}
        for value in type(self).values():
            query = changelist.get_query_string({self.lookup_kwarg: value}, [self.lookup_kwarg_isnull])
            yield {"selected": value in chosen, "query_string": query, "display": value}


def known_values(values: Callable[[], Sequence[str]]) -> type[ValuesFilter]:
    """A filter by the given values."""
    return type("KnownValuesFilter", (ValuesFilter,), {"values": staticmethod(values)})


FieldListFilter.register(
    lambda field: field.name == "activity_status" and not field.choices, ValuesFilter, take_priority=True
)


def choice(values: Any, *, blank: bool, initial: str = "") -> forms.ChoiceField:
    """A field with the given texts to choose from."""
    choices = [(value, value) for value in values]
    return forms.ChoiceField(
        choices=[("", "-"), *choices] if blank else choices,
        required=not blank,
        initial=initial,
        widget=UnfoldAdminSelectWidget,
    )


@cache
def amount(name: str, title: str = "") -> Callable[[Any], str]:
    """A column, or a line that only tells, with a quantity as people write it: `2.5`, not `2.50000000`."""

    def shown(row: Any) -> str:
        return plain(getattr(row, name)) or "-"

    shown.__name__ = name
    return admin.display(description=title or name.replace("_", " ").capitalize(), ordering=name)(shown)


class PlainNumber(forms.DecimalField):
    """Shows a stored quantity without zeros at its end."""

    def prepare_value(self, value: Any) -> Any:
        return plain(value) if isinstance(value, Decimal) else value


class RecordPanel(NamedTuple):
    """Something that stands below a record's form."""

    name: str
    title: str
    body: SafeString


def _always(row: Any) -> bool:
    return True


class RecordAdmin(ModelAdmin):  # type: ignore[misc]
    """Pages of one kind of record. What a caller sees and may do comes from the same grants as in the API.

    `resource` names the right that is asked for; None means super administrators only.
    """

    resource: ClassVar[str | None] = None
    pickable: ClassVar[bool] = False  # everybody may pick one of the visible rows in a form
    activities: ClassVar[Sequence[str]] = ACTIVITIES
    show_facets = admin.ShowFacets.NEVER  # counting every choice of every filter reads the table many times
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    change_form_outer_after_template = "admin/record_panels.html"
    compressed_fields = True
    warn_unsaved_form = True

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        """The rows an actor who is no super administrator may see."""
        return rows.none()

    def concealed(self, record: Any, actor: Actor) -> Collection[str]:
        """Columns whose values the history does not show to an actor who is no super administrator."""
        return ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, DecimalField):
            kwargs["form_class"] = PlainNumber
        if db_field.name == "activity_status" and not db_field.choices:
            return choice(self.activities, blank=False, initial=str(db_field.get_default()))
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """On pages that only tell, quantities are plain."""
        found = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return found
        numbers = {field.name for field in self.opts.concrete_fields if isinstance(field, DecimalField)}

        def told_plainly(name: Any) -> Any:
            if isinstance(name, (tuple, list)):
                return [told_plainly(one) for one in name]
            return amount(name) if name in numbers else name

        return (
            [(title, {**body, "fields": told_plainly(body["fields"])}) for title, body in found]
            if numbers
            else found
        )

    def panels(self, request: HttpRequest, record: Any) -> list[RecordPanel]:
        """What stands below the form of a record: the latest changes, where changes are kept."""
        if not hasattr(record, "history"):
            return []
        changes = self._changes(request, record, LATEST + 1)
        more = len(changes) > LATEST
        context = {"changes": changes[:LATEST], "more": more, "opts": self.opts, "record": record}
        return [
            RecordPanel("history", "Latest changes", render_to_string("admin/latest_changes.html", context))
        ]

    def _changes(self, request: HttpRequest, record: Any, limit: int) -> list[dict[str, Any]]:
        actor = actor_in(request)
        concealed = () if actor.is_super else self.concealed(record, actor)
        return changes_of(record, without=concealed, limit=limit)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = dict(extra_context or {})
        if object_id is not None and request.method == "GET" and not request.GET.get("_popup"):
            record = self.record(request, object_id)
            if record is not None and self.has_view_permission(request, record):
                context["panels"] = self.panels(request, record)
        return super().changeform_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        actor = actor_in(request)
        return rows if actor.is_super else self.visible(rows, actor)

    def record(self, request: HttpRequest, object_id: Any) -> Any:
        """The record of a page as the caller sees it, or None; read once a request."""
        known: dict[Any, Any] = getattr(request, "_records", {})
        request._records = known  # type: ignore[attr-defined]
        key = (self.model, str(object_id))
        if key not in known:
            known[key] = self.get_object(request, str(object_id))
        return known[key]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The quick actions that make sense for the record."""
        found = super().get_actions_detail(request, object_id)
        if any(hasattr(one.method, "offered") for one in found):
            row = self.record(request, object_id)
            found = [one for one in found if row is not None and getattr(one.method, "offered", _always)(row)]
        return found  # type: ignore[no-any-return]

    def _may(self, request: HttpRequest, operation: str) -> bool:
        if not request.user.is_authenticated:
            return False
        actor = actor_in(request)
        return actor.is_super or (self.resource is not None and actor.has_any(self.resource, operation))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "Read")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        picking = (
            self.pickable and request.user.is_authenticated and request.path == reverse("admin:autocomplete")
        )
        return picking or self._may(request, "Read")

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
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {record}",
            "opts": self.opts,
            "original": record,
            "changes": self._changes(request, record, MOST_CHANGES) if hasattr(record, "history") else [],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/record_history.html", context)


class ReadOnlyAdmin(RecordAdmin):
    """Pages on which nothing can be changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def complain(form: Any, problems: Collection[Problem], columns: Mapping[str, str] | None = None) -> None:
    """Add refusals to a form, each at its field where the code tells one; the same refusal of many rows once."""
    for problem in dict.fromkeys(problems):
        name = (columns or {}).get(problem.code) or field_of(problem.code, form.fields)
        form.add_error(name if name in form.fields else None, f"{problem.message} ({problem.code})")


def field_of(code: str, names: Collection[str]) -> str | None:
    """The field a code is about: the name that stands furthest to the right in it, and is longest there.

    `CP_DUP_SHORT_TITLE` is about `short_title`, `SITE_DUP_NAME` about `name`, `ACCESS_DENIED` about none.
    """
    best: tuple[int, int, str] | None = None
    for name in names:
        found = [match.end() for match in re.finditer(rf"(?<![A-Z]){re.escape(name.upper())}(?![A-Z])", code)]
        if found and (best is None or (found[-1], len(name)) > best[:2]):
            best = (found[-1], len(name), name)
    return best[2] if best is not None else None


class DoorForm(ModelForm):  # type: ignore[type-arg]
    """A form whose validation is the plan of the record's door: the same rules, the same messages."""

    page: ClassVar["DoorAdmin"]
    actor: ClassVar[Actor]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            value = self.initial.get(name)
            if type(field) is forms.ChoiceField and value and not field.valid_value(value):
                field.choices = [*cast(Any, field.choices), (value, value)]  # stored, but no longer offered

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if self.errors:
            return found
        self.detail = self.page.detail_of(self)
        with transaction.atomic():
            planned = self.page.door.plan([Change(self.detail, self.instance.pk)], self.actor)[0]
        if isinstance(planned, Refusal):
            complain(self, planned.problems, self.page.columns_of_codes)
        elif self.instance.pk is not None:
            self.instance.refresh_from_db()  # a plan may have touched what it was given
        return found

    def _post_clean(self) -> None:
        """The door's plan has validated; the model's own validation would only repeat it in other words."""


class DoorAdmin(RecordAdmin):
    """Pages whose forms write through a door."""

    door: ClassVar[Door[Any, Any]]
    columns_of_codes: ClassVar[Mapping[str, str]] = {}  # fields of refusals whose code does not name them
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
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refused:
            for problem in refused.problems:
                self.message_user(request, f"{problem.message} ({problem.code})", level="ERROR")
            request.method = "GET"
            return super().changeform_view(request, object_id, form_url, extra_context)


def changes_of(
    record: Any, *, without: Collection[str] = (), limit: int = MOST_CHANGES
) -> list[dict[str, Any]]:
    """The last changes of a record, newest first: at, who, door, what, and the fields that differ; one query."""
    newest = record.history.select_related("pgh_context").order_by("-pgh_id")[: limit + 1]
    rows = list(newest)[::-1]
    hidden = {"password", *without}
    fields = [field for field in record._meta.concrete_fields if field.attname not in hidden]
    first = [None] if len(rows) <= limit else []  # else the oldest is only there to compare with
    found = []
    for before, row in zip([*first, *rows], rows if first else rows[1:], strict=False):
        context = row.pgh_context.metadata if row.pgh_context else {}
        found.append(
            {
                "at": row.pgh_created_at,
                "what": row.pgh_label,
                "who": context.get("login", ""),
                "door": context.get("via", ""),
                "reason": context.get("reason") or "",
                "fields": [
                    (
                        field.verbose_name,
                        told(getattr(before, field.attname, None)),
                        told(getattr(row, field.attname, None)),
                    )
                    for field in fields
                    if before is not None
                    and getattr(before, field.attname, None) != getattr(row, field.attname, None)
                ],
            }
        )
    return found[::-1]


def told(value: Any) -> Any:
    """A value as people write it: numbers without zeros at their end, lists with commas."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value


def plain(number: Decimal | None) -> str:
    """A quantity without zeros at its end; blank when it is not known."""
    if number is None:
        return ""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
