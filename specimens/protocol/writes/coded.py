"""The pick-list values of requirements: class and type, and the simple ones."""

from collections.abc import Sequence
from typing import Any

from biobank.wire.errors import Problem
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.rules import codes
from specimens.protocol.rules.requirements import ALIQUOT, CODED
from terminology.models import PermissibleValue
from terminology.reads import Terms, load_terms

_SITE = "anatomic_site"


def load_coded(details: Sequence[RequirementDetail]) -> Terms:
    """The pick-list values that a batch names, in one query."""
    wanted: dict[str, list[str | None]] = {
        coded.attribute: [getattr(detail, coded.name) for detail in details] for coded in CODED
    }
    wanted["specimen_type"] = [text for detail in details for text in (detail.specimen_class, detail.type)]
    return load_terms(wanted)


def branches(details: Sequence[RequirementDetail], terms: Terms) -> set[str]:
    """Those of the anatomic sites named that only group others: requirements name leaves. One query."""
    named = {row.pk: row.value for detail in details for row in terms.find(_SITE, detail.anatomic_site)}
    if not named:
        return set()
    below = PermissibleValue.objects.filter(parent__in=named, activity_status="Active")
    return {named[pk] for pk in below.values_list("parent", flat=True).distinct() if pk is not None}


def coded_values(
    detail: RequirementDetail, lineage: str, terms: Terms, inner: set[str], *, is_new: bool
) -> tuple[dict[str, Any], list[Problem]]:
    """The canonical values that the lineage decides itself, and what is wrong with them.

    Aliquots decide none; replacing one still needs its class and type to be sent.
    """
    if lineage == ALIQUOT:
        return {}, [] if is_new else _required_class(detail)
    values, problems = _class_and_type(detail, terms)
    for coded in CODED:
        if lineage not in coded.read_for:
            continue
        text = getattr(detail, coded.name)
        values[coded.name] = terms.canonical(coded.attribute, text)
        if not text and lineage in coded.needed_by:
            problems.append(coded.required())
        elif text and (
            values[coded.name] is None or (coded.attribute == _SITE and values[coded.name] in inner)
        ):
            problems.append(coded.invalid(value=text))
    return values, problems


def _required_class(detail: RequirementDetail) -> list[Problem]:
    problems = []
    if not detail.specimen_class:
        problems.append(codes.SR_SPECIMEN_CLASS_REQUIRED())
    if not detail.type:
        problems.append(codes.SR_SPECIMEN_TYPE_REQUIRED())
    return problems


def _class_and_type(detail: RequirementDetail, terms: Terms) -> tuple[dict[str, Any], list[Problem]]:
    """The class is a root of the specimen types, the type one of its children (spec 01 §F.1)."""
    problems = _required_class(detail)
    roots = [row for row in terms.find("specimen_type", detail.specimen_class) if row.parent_id is None]
    if detail.specimen_class and not roots:
        problems.append(codes.SR_INVALID_SPECIMEN_CLASS(value=detail.specimen_class))
    children = [
        row for row in terms.find("specimen_type", detail.type) if roots and row.parent_id == roots[0].pk
    ]
    if detail.type and roots and not children:
        problems.append(codes.SR_INVALID_SPECIMEN_TYPE(value=detail.type))
    values: dict[str, Any] = {}
    if roots and children:
        values = {"specimen_class": roots[0].value, "type": children[0].value}
    return values, problems
