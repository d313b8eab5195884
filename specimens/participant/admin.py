"""Participants and registrations in the admin; names stand there only for users with PHI rights."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    IntegerField,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RangeDateFilter

from biobank.access import Actor
from biobank.admin import DoorAdmin, actor_in, known_values
from biobank.admin import choice as choice
from biobank.quick import Done, QuickForm, day, one_of, quick, remark
from specimens.participant.detail import (
    ConsentResponseDetail,
    ConsentsDetail,
    ParticipantDetail,
    RegistrationDetail,
    RegistrationSearch,
)
from specimens.participant.models import ConsentResponse, MedicalRecord, Participant, Registration
from specimens.participant.reads import matching, registrations_for
from specimens.participant.reads.consents import asking_protocol, tiers_of
from specimens.participant.reads.scopes import CONSENT, DEID, PHI
from specimens.participant.rules import DATA_ENTRY, MASK, STATUSES
from specimens.participant.writes import CONSENTS, PARTICIPANTS, REGISTRATIONS, anonymize
from specimens.protocol.below import visits
from specimens.protocol.reads import protocols_for
from terminology.models import PermissibleValue

_CODED = {"gender": "gender", "vital_status": "vital_status"}
_FIXED = {"activity_status": STATUSES, "data_entry_status": DATA_ENTRY}


def listed(attribute: str) -> list[str]:
    """The active values of a pick list, in its order."""
    rows = PermissibleValue.objects.filter(attribute=attribute, activity_status="Active")
    return list(rows.order_by("sort_order", "value").values_list("value", flat=True))


def tally(rows: QuerySet[Any], owner: str) -> Coalesce:
    """How many of `rows` refer to a row through `owner`; counted for the rows of the page only."""
    counted = rows.filter(**{owner: OuterRef("pk")}).order_by().values(owner).annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), Value(0), output_field=IntegerField())


class Shown(TabularInline):  # type: ignore[misc]
    """Records below another, to look at and to go to."""

    extra = 0
    tab = True
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RegistrationsShown(Shown):
    model = Registration
    fields = ["protocol", "ppid", "registration_date", "site", "activity_status"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Registration]:
        return registrations_for(actor_in(request)).select_related("protocol", "site")


class RecordNumbersShown(Shown):
    model = MedicalRecord
    fields = ["site", "mrn"]
    show_change_link = False


class ResponsesShown(Shown):
    model = ConsentResponse
    fields = ["tier", "response"]
    show_change_link = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        actor = actor_in(request)
        if not isinstance(obj, Registration) or actor.is_super:
            return actor.is_super
        return protocols_for(actor, "Consent", "Read").filter(pk=obj.protocol_id).exists()


@admin.register(Participant)
class ParticipantAdmin(DoorAdmin):
    """People by name: only those registered where the caller has PHI rights."""

    resource = PHI
    door = PARTICIPANTS
    detail = ParticipantDetail
    list_display = [
        "__str__",
        "last_name",
        "first_name",
        "birth_date",
        "gender",
        "empi",
        "uid",
        "activity_status",
    ]
    list_filter = [
        "activity_status", ("gender", known_values(lambda: listed("gender"))),
        ("vital_status", known_values(lambda: listed("vital_status"))),
    ]  # fmt: skip
    search_fields = ["last_name", "first_name", "empi", "uid", "medical_records__mrn", "registrations__ppid"]
    inlines = [RegistrationsShown, RecordNumbersShown]
    fields = [
        ("first_name", "middle_name", "last_name"), ("birth_date", "death_date"), ("gender", "vital_status"),
        ("email_address", "email_opt_in"), ("phone_number", "text_opt_in"), ("uid", "empi"), ("races", "ethnicities"),
    ]  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # people come with their first registration

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        here = registrations_for(actor, "Read").filter(participant=OuterRef("pk"))
        return rows.filter(Exists(here))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in _CODED:
            return choice(listed(_CODED[db_field.name]), blank=True)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class ConsentForm(QuickForm):
    """One answer for each statement that the protocol asks for."""

    date = day("Signed on")
    comments = remark()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = tiers_of([asking_protocol(self.row)])[asking_protocol(self.row)]
        given = dict(self.row.consent_responses.values_list("tier_id", "response"))
        self.fields["date"].initial = self.row.consent_signature_date
        self.fields["comments"].initial = self.row.consent_comments
        for tier in self.asked:
            self.fields[f"answer_{tier.pk}"] = one_of(
                tier.statement.statement, lambda: listed("consent_response"), initial=given.get(tier.pk)
            )


@admin.register(Registration)
class RegistrationAdmin(DoorAdmin):
    """Registrations; the participant's name is shown row by row where the caller has PHI rights."""

    resource: ClassVar[str | None] = PHI
    door = REGISTRATIONS
    detail = RegistrationDetail
    list_display = [
        "ppid", "protocol", "name", "registration_date", "site", "visit_link", "data_entry_status", "activity_status",
    ]  # fmt: skip
    list_filter = [
        "activity_status", "protocol", "site", ("registration_date", RangeDateFilter),
        ("data_entry_status", known_values(lambda: DATA_ENTRY)),
    ]  # fmt: skip
    list_select_related = ["protocol", "participant", "site"]
    search_fields = ["ppid"]
    search_help_text = "PPID; with PHI rights also name, record number, eMPI, national id"
    ordering = ["-pk"]
    autocomplete_fields = ["protocol", "participant", "site"]
    inlines = [ResponsesShown]
    actions_detail = ["consents", "anonymize"]
    fields = [
        ("protocol", "participant"), ("ppid", "registration_date"), ("site", "external_subject_id"), "barcode",
        ("activity_status", "data_entry_status"),
    ]  # fmt: skip

    def _may(self, request: HttpRequest, operation: str) -> bool:
        blind = operation == "Read" and request.user.is_authenticated
        return super()._may(request, operation) or (blind and actor_in(request).has_any(DEID, "Read"))

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=registrations_for(actor).values("pk"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        actor = actor_in(request)
        named: Any = Value(True, output_field=BooleanField())
        if not actor.is_super:
            named = Exists(protocols_for(actor, PHI, "Read").filter(pk=OuterRef("protocol_id")))
        rows: QuerySet[Any] = super().get_queryset(request)
        rows = rows.annotate(named=named, visited=tally(visits(), "registration"))
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The search of the API: identities are only compared where the caller has PHI rights."""
        if not search_term.strip():
            return queryset, False
        found = matching(RegistrationSearch(search_str=search_term), actor_in(request))
        return queryset.filter(pk__in=found.values("pk")), False

    @quick("Consents", icon="handshake", form=ConsentForm, submit="Save", may="consent")
    def consents(self, row: Registration, given: dict[str, Any], actor: Actor) -> Done:
        answers = [
            ConsentResponseDetail(code=tier.statement.code, response=given.get(f"answer_{tier.pk}"))
            for tier in tiers_of([asking_protocol(row)])[asking_protocol(row)]
        ]
        detail = ConsentsDetail(
            consent_signature_date=given["date"], comments=given["comments"], responses=answers
        )
        CONSENTS.write_one(detail, actor, row.pk)
        return Done("The consents are recorded")

    def has_consent_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return actor_in(request).has_any(CONSENT, "Create", "Update")

    @quick(
        "Anonymize", icon="person_off", submit="Anonymize for good",
        ask="Name, dates, addresses and record numbers of the participant are removed. This cannot be undone.",
    )  # fmt: skip
    def anonymize(self, row: Registration, given: dict[str, Any], actor: Actor) -> Done:
        anonymize(row.pk, actor)
        return Done(f"The participant {row} is anonymous now")

    @admin.display(description="Participant", ordering="participant_id")
    def name(self, row: Any) -> str:
        if not row.named:
            return MASK
        person = row.participant
        return " ".join(part for part in (person.first_name, person.last_name) if part) or str(person)

    @admin.display(description="Visits", ordering="visited")
    def visit_link(self, row: Any) -> SafeString | int:
        try:
            url = reverse("admin:visit_visit_changelist")
        except NoReverseMatch:  # the pages of visits belong to a package below
            return int(row.visited)
        return format_html('<a href="{}?registration__id__exact={}">{}</a>', url, row.pk, row.visited)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A registration stays in its protocol; people are merged over the API."""
        return ["protocol", "participant"] if obj is not None else []

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in _FIXED:
            return choice(_FIXED[db_field.name], blank=False, initial=str(db_field.default))
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if found is not None and db_field.name in ("ppid", "participant"):
            found.required = False  # a PPID may be generated, a participant new
        return found

    def detail_of(self, form: Any) -> RegistrationDetail:
        data = dict(form.cleaned_data)
        protocol, person, site = data.pop("protocol", None), data.pop("participant", None), data.pop("site")
        if not data["ppid"]:
            del data["ppid"]
        if protocol is not None:
            sent = ParticipantDetail(id=person.pk) if person else ParticipantDetail()
            data |= {"cp_id": protocol.pk, "participant": sent}
        return RegistrationDetail(site=site.name if site else None, **data)
