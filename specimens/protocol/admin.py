"""Protocols and what belongs to them in the admin; changes go through the same doors as in the API."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminSelectWidget

from biobank.access import Actor
from biobank.admin import DoorAdmin, DoorForm, ReadOnlyAdmin, RecordPanel, amount, plain
from biobank.quick import Done, QuickForm, page_of, quick, text
from sessions_auth.detail import UserSummary
from sites.models import Site
from specimens.protocol.detail.consents import StatementDetail
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.detail.protocols import PrintSetting, ProtocolDetail, SiteLink
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.detail.units import UnitBody
from specimens.protocol.models import (
    CollectionProtocol,
    ConsentStatement,
    ConsentTier,
    Event,
    ProtocolGroup,
    ProtocolSite,
    PublishedVersion,
    Requirement,
    SpecimenTypeUnit,
)
from specimens.protocol.reads.groups import readable
from specimens.protocol.reads.protocols import protocol_details
from specimens.protocol.reads.scopes import PROTOCOL, protocols_for
from specimens.protocol.rules.events import DAYS
from specimens.protocol.rules.protocols import (
    CHOICES,
    LABEL_PRINT_MODES,
    LINEAGES,
    STATUSES,
)
from specimens.protocol.writes.consents import STATEMENTS
from specimens.protocol.writes.events import EVENTS
from specimens.protocol.writes.protocols import PROTOCOLS
from specimens.protocol.writes.requirements import REQUIREMENTS
from specimens.protocol.writes.units import UNITS
from specimens.protocol.writes.whole import copy_protocol

_SELECTS: dict[str, tuple[str, ...]] = {name: allowed for name, allowed, _, _ in CHOICES} | {
    "activity_status": STATUSES,
    "point_unit": tuple(DAYS),
    "lineage": LINEAGES,
    "label_auto_print_mode": LABEL_PRINT_MODES,
}


class _Selects(DoorAdmin):
    """Texts with a fixed list of values are chosen from it."""

    resource = PROTOCOL

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """The records shown below never change with the form."""
        return super().construct_change_message(request, form, [], add)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        allowed = _SELECTS.get(db_field.name)
        if allowed is None:
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        choices = [(value, value) for value in allowed]
        return forms.ChoiceField(
            choices=choices if db_field.has_default() else [("", "-"), *choices],
            required=False,
            initial=db_field.default if db_field.has_default() else "",
            widget=UnfoldAdminSelectWidget,
        )


class _Shown(TabularInline):  # type: ignore[misc]
    """Records below another, to look at and to go to."""

    extra = 0
    tab = True
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class EventsShown(_Shown):
    model = Event
    fields = ["label", "code", "point", "point_unit", "activity_status"]


class SitesShown(_Shown):
    model = ProtocolSite
    fields = ["site", "code"]
    show_change_link = False


class TiersShown(_Shown):
    model = ConsentTier
    fields = ["statement", "activity_status"]
    show_change_link = False


class VersionsShown(_Shown):
    model = PublishedVersion
    fields = ["version", "kind", "changes", "published_by", "published_at"]


class RequirementsShown(_Shown):
    model = Requirement
    fields = [
        "name",
        "code",
        "lineage",
        "specimen_class",
        "type",
        amount("initial_qty"),
        "parent",
        "activity_status",
    ]
    readonly_fields = [amount("initial_qty")]


class ProtocolForm(DoorForm):
    """`sites` keeps the protocol's codes of the sites that stay."""

    sites = forms.ModelMultipleChoiceField(Site.objects.exclude(activity_status="Disabled").order_by("name"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None and "sites" in self.fields:
            self.initial["sites"] = list(self.instance.protocol_sites.values_list("site_id", flat=True))


class CopyForm(QuickForm):
    short_title = text("Short title")
    title = text("Title")


@admin.register(CollectionProtocol)
class ProtocolAdmin(_Selects):
    door = PROTOCOLS
    detail = ProtocolDetail
    form = ProtocolForm
    list_display = [
        "short_title", "title", "code", "principal_investigator", "registrations", "activity_status", "draft_mode",
    ]  # fmt: skip
    list_filter = ["activity_status", "protocol_sites__site"]
    list_select_related = ["principal_investigator"]
    search_fields = ["short_title", "title", "code", "irb_id"]
    autocomplete_fields = ["principal_investigator", "coordinators"]
    inlines = [EventsShown, SitesShown, TiersShown, VersionsShown]
    actions_detail: Any = ["copy", "close", "reopen"]
    ordering = ["-pk"]
    fieldsets = [
        (None, {"fields": (
            ("short_title", "title"), ("code", "irb_id"), ("principal_investigator", "activity_status"),
            "sites", "coordinators", ("start_date", "end_date"), "anticipated_participants_count",
            "description_url",
        )}),
        ("Names and labels", {"fields": (
            ("ppid_fmt", "manual_ppid_enabled"), ("visit_name_fmt", "manual_visit_name_enabled"),
            ("specimen_label_fmt", "manual_spec_label_enabled"), ("derivative_label_fmt", "aliquot_label_fmt"),
            ("additional_label_fmt", "label_sequence_key"), ("specimen_barcode_fmt", "barcoding_enabled"),
        )}),
        ("Collection", {"fields": (
            ("visit_collection_mode", "close_parent_specimens"), ("visit_name_print_mode", "visit_name_print_copies"),
            "spmn_label_pre_print_mode", ("container_selection_strategy", "aliquots_in_same_container"),
        )}),
    ]  # fmt: skip

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=protocols_for(actor))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        gone = Q(registrations__activity_status="Disabled")
        rows: QuerySet[Any] = super().get_queryset(request)
        found: QuerySet[Any] = rows.annotate(registered=Count("registrations", filter=~gone))
        return found

    @admin.display(description="Registrations", ordering="registered")
    def registrations(self, row: Any) -> SafeString | int:
        try:
            url = reverse("admin:participant_registration_changelist")
        except NoReverseMatch:  # the pages of participants belong to a package below
            return int(row.registered)
        return format_html('<a href="{}?protocol__id__exact={}">{}</a>', url, row.pk, row.registered)

    @quick(
        "Close", icon="block", when=lambda row: row.activity_status == "Active",
        ask="Nobody is registered to a closed protocol; its records stay.",
    )  # fmt: skip
    def close(self, row: CollectionProtocol, given: dict[str, Any], actor: Actor) -> Done:
        _change_activity(row.pk, "Closed", actor)
        return Done(f"{row} is closed")

    @quick("Reopen", icon="lock_open", when=lambda row: row.activity_status == "Closed")
    def reopen(self, row: CollectionProtocol, given: dict[str, Any], actor: Actor) -> Done:
        _change_activity(row.pk, "Active", actor)
        return Done(f"{row} is open again")

    @quick(
        "Copy", icon="content_copy", form=CopyForm, may="copy",
        ask="A new protocol with the same events, requirements and settings; without participants.",
    )  # fmt: skip
    def copy(self, row: CollectionProtocol, given: dict[str, Any], actor: Actor) -> Done:
        pk = copy_protocol(
            row.pk, ProtocolDetail(short_title=given["short_title"], title=given["title"]), actor
        )
        return Done("The copy is made", page_of("protocol_collectionprotocol", pk))

    def has_copy_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.has_add_permission(request)

    def panels(self, request: HttpRequest, record: Any) -> list[RecordPanel]:
        return [
            RecordPanel("plan", "Events and what is collected at them", plan(record)),
            *super().panels(request, record),
        ]

    def detail_of(self, form: Any) -> ProtocolDetail:
        """The stored protocol with the form's values; what the form does not show stays."""
        data = dict(form.cleaned_data)
        investigator, coordinators = data.pop("principal_investigator"), data.pop("coordinators")
        stored = form.instance.pk and {link.site_id: link.code for link in form.instance.protocol_sites.all()}
        links = [
            SiteLink(site_name=site.name, code=(stored or {}).get(site.pk)) for site in data.pop("sites")
        ]
        return ProtocolDetail(
            **_unshown(form.instance),
            **data,
            principal_investigator=UserSummary(id=investigator.pk) if investigator else None,
            coordinators=[UserSummary(id=person.pk) for person in coordinators],
            cp_sites=links,
        )


def _change_activity(pk: int, status: str, actor: Actor) -> None:
    detail = protocol_details([pk])[0]
    detail.activity_status = status
    PROTOCOLS.write_one(detail, actor, pk)


def plan(row: CollectionProtocol) -> SafeString:
    """Events and requirements of a protocol as a tree, each a link; two queries."""
    events = Event.objects.filter(protocol=row).exclude(activity_status="Disabled").order_by("point", "pk")
    rows = Requirement.objects.filter(event__protocol=row).exclude(activity_status="Disabled")
    below: dict[tuple[int, int | None], list[Requirement]] = {}
    for one in rows.order_by("sort_order", "pk"):
        below.setdefault((one.event_id, one.parent_id), []).append(one)
    items = [
        (
            reverse("admin:protocol_event_change", args=[one.pk]),
            one.label,
            _point(one),
            _planned(one.pk, None, below),
        )
        for one in events
    ]
    if not items:
        add = f"{reverse('admin:protocol_event_add')}?protocol={row.pk}"
        return format_html('Nothing is planned yet. <a href="{}">Add the first event</a>', add)
    return format_html(
        '<ul class="tree">{}</ul>',
        format_html_join("", '<li><a href="{}">{}</a> <small>{}</small>{}</li>', items),
    )


def _point(event: Event) -> str:
    return "" if event.point is None else f"{event.point} {(event.point_unit or 'days').lower()}"


def _planned(
    event: int, parent: int | None, below: dict[tuple[int, int | None], list[Requirement]]
) -> SafeString | str:
    rows = below.get((event, parent))
    if not rows:
        return ""
    items = [
        (
            reverse("admin:protocol_requirement_change", args=[one.pk]), one.name or one.type, one.lineage, one.type,
            plain(one.initial_qty), one.activity_status.lower(), one.activity_status,
            _planned(event, one.pk, below),
        )
        for one in rows
    ]  # fmt: skip
    return format_html(
        '<ul class="tree">{}</ul>',
        format_html_join(
            "",
            '<li><a href="{}">{}</a> <small>{}, {} {}</small> <i class="state {}">{}</i>{}</li>',
            items,
        ),
    )


_UNSHOWN = (
    "sop_document_url", "sop_document_name", "kit_labels_enabled", "bulk_part_reg_enabled", "set_qty_to_zero",
    "storage_site_based_access", "draft_data_entry", "store_spr_enabled", "extract_spr_text",
)  # fmt: skip


def _unshown(row: CollectionProtocol) -> dict[str, Any]:
    """Values that a replacement needs and the form does not show."""
    kept: dict[str, Any] = {name: getattr(row, name) for name in _UNSHOWN}
    kept["spmn_label_print_settings"] = [PrintSetting(**item) for item in row.spmn_label_print_settings]
    return kept


@admin.register(Event)
class EventAdmin(_Selects):
    door = EVENTS
    detail = ProtocolEventDetail
    list_display = ["label", "protocol", "code", "point", "point_unit", "default_site", "activity_status"]
    list_filter = ["activity_status", "protocol"]
    list_select_related = ["protocol", "default_site"]
    search_fields = ["label", "code", "protocol__short_title"]
    autocomplete_fields = ["protocol", "default_site"]
    inlines = [RequirementsShown]
    fields = [
        "protocol", ("label", "code"), ("point", "point_unit"), "default_site",
        ("clinical_diagnosis", "clinical_status"), ("visit_name_print_mode", "visit_name_print_copies"),
        ("sort_order", "activity_status"),
    ]  # fmt: skip

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(protocol__in=protocols_for(actor))

    def detail_of(self, form: Any) -> ProtocolEventDetail:
        data = dict(form.cleaned_data)
        protocol, site = data.pop("protocol"), data.pop("default_site")
        return ProtocolEventDetail(
            event_label=data.pop("label"),
            event_point=data.pop("point"),
            event_point_unit=data.pop("point_unit"),
            cp_short_title=protocol.short_title if protocol else None,
            default_site=site.name if site else None,
            **data,
        )


@admin.register(Requirement)
class RequirementAdmin(_Selects):
    door = REQUIREMENTS
    detail = RequirementDetail
    list_display = [
        "__str__", "code", "protocol", "event", "lineage", "specimen_class", "type", amount("initial_qty"),
        "activity_status",
    ]  # fmt: skip
    list_filter = ["activity_status", "lineage", "specimen_class", "event__protocol"]
    list_select_related = ["event__protocol"]
    search_fields = ["name", "code", "type", "event__label", "event__protocol__short_title"]
    autocomplete_fields = ["event", "parent", "collector", "receiver"]
    fields = [
        ("event", "parent"), ("lineage", "activity_status"), ("name", "code"), ("specimen_class", "type"),
        ("anatomic_site", "laterality"), ("pathology", "storage_type"), ("initial_qty", "concentration"),
        ("collection_procedure", "collection_container"), ("collector", "receiver"), "label_fmt",
        ("label_auto_print_mode", "label_print_copies"), "sort_order",
    ]  # fmt: skip

    @admin.display(ordering="event__protocol__short_title")
    def protocol(self, row: Requirement) -> str:
        return row.event.protocol.short_title

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A requirement stays where it was planned."""
        return ["event", "parent", "lineage"] if obj is not None else []

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(event__protocol__in=protocols_for(actor))

    def detail_of(self, form: Any) -> RequirementDetail:
        data = dict(form.cleaned_data)
        event, parent = data.pop("event", None), data.pop("parent", None)
        people = {
            name: UserSummary(id=person.pk)
            for name in ("collector", "receiver")
            if (person := data.pop(name)) is not None
        }
        row = form.instance
        return RequirementDetail(
            event_id=event.pk if event else None,
            parent_sr_id=parent.pk if parent else None,
            pre_barcoded_tube=row.pre_barcoded_tube,
            default_custom_field_values=row.default_custom_field_values,
            **people,
            **data,
        )


@admin.register(ConsentStatement)
class StatementAdmin(_Selects):
    door = STATEMENTS
    detail = StatementDetail
    list_display = ["code", "statement", "activity_status"]
    list_filter = ["activity_status"]
    search_fields = ["code", "statement"]
    fields = ["code", "statement", "activity_status"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows


@admin.register(SpecimenTypeUnit)
class UnitAdmin(_Selects):
    """Units of all protocols are the super administrator's: the door says so."""

    door = UNITS
    detail = UnitBody
    list_display = ["specimen_class", "type", "protocol", "quantity_unit", "concentration_unit"]
    list_filter = ["specimen_class", "protocol"]
    list_select_related = ["protocol"]
    search_fields = ["specimen_class", "type", "protocol__short_title"]
    autocomplete_fields = ["protocol"]
    fields = ["protocol", ("specimen_class", "type"), ("quantity_unit", "concentration_unit")]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(Q(protocol=None) | Q(protocol__in=protocols_for(actor)))

    def detail_of(self, form: Any) -> UnitBody:
        data = dict(form.cleaned_data)
        protocol = data.pop("protocol")
        return UnitBody(cp_short_title=protocol.short_title if protocol else None, **data)


class MembersShown(_Shown):
    model = CollectionProtocol
    fk_name = "group"
    fields = ["short_title", "title", "activity_status"]
    readonly_fields = fields


@admin.register(ProtocolGroup)
class GroupAdmin(ReadOnlyAdmin):
    """Groups are made and changed through the API."""

    resource: ClassVar[str | None] = PROTOCOL
    list_display = ["name", "activity_status"]
    list_filter = ["activity_status"]
    search_fields = ["name", "protocols__short_title"]
    fields = ["name", "activity_status"]
    inlines = [MembersShown]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=readable(actor))


@admin.register(PublishedVersion)
class VersionAdmin(ReadOnlyAdmin):
    resource: ClassVar[str | None] = PROTOCOL
    list_display = [
        "protocol",
        "version",
        "kind",
        "changes",
        "published_by",
        "published_at",
        "released",
        "retired",
    ]
    list_filter = ["kind", "released", "retired", "protocol"]
    list_select_related = ["protocol", "published_by"]
    search_fields = ["protocol__short_title", "version", "changes", "reason"]
    date_hierarchy = "published_at"

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(protocol__in=protocols_for(actor))
