"""Specimens in the admin; changes go through the same door as in the API."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from biobank.access import Actor
from biobank.admin import DoorAdmin, DoorForm, RecordPanel, actor_in, amount, known_values, plain
from sessions_auth.detail import UserSummary
from specimens.participant.admin import Shown, choice, listed
from specimens.participant.models import Registration
from specimens.specimen import figures as figures  # puts them on the first page
from specimens.specimen import rules
from specimens.specimen.actions import SpecimenActions, VisitActions
from specimens.specimen.detail import CollectionEvent, ReceivedEvent, SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.reads import specimens_for
from specimens.specimen.reads.scopes import PRIMARY, SPECIMEN
from specimens.specimen.writes import SPECIMENS
from specimens.visit.admin import VisitAdmin, VisitedRegistrationAdmin
from specimens.visit.models import Visit
from specimens.visit.reads import visits_for
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


MOST_SHOWN = 500  # specimens of one tree
TOO_MANY = "There are more; the list of specimens shows them all."


class SpecimenForm(DoorForm):
    biohazards = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("biohazards")
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(value, value) for value in listed("specimen_biohazard")]


@admin.register(Specimen)
class SpecimenAdmin(SpecimenActions, DoorAdmin):
    resource: ClassVar[str | None] = SPECIMEN
    door = SPECIMENS
    detail = SpecimenDetail
    form = SpecimenForm
    list_display = [
        "__str__", "registration", "visit_link", "parent_link", "lineage", "type", "status", amount("available_qty"),
        "created_on", "activity_status",
    ]  # fmt: skip
    list_filter = [
        "activity_status", "status", "lineage", ("specimen_class", known_values(lambda: _kinds(classes=True))),
        "protocol", "visit__site", ("created_on", RangeDateTimeFilter),
    ]  # fmt: skip
    list_select_related = ["visit__registration", "parent"]
    search_fields = ["label", "barcode__exact"]  # the label's index knows parts, the barcode's does not
    search_help_text = "Part of a label, or a whole barcode"
    ordering = ["-pk"]
    autocomplete_fields = ["visit", "parent", "requirement", "collector", "receiver"]
    actions = ["close_all", "reopen_all", "miss_all"]
    actions_detail = ["collect", "aliquots", "close", "reopen"]
    columns_of_codes = {"SPECIMEN_INVALID_QTY": "initial_qty", "SPECIMEN_INV_DISPOSE_REASON": "reason"}
    fieldsets = [
        (None, {"fields": (
            ("visit", "requirement"), ("lineage", "parent"), ("label", "barcode"), "additional_label",
            ("status", "activity_status"),
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
        return [] if obj is None else ["lineage", "parent"]

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

    def panels(self, request: HttpRequest, record: Any) -> list[RecordPanel]:
        return [
            RecordPanel(
                "tree", "Where it comes from, and what was made of it", tree(record, actor_in(request))
            ),
            *super().panels(request, record),
        ]


def tree(row: Specimen, actor: Actor) -> SafeString:
    """The whole tree a specimen stands in, as far as the caller may see it; one query."""
    root = row.primary_id or row.pk
    rows = specimens_for(actor).filter(Q(pk=root) | Q(primary=root)).order_by("pk")
    found = {one.pk: one for one in rows}
    below: dict[int | None, list[Specimen]] = {}
    for one in found.values():
        below.setdefault(one.parent_id if one.parent_id in found else None, []).append(one)
    return _branches(below.get(None, []), below, row.pk)


def _link(page: str, pk: int, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[pk]), text)


def samples(visits: Sequence[Visit], actor: Actor) -> SafeString:
    """The specimens of visits as far as the caller may see them, below each visit; one query."""
    rows = specimens_for(actor).filter(visit__in=[visit.pk for visit in visits]).order_by("pk")
    found = {row.pk: row for row in rows[:MOST_SHOWN]}
    below: dict[int | None, list[Specimen]] = {}
    tops: dict[int, list[Specimen]] = {}
    for row in found.values():
        if row.parent_id in found:
            below.setdefault(row.parent_id, []).append(row)
        else:
            tops.setdefault(row.visit_id, []).append(row)
    items = [
        (
            _link("visit_visit", visit.pk, str(visit)), visit.event.label if visit.event else "not planned",
            f"{visit.visit_date:%Y-%m-%d}" if visit.visit_date else "", visit.status.lower().replace(" ", "-"),
            visit.status, _branches(tops[visit.pk], below, 0) if visit.pk in tops else "",
        )
        for visit in visits
    ]  # fmt: skip
    shown = format_html_join(
        "", '<li><span>{} <small>{} {}</small> <i class="state {}">{}</i></span>{}</li>', items
    )
    return format_html('<ul class="tree">{}</ul>{}', shown, TOO_MANY if len(found) == MOST_SHOWN else "")


def _branches(rows: Iterable[Specimen], below: dict[int | None, list[Specimen]], here: int) -> SafeString:
    """Nested lists of specimens, drawn as a tree by the style sheet."""
    items = []
    for row in rows:
        name = _link("specimen_specimen", row.pk, str(row))
        state = row.status if row.activity_status == rules.ACTIVE else row.activity_status
        left, first = plain(row.available_qty), plain(row.initial_qty)
        quantity = f"{left or '?'} of {first}" if first else left
        inner = _branches(below[row.pk], below, here) if row.pk in below else ""
        items.append(
            (
                format_html('<b aria-current="true">{}</b>', name) if row.pk == here else name,
                row.lineage, row.type, state.lower().replace(" ", "-"), state, quantity, inner,
            )
        )  # fmt: skip
    return format_html(
        '<ul class="tree">{}</ul>',
        format_html_join(
            "",
            '<li><span>{} <small>{}, {}</small> <i class="state {}">{}</i> <small>{}</small></span>{}</li>',
            items,
        ),
    )


def _kinds(*, classes: bool) -> list[str]:
    """Specimen classes, or the types of all of them."""
    rows = PermissibleValue.objects.filter(attribute="specimen_type", activity_status="Active")
    rows = rows.filter(parent__isnull=classes).order_by("value")
    return list(dict.fromkeys(rows.values_list("value", flat=True)))


class SpecimensShown(Shown):
    """The specimens of a visit, on its page."""

    model = Specimen
    fields = ["label", "lineage", "type", "status", amount("available_qty"), "activity_status"]
    readonly_fields = [amount("available_qty")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Specimen]:
        return specimens_for(actor_in(request)).order_by("pk")


admin.site.unregister(Visit)


@admin.register(Visit)
class CollectingVisitAdmin(VisitActions, VisitAdmin):
    """Visits, with their specimens."""

    inlines = [*VisitAdmin.inlines, SpecimensShown]
    actions_detail = ["collect_planned", *VisitAdmin.actions_detail]

    def panels(self, request: HttpRequest, record: Any) -> list[RecordPanel]:
        body = samples([record], actor_in(request))
        return [RecordPanel("tree", "Specimens of the visit", body), *super().panels(request, record)]


admin.site.unregister(Registration)


@admin.register(Registration)
class SampledRegistrationAdmin(VisitedRegistrationAdmin):
    """Registrations, with their visits and specimens."""

    def panels(self, request: HttpRequest, record: Any) -> list[RecordPanel]:
        actor = actor_in(request)
        visits = list(
            visits_for(actor).filter(registration=record).select_related("event").order_by("visit_date", "pk")
        )
        empty = "Nothing is recorded yet. “New visit” above adds the first one."
        body = samples(visits, actor) if visits else format_html("<p>{}</p>", empty)
        return [RecordPanel("tree", "Visits and specimens", body), *super().panels(request, record)]
