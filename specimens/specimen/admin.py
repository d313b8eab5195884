"""Specimens in the admin; changes go through the same door as in the API."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from biobank.access import Actor
from biobank.admin import DoorAdmin, DoorForm, actor_in
from sessions_auth.detail import UserSummary
from specimens.participant.admin import Shown, choice, listed
from specimens.specimen import figures as figures  # puts them on the first page
from specimens.specimen import rules
from specimens.specimen.detail import CollectionEvent, ReceivedEvent, SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.reads import known_specimens, specimens_for
from specimens.specimen.reads.scopes import PRIMARY, SPECIMEN
from specimens.specimen.writes import SPECIMENS
from specimens.visit.admin import VisitAdmin
from terminology.models import PermissibleValue

_CODED = {
    "anatomic_site": "anatomic_site",
    "laterality": "laterality",
    "pathology": "pathology_status",
    "collection_procedure": "collection_procedure",
    "collection_container": "collection_container",
    "received_quality": "receive_quality",
}
_FIXED = {
    "lineage": (rules.NEW, rules.DERIVED, rules.ALIQUOT),
    "status": (rules.COLLECTED, rules.PENDING, rules.MISSED, rules.NOT_COLLECTED),
    "activity_status": (rules.ACTIVE, rules.CLOSED, rules.DISABLED),
}
_EVENTS: dict[str, tuple[str, str]] = {
    "collection_time": ("collection_event", "time"),
    "collector": ("collection_event", "user"),
    "collection_procedure": ("collection_event", "procedure"),
    "collection_container": ("collection_event", "container"),
    "received_time": ("received_event", "time"),
    "receiver": ("received_event", "user"),
    "received_quality": ("received_event", "received_quality"),
}
_LINKS = {"visit": "visit_id", "parent": "parent_id", "requirement": "req_id"}


class SpecimenForm(DoorForm):
    biohazards = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("biohazards")
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(value, value) for value in listed("specimen_biohazard")]


@admin.register(Specimen)
class SpecimenAdmin(DoorAdmin):
    resource: ClassVar[str | None] = SPECIMEN
    door = SPECIMENS
    detail = SpecimenDetail
    form = SpecimenForm
    list_display = [
        "__str__", "registration", "visit_link", "parent_link", "lineage", "type", "status", "available_qty",
        "created_on", "activity_status",
    ]  # fmt: skip
    list_filter = ["activity_status", "status", "lineage", "specimen_class", "protocol", "visit__site"]
    list_select_related = ["visit__registration", "parent"]
    search_fields = ["label", "barcode__exact"]  # the label's index knows parts, the barcode's does not
    search_help_text = "Part of a label, or a whole barcode"
    ordering = ["-pk"]
    autocomplete_fields = ["visit", "parent", "requirement", "collector", "receiver"]
    readonly_fields = ["tree"]
    fieldsets = [
        (None, {"fields": (
            ("visit", "requirement"), ("lineage", "parent"), ("label", "barcode"), "additional_label",
            ("status", "activity_status"), "tree",
        )}),
        ("What it is", {"fields": (
            ("specimen_class", "type"), ("anatomic_site", "laterality"), ("pathology", "biohazards"),
            ("initial_qty", "available_qty"), ("concentration", "freeze_thaw_cycles"), "created_on", "comments",
        )}),
        ("Collection and receipt", {"fields": (
            ("collection_time", "collector"), ("collection_procedure", "collection_container"),
            ("received_time", "receiver"), "received_quality",
        )}),
    ]  # fmt: skip

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=specimens_for(actor).values("pk"))

    def _may(self, request: HttpRequest, operation: str) -> bool:
        if super()._may(request, operation):
            return True
        return request.user.is_authenticated and actor_in(request).has_any(PRIMARY, operation)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """What a specimen was made of never changes."""
        return ["tree"] if obj is None else ["tree", "lineage", "parent"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        name = db_field.name
        if name in _CODED:
            return choice(listed(_CODED[name]), blank=True)
        if name in _FIXED:
            return choice(_FIXED[name], blank=False, initial=str(db_field.default))
        if name in ("specimen_class", "type"):
            return choice(_kinds(classes=name == "specimen_class"), blank=True)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def detail_of(self, form: Any) -> SpecimenDetail:
        """A new specimen is what was filled in; of a stored one only what was changed is sent."""
        sent = form.cleaned_data if form.instance.pk is None else form.changed_data
        values: dict[str, Any] = {}
        events: dict[str, dict[str, Any]] = {"collection_event": {}, "received_event": {}}
        for name in sent:
            value = form.cleaned_data[name]
            if name in _EVENTS:
                event, key = _EVENTS[name]
                if value not in (None, ""):
                    events[event][key] = UserSummary(id=value.pk) if isinstance(value, Model) else value
            elif name in _LINKS:
                values[_LINKS[name]] = value.pk if value is not None else None
            else:
                values[name] = value
        if events["collection_event"]:
            values["collection_event"] = CollectionEvent(**events["collection_event"])
        if events["received_event"]:
            values["received_event"] = ReceivedEvent(**events["received_event"])
        return SpecimenDetail(**values)

    # --- Columns ---------------------------------------------------------------------------------------

    @admin.display(ordering="visit__registration__ppid", description="PPID")
    def registration(self, row: Specimen) -> SafeString:
        found = row.visit.registration
        return _link("participant_registration", found.pk, found.ppid)

    @admin.display(ordering="visit__name", description="Visit")
    def visit_link(self, row: Specimen) -> SafeString:
        return _link("visit_visit", row.visit_id, row.visit.name)

    @admin.display(ordering="parent__label", description="Parent")
    def parent_link(self, row: Specimen) -> SafeString | str:
        return "-" if row.parent is None else _link("specimen_specimen", row.parent.pk, str(row.parent))

    @admin.display(description="Made of and from it")
    def tree(self, row: Specimen) -> SafeString:
        """The whole tree the specimen stands in, each a link; it is in bold itself."""
        root = row.primary_id or row.pk
        rows = list(known_specimens().filter(primary=root).order_by("pk"))
        below: dict[int | None, list[Specimen]] = {}
        for one in rows:
            below.setdefault(one.parent_id, []).append(one)
        top = known_specimens().filter(pk=root)  # none on the page of a new specimen
        return _branches(top, below, row.pk)


def _link(page: str, pk: int, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[pk]), text)


def _branches(rows: Iterable[Specimen], below: dict[int | None, list[Specimen]], here: int) -> SafeString:
    """Nested lists of specimens."""
    items = []
    for row in rows:
        name = _link("specimen_specimen", row.pk, str(row))
        name = format_html("<b>{}</b>", name) if row.pk == here else name
        facts = f"{row.lineage}, {row.type}, {row.status}"
        inner = _branches(below[row.pk], below, here) if row.pk in below else ""
        items.append((name, facts, inner))
    return format_html(
        '<ul style="padding-left: 1.25rem; list-style: disc">{}</ul>',
        format_html_join("", "<li>{} <small>{}</small>{}</li>", items),
    )


def _kinds(*, classes: bool) -> list[str]:
    """Specimen classes, or the types of all of them."""
    rows = PermissibleValue.objects.filter(attribute="specimen_type", activity_status="Active")
    rows = rows.filter(parent__isnull=classes).order_by("value")
    return list(dict.fromkeys(rows.values_list("value", flat=True)))


class SpecimensShown(Shown):
    """The specimens of a visit, on its page."""

    model = Specimen
    fields = ["label", "lineage", "type", "status", "available_qty", "activity_status"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Specimen]:
        return specimens_for(actor_in(request)).order_by("pk")


VisitAdmin.inlines = [*VisitAdmin.inlines, SpecimensShown]
