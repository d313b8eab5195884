"""Visits as they go over the wire, those still to come among them (spec 03 §2.2, §2.6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from biobank.access import Actor
from biobank.configuration.reads import setting
from biobank.wire.dates import server_zone
from sessions_auth.detail import UserSummary
from sessions_auth.reads import summaries
from specimens.participant.reads import phi_protocols
from specimens.protocol.models import Event
from specimens.visit import rules
from specimens.visit.detail import DiagnosisDetail, VisitDetail
from specimens.visit.models import Visit
from terminology.reads import Terms, load_terms

COUNTERS = (
    "total_pending_spmns", "pending_primary_spmns", "planned_primary_spmns_coll", "uncollected_primary_spmns",
    "unplanned_primary_spmns_coll", "not_stored_specimens", "closed_specimens",
)  # fmt: skip
Counts = Mapping[str, Any]


def with_parts(rows: QuerySet[Visit]) -> QuerySet[Visit]:
    """Visits with what a detail shows, in one query; wide columns of the protocol stay out."""
    return rows.select_related("registration", "protocol", "event", "site").defer(
        "protocol__workflows", "protocol__spmn_label_print_settings"
    )


@dataclass(slots=True)
class Context:
    """What all details of one answer share: one query for each kind."""

    terms: Terms
    users: Mapping[int, UserSummary]
    date_format: str
    phi: Collection[int] | None  # protocols whose accession numbers may be shown; None: all
    counts: Mapping[int, Counts] = field(default_factory=dict)

    @staticmethod
    def of(
        rows: Sequence[Visit],
        *,
        phi: Collection[int] | None,
        stats: bool = False,
        events: Iterable[Event] = (),
    ) -> "Context":
        diagnoses = {text for row in rows for text in row.clinical_diagnoses}
        diagnoses |= {event.clinical_diagnosis for event in events if event.clinical_diagnosis}
        return Context(
            terms=load_terms({"clinical_diagnosis": diagnoses}),
            users=summaries(row.missed_by_id for row in rows),
            date_format=rules.strftime_pattern(setting("common", "date_format")),
            phi=phi,
            counts=counters([row.pk for row in rows]) if stats else {},
        )

    def masks(self, protocol_id: int) -> bool:
        return self.phi is not None and protocol_id not in self.phi


def visit_details(
    rows: Sequence[Visit], *, phi: Collection[int] | None, stats: bool = False
) -> list[VisitDetail]:
    """Details in the order given; `phi` names the protocols whose accession numbers are shown, None: all.

    The rows come from `with_parts`; two more queries, three with `stats`.
    """
    context = Context.of(rows, phi=phi, stats=stats)
    return [visit_detail(row, context) for row in rows]


def visit_detail(row: Visit, context: Context) -> VisitDetail:
    """One stored visit."""
    number = row.surgical_pathology_number
    if number and context.masks(row.protocol_id):
        number = rules.MASK
    when = row.visit_date.astimezone(server_zone()) if row.visit_date else None
    return VisitDetail.model_construct(
        id=row.pk,
        cpr_id=row.registration_id,
        ppid=row.registration.ppid,
        **protocol_keys(row),
        **event_keys(row.event),
        name=row.name,
        status=row.status,
        visit_date=row.visit_date,
        site=row.site.name if row.site else None,
        clinical_diagnoses=row.clinical_diagnoses,
        diagnosis_list=diagnoses(row.clinical_diagnoses, context),
        clinical_status=row.clinical_status,
        cohort=row.cohort,
        surgical_pathology_number=number,
        spr_name=row.spr_name,
        spr_locked=row.spr_locked,
        comments=row.comments,
        missed_reason=row.missed_reason,
        missed_by=context.users.get(row.missed_by_id or 0),
        activity_status=row.activity_status,
        description=described(row.event, when, context),
        **context.counts.get(row.pk, {}),
    )


def protocol_keys(row: Visit) -> dict[str, Any]:
    protocol = row.protocol
    return {"cp_id": protocol.pk, "cp_title": protocol.title, "cp_short_title": protocol.short_title}


def event_keys(event: Event | None) -> dict[str, Any]:
    """The keys that come from the event; none for unplanned visits."""
    if event is None:
        return {}
    return {
        "event_id": event.pk,
        "event_label": event.label,
        "event_code": event.code,
        "event_point": event.point,
        "event_point_unit": event.point_unit if event.point is not None else None,
    }


def described(event: Event | None, when: datetime | None, context: Context) -> str:
    """The visit in words."""
    return rules.description(
        label=event.label if event else None,
        code=event.code if event else None,
        point=event.point if event else None,
        unit=event.point_unit if event else None,
        when=when,
        date_format=context.date_format,
    )


def diagnoses(texts: Sequence[str], context: Context) -> list[DiagnosisDetail]:
    """Diagnoses as permissible values; a text that left the list is left out."""
    found = (context.terms.find("clinical_diagnosis", text)[:1] for text in texts)
    return [
        DiagnosisDetail.model_construct(
            id=row.pk,
            value=row.value,
            attribute=row.attribute,
            concept_code=row.concept_code,
            props=row.props,
            activity_status=row.activity_status,
        )
        for rows in found
        for row in rows
    ]


def counters(pks: Sequence[int]) -> dict[int, Counts]:
    """How many specimens of the visits are pending, collected, missed, closed; one query (spec 03 §2.6)."""
    if not pks:
        return {}
    here = ~Q(specimens__activity_status="Disabled") & Q(specimens__isnull=False)
    primary = here & Q(specimens__lineage="New")
    pending, collected = Q(specimens__status="Pending"), Q(specimens__status="Collected")
    planned = Q(specimens__requirement__isnull=False)
    conditions = {
        "total_pending_spmns": here & pending,
        "pending_primary_spmns": primary & pending,
        "planned_primary_spmns_coll": primary & collected & planned,
        "uncollected_primary_spmns": primary & Q(specimens__status__in=rules.UNCOLLECTED),
        "unplanned_primary_spmns_coll": primary & collected & ~planned,
        "not_stored_specimens": collected & Q(specimens__activity_status="Active"),
        "closed_specimens": Q(specimens__activity_status="Closed"),
    }
    rows = Visit.objects.filter(pk__in=pks).order_by()
    counted = rows.annotate(**{name: Count("specimens", filter=c) for name, c in conditions.items()})
    return {row.pop("pk"): row for row in counted.values("pk", *conditions)}


def shown(actor: Actor, pks: Sequence[int]) -> list[VisitDetail]:
    """The visits in the order of `pks`, deleted ones too, masked by the caller's rights."""
    found = with_parts(Visit.objects.all()).in_bulk(list(pks))
    rows = [found[pk] for pk in pks]
    return visit_details(rows, phi=visible(actor, rows))


def visible(actor: Actor, rows: Sequence[Visit]) -> Collection[int] | None:
    """The protocols of the rows whose accession numbers the caller may see; None: all."""
    return None if actor.is_super else phi_protocols(actor, {row.protocol_id for row in rows})
