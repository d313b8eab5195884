"""Where records keep the values of pick lists as text: a value that is used can neither go nor be renamed."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db.models import QuerySet

from terminology.models import PermissibleValue

_PLAIN: dict[str, tuple[tuple[str, str], ...]] = {
    "site_type": (("sites.Site", "type"),),
    "label_printer_name": (("sessions_auth.User", "default_printer"),),
    "gender": (("participant.Participant", "gender"),),
    "vital_status": (("participant.Participant", "vital_status"),),
    "2003990": (("participant.Participant", "sex_genotype"),),
    "consent_response": (("participant.ConsentResponse", "response"),),
    "clinical_status": (("visit.Visit", "clinical_status"), ("protocol.Event", "clinical_status")),
    "clinical_diagnosis": (("protocol.Event", "clinical_diagnosis"),),
    "cohort": (("visit.Visit", "cohort"),),
    "missed_visit_reason": (("visit.Visit", "missed_reason"),),
    "anatomic_site": (("specimen.Specimen", "anatomic_site"), ("protocol.Requirement", "anatomic_site")),
    "laterality": (("specimen.Specimen", "laterality"), ("protocol.Requirement", "laterality")),
    "pathology_status": (("specimen.Specimen", "pathology"), ("protocol.Requirement", "pathology")),
    "collection_procedure": (
        ("specimen.Specimen", "collection_procedure"),
        ("protocol.Requirement", "collection_procedure"),
    ),
    "collection_container": (
        ("specimen.Specimen", "collection_container"),
        ("protocol.Requirement", "collection_container"),
    ),
    "receive_quality": (("specimen.Specimen", "received_quality"),),
    "specimen_dispose_reason": (("specimen.Specimen", "disposal_reason"),),
    "specimen_unit": (
        ("protocol.SpecimenTypeUnit", "quantity_unit"),
        ("protocol.SpecimenTypeUnit", "concentration_unit"),
    ),
}
_LISTS: dict[str, tuple[tuple[str, str], ...]] = {
    "race": (("participant.Participant", "races"),),
    "ethnicity": (("participant.Participant", "ethnicities"),),
    "clinical_diagnosis": (("visit.Visit", "clinical_diagnoses"),),
    "specimen_biohazard": (("specimen.Specimen", "biohazards"),),
}
_TYPED = ("specimen.Specimen", "protocol.Requirement")


def used(rows: Iterable[PermissibleValue]) -> set[int]:
    """The keys of the values that have children or that a record holds; `parent` should be loaded.

    One query a column, whatever the number of values; deleted records are not asked.
    """
    wanted = list(rows)
    if not wanted:
        return set()
    found = _with_children(wanted)
    for attribute in {row.attribute for row in wanted}:
        values = {row.value: row.pk for row in wanted if row.attribute == attribute}
        if attribute == "specimen_type":
            found |= _typed([row for row in wanted if row.attribute == attribute])
            continue
        for model, column in _PLAIN.get(attribute, ()):
            held = _alive(model).filter(**{f"{column}__in": list(values)}).order_by()
            found |= {values[text] for text in held.values_list(column, flat=True).distinct()}
        for model, column in _LISTS.get(attribute, ()):
            lists = _alive(model).filter(**{f"{column}__overlap": list(values)}).order_by()
            texts = {text for held in lists.values_list(column, flat=True).distinct() for text in held}
            found |= {pk for text, pk in values.items() if text in texts}
    return found


def _with_children(rows: list[PermissibleValue]) -> set[int]:
    children = PermissibleValue.objects.filter(parent__in=[row.pk for row in rows])
    parents = children.exclude(activity_status="Disabled").values_list("parent", flat=True)
    return {pk for pk in parents if pk is not None}


def _typed(rows: list[PermissibleValue]) -> set[int]:
    """A type counts below its class only, as several classes may have a type of that name."""
    classes = {row.value: row.pk for row in rows if row.parent is None}
    types = {(row.parent.value, row.value): row.pk for row in rows if row.parent is not None}
    found: set[int] = set()
    for model in _TYPED:
        alive = _alive(model).order_by()
        held = alive.filter(specimen_class__in=list(classes)).values_list("specimen_class", flat=True)
        found |= {classes[name] for name in held.distinct()}
        pairs = alive.filter(
            specimen_class__in={name for name, _ in types}, type__in={name for _, name in types}
        )
        held_pairs = set(pairs.values_list("specimen_class", "type").distinct())
        found |= {pk for pair, pk in types.items() if pair in held_pairs}
    return found


def _alive(label: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model(label)._default_manager.all()
    has_status = any(field.name == "activity_status" for field in rows.model._meta.fields)
    return rows.exclude(activity_status="Disabled") if has_status else rows
