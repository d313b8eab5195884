"""What a specimen requirement may look like (spec 02 part C)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Code, Problem
from specimens.protocol.detail.requirements import AliquotSpec, DerivedSpec, RequirementDetail
from specimens.protocol.labels.language import LabelKind, is_template
from specimens.protocol.rules import codes
from specimens.protocol.rules.protocols import LABEL_PRINT_MODES, LINEAGES, STATUSES, too_long

NEW, DERIVED, ALIQUOT = LINEAGES
LENGTHS = {"name": 255, "code": 32, "storage_type": 255, "label_fmt": 255, "uid": 255}
MOST = Decimal(10) ** 12  # what fits the column


@dataclass(frozen=True, slots=True)
class Coded:
    """A key whose value is on a pick list, and the lineages that must give it."""

    name: str
    attribute: str
    required: Code
    invalid: Code
    needed_by: tuple[str, ...] = (NEW,)
    read_for: tuple[str, ...] = (NEW, DERIVED)


CODED = (
    Coded("anatomic_site", "anatomic_site", codes.SR_ANATOMIC_SITE_REQUIRED, codes.SR_INVALID_ANATOMIC_SITE),
    Coded("laterality", "laterality", codes.SR_LATERALITY_REQUIRED, codes.SR_INVALID_LATERALITY),
    Coded(
        "pathology", "pathology_status", codes.SR_PATHOLOGY_STATUS_REQUIRED, codes.SR_INVALID_PATHOLOGY_STATUS
    ),
    Coded(
        "collection_procedure",
        "collection_procedure",
        codes.SR_COLL_PROC_REQUIRED,
        codes.SR_INVALID_COLL_PROC,
        read_for=(NEW,),
    ),
    Coded(
        "collection_container",
        "collection_container",
        codes.SR_COLL_CONT_REQUIRED,
        codes.SR_INVALID_COLL_CONT,
        read_for=(NEW,),
    ),
)


def own_problems(detail: RequirementDetail, lineage: str, *, quantity_needed: bool) -> Iterator[Problem]:
    """What is wrong with the requirement's own values, pick lists apart."""
    if not detail.storage_type:
        yield codes.SR_STORAGE_TYPE_REQUIRED()
    if not fits(detail.initial_qty, lineage, needed=quantity_needed):
        yield codes.SR_INVALID_QTY()
    if detail.concentration is not None and not 0 <= detail.concentration < MOST:
        yield codes.SR_CONCENTRATION_MUST_BE_POSITIVE()
    if detail.label_fmt and not is_template(LabelKind.SPECIMEN, detail.label_fmt):
        yield codes.SR_INVALID_LABEL_FMT(value=detail.label_fmt)
    if detail.label_auto_print_mode and detail.label_auto_print_mode not in LABEL_PRINT_MODES:
        yield codes.CP_INVALID_SPMN_LABEL_PRINT_MODE(value=detail.label_auto_print_mode)
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    yield from too_long(detail, LENGTHS)


def fits(quantity: Decimal | None, lineage: str, *, needed: bool) -> bool:
    """Aliquots have a quantity above 0 (or none, if none is needed), others 0 or more or none."""
    if quantity is None:
        return lineage != ALIQUOT or not needed
    return quantity < MOST and (quantity > 0 if lineage == ALIQUOT else quantity >= 0)


def aliquot_spec_problems(spec: AliquotSpec, *, quantity_needed: bool) -> Iterator[Problem]:
    """What is wrong with the number and quantity of aliquots asked for."""
    if spec.no_of_aliquots is None or not 1 <= spec.no_of_aliquots <= 10_000:
        yield codes.SR_INVALID_ALIQUOT_CNT()
    if not fits(spec.qty_per_aliquot, ALIQUOT, needed=quantity_needed):
        yield codes.SR_INVALID_QTY()


def aliquot_details(spec: AliquotSpec, parent_id: int, taken: set[str]) -> list[RequirementDetail]:
    """One detail per aliquot; codes `code1`, `code2`, … pass over those that are taken."""
    numbered = (f"{spec.code}{n}" for n in range(1, 10**9))
    free = (code for code in numbered if code not in taken)
    return [
        RequirementDetail(
            lineage=ALIQUOT,
            parent_sr_id=parent_id,
            code=next(free) if spec.code else None,
            initial_qty=spec.qty_per_aliquot,
            storage_type=spec.storage_type,
            label_fmt=spec.label_fmt,
            label_auto_print_mode=spec.label_auto_print_mode,
            label_print_copies=spec.label_print_copies,
            default_custom_field_values=spec.default_custom_field_values,
            pre_barcoded_tube=spec.pre_barcoded_tube,
        )
        for _ in range(spec.no_of_aliquots or 0)
    ]


def derived_detail(spec: DerivedSpec, parent_id: int) -> RequirementDetail:
    """The requirement that a derived spec asks for."""
    same = {
        name: getattr(spec, name)
        for name in DerivedSpec.model_fields
        if name in RequirementDetail.model_fields
    }
    return RequirementDetail(lineage=DERIVED, parent_sr_id=parent_id, initial_qty=spec.quantity, **same)
