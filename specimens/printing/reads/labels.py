"""What labels tell of specimens and visits: one statement for their rows, one for abbreviations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from biobank.wire.dates import server_zone
from specimens.printing.rules import Fit
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from terminology.models import PermissibleValue

_VISIT = {
    "PPI": "registration__ppid",
    "CP_SHORT_TITLE": "protocol__short_title",
    "CP_CODE": "protocol__code",
    "CP_ID": "protocol_id",
    "VISIT_NAME": "name",
    "VISIT_DATE": "visit_date",
    "VISIT_SITE": "site__name",
    "EVENT_LABEL": "event__label",
    "EVENT_CODE": "event__code",
}
_OF_VISIT = {
    **_VISIT,
    "VISIT_ID": "pk",
    "STATUS": "status",
    "CLINICAL_STATUS": "clinical_status",
    "COHORT": "cohort",
}
_OF_SPECIMEN = {
    **{token: path if path.startswith("protocol") else f"visit__{path}" for token, path in _VISIT.items()},
    "LABEL": "label",
    "ADDITIONAL_LABEL": "additional_label",
    "BARCODE": "barcode",
    "SPECIMEN_ID": "pk",
    "CLASS": "specimen_class",
    "TYPE": "type",
    "LINEAGE": "lineage",
    "ANATOMIC_SITE": "anatomic_site",
    "LATERALITY": "laterality",
    "PATHOLOGY": "pathology",
    "STATUS": "status",
    "INITIAL_QTY": "initial_qty",
    "AVAILABLE_QTY": "available_qty",
    "CONCENTRATION": "concentration",
    "CREATED_ON": "created_on",
    "SR_CODE": "requirement__code",
    "SR_NAME": "requirement__name",
    "PSPEC_LABEL": "parent__label",
    "PR_SPEC_LABEL": "primary__label",
    "BIOHAZARDS": "biohazards",
    "COMMENTS": "comments",
}
_COLLECTED = ("collection_time", "primary__collection_time")
_ABBREVIATED = {"SP_TYPE": ("specimen_type", "TYPE"), "SP_PATH_STATUS": ("pathology_status", "PATHOLOGY")}


@dataclass(frozen=True, slots=True)
class Label:
    """One label to be: of which record, what rules look at, what its tokens stand for."""

    pk: int
    name: str
    fit: Fit
    values: Mapping[str, str]


def of_specimens(ids: Sequence[int]) -> list[Label]:
    """Labels of specimens in the order of `ids`; those without a label have nothing to print. Two queries."""
    rows = Specimen.objects.filter(pk__in=ids).exclude(label=None)
    columns = {*_OF_SPECIMEN.values(), *_COLLECTED, "visit__site_id"}
    found = {row["pk"]: row for row in rows.values(*columns)}
    short = _abbreviations()
    return [_of_specimen(found[pk], short) for pk in ids if pk in found]


def _of_specimen(row: dict[str, Any], short: Mapping[tuple[str, str], str]) -> Label:
    values = {token: _text(row[path]) for token, path in _OF_SPECIMEN.items()}
    for token, (attribute, full) in _ABBREVIATED.items():
        values[token] = short.get((attribute, values[full]), values[full])
    collected = row["collection_time"] or row["primary__collection_time"]
    values["COLL_DATE"] = _text(collected)
    values["COLL_TIME"] = _time(collected)
    values["YR_OF_COLL"] = values["COLL_DATE"][:4]
    values["PR_SPEC_LABEL"] = values["PR_SPEC_LABEL"] or values["LABEL"]
    fit = Fit(row["protocol_id"], row["visit__site_id"], row["lineage"], row["specimen_class"], row["type"])
    return Label(row["pk"], row["label"], fit, values)


def of_visits(ids: Sequence[int]) -> list[Label]:
    """Labels of visits in the order of `ids`. One query."""
    rows = Visit.objects.filter(pk__in=ids).values(*{*_OF_VISIT.values(), "site_id"})
    found = {row["pk"]: row for row in rows}
    return [
        Label(
            pk,
            found[pk]["name"],
            Fit(found[pk]["protocol_id"], found[pk]["site_id"]),
            {token: _text(found[pk][path]) for token, path in _OF_VISIT.items()},
        )
        for pk in ids
        if pk in found
    ]


def _abbreviations() -> dict[tuple[str, str], str]:
    wanted = [attribute for attribute, _ in _ABBREVIATED.values()]
    rows = PermissibleValue.objects.filter(attribute__in=wanted, props__has_key="abbreviation")
    found = rows.values_list("attribute", "value", "props")
    return {(attribute, value): str(props["abbreviation"]) for attribute, value, props in found}


def _text(value: object) -> str:
    """A value as labels show it: days as yyyy-MM-dd in the server's zone, quantities without trailing zeros."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(server_zone()).strftime("%Y-%m-%d")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _time(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(server_zone()).strftime("%H:%M")
