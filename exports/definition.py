"""A stored protocol definition as the rows of an export (spec 06 §5); pure functions over the JSON of spec 02 §A7."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
_DAYS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 30, "YEARS": 365}


def events(definition: Json) -> Iterator[dict[str, Any]]:
    """The events that are still planned for, closed ones as retired."""
    for event in _listed(definition, "events"):
        point, unit = event.get("eventPoint"), event.get("eventPointUnit")
        yield {
            "type": "Event",
            "uuid": _text(event.get("id")),
            "id": event_id(event),
            "label": event.get("eventLabel"),
            "code": event.get("code"),
            "day": None if point is None else point * _DAYS.get(unit or "DAYS", 1),
            "point": point,
            "point_unit": unit,
            "site": event.get("defaultSite"),
            "clinical_diagnosis": event.get("clinicalDiagnosis"),
            "clinical_status": event.get("clinicalStatus"),
            "retired": _is_retired(event),
        }


def specimen_requirements(definition: Json) -> Iterator[dict[str, Any]]:
    """Every requirement of every event, parents before their children."""
    units = _units(definition)
    for event in _listed(definition, "events"):
        for requirement, parent in _tree(event.get("specimenRequirements") or [], None):
            yield _requirement(requirement, parent, event_id(event), units)


def consent_tiers(definition: Json) -> Iterator[dict[str, Any]]:
    for tier in _listed(definition, "consents"):
        yield {"code": tier.get("statementCode"), "statement": tier.get("statement")}


def sites(definition: Json) -> Iterator[str]:
    yield from (site["siteName"] for site in _listed(definition, "cpSites"))


def event_id(event: Json) -> str:
    """An event's id in the file: its code, else its label; both are unique in the protocol."""
    return str(event.get("code") or event.get("eventLabel"))


def requirement_id(requirement: Json) -> str:
    """A requirement's id in the file, unique within its event: its code, else its number."""
    return str(requirement.get("code") or requirement.get("id"))


def _requirement(
    requirement: Json, parent: Json | None, event: str, units: Mapping[tuple[str, str | None], str | None]
) -> dict[str, Any]:
    kind, specimen_type = str(requirement.get("specimenClass")), requirement.get("type")
    return {
        "type": "Specimen Requirement",
        "uuid": _text(requirement.get("id")),
        "id": requirement_id(requirement),
        "event": event,
        "name": requirement.get("name"),
        "lineage": requirement.get("lineage"),
        "parent": None if parent is None else requirement_id(parent),
        "specimen_class": requirement.get("specimenClass"),
        "specimen_type": specimen_type,
        "anatomic_site": requirement.get("anatomicSite"),
        "laterality": requirement.get("laterality"),
        "pathology": requirement.get("pathology"),
        "quantity": requirement.get("initialQty"),
        "unit": units.get((kind, specimen_type), units.get((kind, None))),
        "concentration": requirement.get("concentration"),
        "collection_procedure": requirement.get("collectionProcedure"),
        "collection_container": requirement.get("collectionContainer"),
        "storage_type": requirement.get("storageType"),
        "label_format": requirement.get("labelFmt"),
        "sort_order": requirement.get("sortOrder"),
        "retired": _is_retired(requirement),
    }


def _tree(requirements: Sequence[Json], parent: Json | None) -> Iterator[tuple[Json, Json | None]]:
    for requirement in requirements:
        if requirement.get("activityStatus") == "Disabled":
            continue
        yield requirement, parent
        yield from _tree(requirement.get("children") or [], requirement)


def _units(definition: Json) -> dict[tuple[str, str | None], str | None]:
    return {
        (unit["specimenClass"], unit.get("type")): unit.get("quantityUnit")
        for unit in _listed(definition, "units")
    }


def _listed(definition: Json, key: str) -> list[Json]:
    return [row for row in definition.get(key) or [] if row.get("activityStatus") != "Disabled"]


def _is_retired(row: Json) -> bool:
    return row.get("activityStatus") == "Closed"


def _text(value: object) -> str | None:
    return None if value is None else str(value)
