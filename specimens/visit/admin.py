"""Visits in the admin; changes go through the same door as in the API."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from biobank.access import Actor
from biobank.admin import DoorAdmin, actor_in
from sessions_auth.detail import UserSummary
from specimens.participant.admin import RegistrationAdmin, Shown, choice, listed, tally
from specimens.participant.reads import phi_protocols
from specimens.protocol.below import specimens
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.reads import visits_for
from specimens.visit.reads.scopes import VISIT
from specimens.visit.rules import ACTIVITIES, MASK, STATUSES
from specimens.visit.writes import VISITS

_CODED = {"clinical_status": "clinical_status", "cohort": "cohort", "missed_reason": "missed_visit_reason"}
_FIXED = {"status": STATUSES, "activity_status": ACTIVITIES}
_NUMBER = "surgical_pathology_number"


@admin.register(Visit)
class VisitAdmin(DoorAdmin):
    resource: ClassVar[str | None] = VISIT
    door = VISITS
    detail = VisitDetail
    list_display = [
        "name", "ppid", "protocol", "event", "status", "visit_date", "site", "specimen_link", "activity_status",
    ]  # fmt: skip
    list_filter = ["activity_status", "status", "protocol", "site"]
    list_select_related = ["registration", "protocol", "event", "site"]
    search_fields = ["name", "registration__ppid"]
    date_hierarchy = "visit_date"
    autocomplete_fields = ["registration", "event", "site", "missed_by"]

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


class VisitsShown(Shown):
    """The visits of a registration, on its page."""

    model = Visit
    fields = ["name", "event", "status", "visit_date", "site", "activity_status"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visit]:
        return visits_for(actor_in(request)).select_related("event", "site")


RegistrationAdmin.inlines = [VisitsShown, *RegistrationAdmin.inlines]
