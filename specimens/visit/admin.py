"""Visits in the admin; changes go through the same door as in the API."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminSelectWidget

from biobank.access import Actor
from biobank.admin import DoorAdmin, actor_in
from biobank.batch.door import Change
from biobank.quick import Done, QuickForm, bulk, day, midday, one_of, page_of, quick, remark, text
from sessions_auth.detail import UserSummary
from specimens.participant.admin import RegistrationAdmin, Shown, choice, listed, tally
from specimens.participant.models import Registration
from specimens.participant.reads import phi_protocols
from specimens.protocol.below import specimens
from specimens.protocol.models import Event
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.reads import shown, visits_for
from specimens.visit.reads.scopes import VISIT
from specimens.visit.rules import ACTIVITIES, COMPLETE, MASK, MISSED, STATUSES
from specimens.visit.writes import VISITS

_CODED = {"clinical_status": "clinical_status", "cohort": "cohort", "missed_reason": "missed_visit_reason"}
_FIXED = {"status": STATUSES, "activity_status": ACTIVITIES}
_NUMBER = "surgical_pathology_number"


class MissedForm(QuickForm):
    reason = one_of("Reason", lambda: listed("missed_visit_reason"))
    comments = remark()


@admin.register(Visit)
class VisitAdmin(DoorAdmin):
    resource: ClassVar[str | None] = VISIT
    door = VISITS
    detail = VisitDetail
    list_display = [
        "name", "ppid", "protocol", "event", "status", "visit_date", "site", "specimen_link", "activity_status",
    ]  # fmt: skip
    list_filter = ["activity_status", "status", "protocol", "site", ("visit_date", RangeDateTimeFilter)]
    list_select_related = ["registration", "protocol", "event", "site"]
    search_fields = ["name", "registration__ppid"]
    autocomplete_fields = ["registration", "event", "site", "missed_by"]
    actions = ["miss_all"]
    actions_detail = ["miss"]
    search_help_text = "Part of a visit's name or of a PPID"
    ordering = ["-pk"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=visits_for(actor).values("pk"))

    def concealed(self, record: Any, actor: Actor) -> tuple[str, ...]:
        return () if phi_protocols(actor, [record.protocol_id]) else (_NUMBER,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        rows = rows.annotate(held=tally(specimens(), "visit"))
        return rows

    @admin.display(ordering="registration__ppid", description="PPID")
    def ppid(self, row: Visit) -> SafeString:
        url = reverse("admin:participant_registration_change", args=[row.registration_id])
        return format_html('<a href="{}">{}</a>', url, row.registration.ppid)

    @admin.display(ordering="held", description="Specimens")
    def specimen_link(self, row: Any) -> SafeString | int:
        try:
            url = reverse("admin:specimen_specimen_changelist")
        except NoReverseMatch:  # the pages of specimens belong to a package below
            return int(row.held)
        return format_html('<a href="{}?visit__id__exact={}">{}</a>', url, row.pk, row.held)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """The accession number is shown to callers who may see it."""
        actor = actor_in(request)
        named = actor.is_super or (isinstance(obj, Visit) and bool(phi_protocols(actor, [obj.protocol_id])))
        return [
            ("registration", "event"), ("name", "status"), ("visit_date", "site"),
            ("clinical_diagnoses", "clinical_status"), "cohort", *([_NUMBER] if named else []), "comments",
            ("missed_reason", "missed_by"), "activity_status",
        ]  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in _CODED:
            return choice(listed(_CODED[db_field.name]), blank=True)
        if db_field.name in _FIXED:
            return choice(_FIXED[db_field.name], blank=False, initial=str(db_field.default))
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if found is not None and db_field.name == "name":
            found.required = False  # it may be generated
        return found

    @quick(
        "Mark as missed", icon="event_busy", form=MissedForm, submit="Missed",
        ask="The visit did not take place, or nothing was collected.",
        when=lambda row: row.status in ("Pending", "Complete") and row.activity_status == "Active",
    )  # fmt: skip
    def miss(self, row: Visit, given: dict[str, Any], actor: Actor) -> Done:
        _miss([row.pk], given, actor)
        return Done(f"{row} was missed")

    @bulk("The chosen visits were missed", form=MissedForm, submit="Missed")
    def miss_all(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        _miss(pks, given, actor)
        return Done(f"{len(pks):,} visits were missed")

    def detail_of(self, form: Any) -> VisitDetail:
        data = dict(form.cleaned_data)
        registration, event, site = data.pop("registration"), data.pop("event"), data.pop("site")
        person = data.pop("missed_by")
        data.setdefault(_NUMBER, MASK if form.instance.pk else None)
        return VisitDetail(
            cpr_id=registration.pk if registration else None,
            event_id=event.pk if event else None,
            site=site.name if site else None,
            missed_by=UserSummary(id=person.pk) if person else None,
            **data,
        )


def _miss(pks: Sequence[int], given: dict[str, Any], actor: Actor) -> None:
    """Mark visits as missed, all or none; everything else stays as it is."""
    changes = []
    for detail, pk in zip(shown(actor, pks), pks, strict=True):
        detail.status, detail.missed_reason = MISSED, given["reason"]
        detail.comments = given["comments"] or detail.comments
        changes.append(Change(detail, pk))
    VISITS.write(changes, actor)


class VisitsShown(Shown):
    """The visits of a registration, on its page."""

    model = Visit
    fields = ["name", "event", "status", "visit_date", "site", "activity_status"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visit]:
        return visits_for(actor_in(request)).select_related("event", "site")


class NewVisitForm(QuickForm):
    """An event that is still to come, or none for a visit nobody planned."""

    date = day("Date", help_text="Blank: today")
    name = text("Name", help_text="Blank: made by the protocol's format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        events = Event.objects.filter(protocol=self.row.protocol_id, activity_status="Active")
        self.fields["event"] = forms.ChoiceField(
            required=False,
            choices=[("", "not planned"), *((row.pk, str(row)) for row in events.order_by("point", "pk"))],
            widget=UnfoldAdminSelectWidget,
        )


admin.site.unregister(Registration)


@admin.register(Registration)
class VisitedRegistrationAdmin(RegistrationAdmin):
    """Registrations, with their visits."""

    inlines = [VisitsShown, *RegistrationAdmin.inlines]
    actions_detail = ["new_visit", *RegistrationAdmin.actions_detail]

    @quick("New visit", icon="event", form=NewVisitForm, submit="Create", may="visit")
    def new_visit(self, row: Registration, given: dict[str, Any], actor: Actor) -> Done:
        event = given["event"]
        detail = VisitDetail(
            cpr_id=row.pk,
            event_id=int(event) if event else None,
            name=given["name"],
            visit_date=midday(given["date"]) or timezone.now(),
            status=COMPLETE,
        )
        pk = VISITS.write_one(detail, actor)
        return Done("The visit is recorded", page_of("visit_visit", pk))

    def has_visit_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return actor_in(request).has_any(VISIT, "Create", "Update")
