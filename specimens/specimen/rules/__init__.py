"""Codes and decisions about specimens: plain values in, problems out (spec 03 §3.4 - §3.11)."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum

from biobank.batch.door import UNFIT
from biobank.wire.errors import Code, Problem
from specimens.specimen.detail import SpecimenExternalId, SpecimenLocation

NOT_FOUND = Code("SPECIMEN_NOT_FOUND", "There is no such specimen: {key}")
VISIT_REQUIRED = Code("SPECIMEN_VISIT_REQUIRED", "A specimen needs a visit or a parent")
VISIT_NOT_FOUND = Code("VISIT_NOT_FOUND", "There is no such visit: {key}")
REGISTRATION_NOT_FOUND = Code("CPR_M_NOT_FOUND", "There is no such registration: {key}")
EVENT_NOT_FOUND = Code("CPE_NOT_FOUND", "There is no such event: {key}")
INVALID_VISIT = Code("SPECIMEN_INVALID_VISIT", "Parent and requirement must belong to the specimen's visit")
VISIT_CHANGE_NOT_ALLOWED = Code(
    "SPECIMEN_VISIT_CHG_NOT_ALLOWED", "Only a primary specimen can move to another visit"
)
CREATE_DISABLED = Code("SPECIMEN_CREATE_DISABLED_NA", "A specimen cannot be created as a deleted one")

INVALID_LINEAGE = Code("SPECIMEN_INVALID_LINEAGE", "{value} is not a lineage")
CANNOT_CHANGE_LINEAGE = Code("SPECIMEN_CANNOT_CHG_LINEAGE", "The lineage of a specimen never changes")
PARENT_REQUIRED = Code("SPECIMEN_PARENT_REQUIRED", "A derived specimen or an aliquot needs a parent")
PROCESSING_NOT_ALLOWED = Code("SPECIMEN_PROC_NOT_ALLOWED", "The specimen is closed: {label}")
CHILDREN_LIMIT = Code(
    "SPECIMEN_CHILDREN_LIMIT_MAXED", "{label} would have {count} children; the limit is {limit}"
)
PARENT_NOT_COLLECTED = Code("SPECIMEN_NOT_COLLECTED", "The specimen is not collected: {label}")
PARENT_NOT_ACTIVE = Code("SPECIMEN_NOT_ACTIVE", "The parent is not active: {label}")

REQ_NOT_FOUND = Code("SR_NOT_FOUND", "There is no such requirement: {key}")
REQ_LINEAGE_MISMATCH = Code("SPECIMEN_REQ_LINEAGE_MISMATCH", "The requirement asks for another lineage")
REQ_TYPE_MISMATCH = Code("SPECIMEN_REQ_TYPE_MISMATCH", "The requirement asks for another type")
REQ_PARENT_MISMATCH = Code(
    "SPECIMEN_REQ_PARENT_MISMATCH", "The requirement stands below another one than the parent's"
)

POOL_SAME_PROTOCOL = Code(
    "SPECIMEN_POOL_SAME_CP_REQ", "Members of a pool are of the pool's own protocol: {label} is not"
)
ID_REQUIRED = Code("SPECIMEN_ID_REQUIRED", "Say which specimen, by its id")
DELETED_NOT_FOUND = Code("SPECIMEN_DEL_NOT_FOUND", "There is no such deleted specimen: {key}")
PARENT_DELETED = Code("SPECIMEN_PARENT_DELETED", "What the specimen was made of is deleted, too")

CLASS_REQUIRED = Code("SPECIMEN_SPECIMEN_CLASS_REQUIRED", "The class cannot be told from the type {type}")
TYPE_REQUIRED = Code("SPECIMEN_SPECIMEN_TYPE_REQUIRED", "A specimen needs a type")
INVALID_CLASS = Code("SPECIMEN_INVALID_SPECIMEN_CLASS", "{value} is not a specimen class")
INVALID_TYPE = Code("SPECIMEN_INVALID_SPECIMEN_TYPE", "{value} is not a type of class {parent}")
INVALID_SITE = Code("SPECIMEN_INVALID_ANATOMIC_SITE", "{value} is not an anatomic site")
INVALID_LATERALITY = Code("SPECIMEN_INVALID_LATERALITY", "{value} is not a side")
INVALID_PATHOLOGY = Code("SPECIMEN_INVALID_PATHOLOGY_STATUS", "{value} is not a pathology status")
INVALID_BIOHAZARDS = Code("SPECIMEN_INVALID_BIOHAZARDS", "{value} is not a biohazard")
SITE_NOT_PARENTS = Code(
    "SPECIMEN_ANATOMIC_SITE_NOT_SAME_AS_PARENT", "The anatomic site of an aliquot is its parent's"
)
LATERALITY_NOT_PARENTS = Code(
    "SPECIMEN_LATERALITY_NOT_SAME_AS_PARENT", "The laterality of an aliquot is its parent's"
)
PATHOLOGY_NOT_PARENTS = Code(
    "SPECIMEN_PATHOLOGY_NOT_SAME_AS_PARENT", "The pathology of an aliquot is its parent's"
)
INVALID_PROCEDURE = Code("SPECIMEN_INVALID_COLL_PROC", "{value} is not a collection procedure")
INVALID_CONTAINER = Code("SPECIMEN_INVALID_COLL_CONTAINER", "{value} is not a collection container")
INVALID_QUALITY = Code("SPECIMEN_INVALID_RECV_QUALITY", "{value} is not a received quality")
INVALID_REASON = Code("SPECIMEN_INV_DISPOSE_REASON", "{value} is not a dispose reason")
INVALID_DISPOSE_STATUS = Code(
    "SPECIMEN_INVALID_DISPOSE_STATUS", "Disposed specimens are Closed or Disabled, not {value}"
)
EVENT_ID_REQUIRED = Code("SPECIMEN_EVT_ID_REQ", "Say which event, by its id")
INVALID_EVENT_ID = Code("SPECIMEN_INV_EVT_ID", "There is no such event: {key}")
USER_NOT_FOUND = Code("USER_NOT_FOUND", "There is no such user")

INVALID_STATUS = Code("SPECIMEN_INVALID_COLL_STATUS", "{value} is not a collection status")
INVALID_QTY = Code("SPECIMEN_INVALID_QTY", "Quantities cannot be negative")
ALIQUOT_QTY_REQUIRED = Code("SPECIMEN_ALIQUOT_QTY_REQ", "An aliquot needs a quantity")
AVAILABLE_ABOVE_INITIAL = Code(
    "SPECIMEN_AVBL_QTY_GT_INIT_QTY", "The available quantity {available} is above the initial {initial}"
)
COUNT_AND_QTY_REQUIRED = Code(
    "SPECIMEN_ALIQUOT_CNT_N_QTY_REQ", "Say how many aliquots, or how much each gets"
)
INVALID_QTY_OR_COUNT = Code(
    "SPECIMEN_INVALID_QTY_OR_CNT", "Number and quantity of aliquots must be above zero"
)
INVALID_CYCLES = Code("SPECIMEN_INVALID_FREEZE_THAW_CYCLES", "Freeze/thaw cycles cannot be negative")
EXT_ID_INCOMPLETE = Code("SPECIMEN_EXT_ID_NO_NAME_VALUE", "An external id needs a name and a value")
EXT_ID_TWICE = Code("SPECIMEN_EXT_ID_DUP_NAME", "The same external id is given twice: {name}")

LABEL_REQUIRED = Code("SPECIMEN_LABEL_REQUIRED", "A specimen needs a label")
MANUAL_LABEL = Code("SPECIMEN_MANUAL_LABEL_NOT_ALLOWED", "Labels are generated here: {label} cannot be given")
INVALID_LABEL = Code("SPECIMEN_INVALID_LABEL", "The label {label} does not fit the protocol's format")
DUP_LABEL = Code("SPECIMEN_DUP_LABEL", "A specimen with the same label exists already: {label}")
DUP_ADDITIONAL_LABEL = Code(
    "SPECIMEN_DUP_ADDL_LABEL", "A specimen with the same additional label exists already: {label}"
)
DUP_BARCODE = Code("SPECIMEN_DUP_BARCODE", "A specimen with the same barcode exists already: {barcode}")
DUP_LABEL_IN_CP = Code(
    "SPECIMEN_DUP_LABEL_IN_CP", "A specimen with the same label exists already in the protocol: {label}"
)
DUP_ADDITIONAL_LABEL_IN_CP = Code(
    "SPECIMEN_DUP_ADDL_LABEL_IN_CP",
    "A specimen with the same additional label exists already in the protocol: {label}",
)
DUP_BARCODE_IN_CP = Code(
    "SPECIMEN_DUP_BARCODE_IN_CP", "A specimen with the same barcode exists already in the protocol: {barcode}"
)
SHORT_TITLE_REQUIRED = Code(
    "CP_SHORT_TITLE_REQUIRED", "Labels are unique by protocol only: {label} needs the protocol's short title"
)
NOT_FOUND_IN_CP = Code("SPECIMEN_NOT_FOUND_IN_CP", "There is no such specimen in the protocol: {key}")
MANUAL_BARCODE = Code(
    "SPECIMEN_MANUAL_BARCODE_NOT_ALLOWED", "Barcodes are generated here: {barcode} cannot be given"
)

IN_USE = Code("SPECIMEN_REF_ENTITY_FOUND", "The specimen has collected children")
STORE_NOT_ALLOWED = Code("SPECIMEN_STORE_NOT_ALLOWED", "A closed specimen cannot be stored")
PLACE_NOT_FOUND = Code("STORAGE_CONTAINER_NOT_FOUND", "There is no such container: {key}")
UPDATE_LIMIT = Code("SPECIMEN_UPDATE_LIMIT_MAXED", "At most {limit} specimens can be changed at once")
SEARCH_LIMIT = Code(
    "SPECIMEN_LABELS_SRCH_LIMIT_MAXED", "At most {limit} labels and barcodes can be searched at once"
)
TOO_LONG = Code("COMMON_VALUE_TOO_LONG", "{name} is longer than {limit} characters")

COLLECTED, PENDING, MISSED, NOT_COLLECTED = "Collected", "Pending", "Missed Collection", "Not Collected"
STATUSES = frozenset((COLLECTED, PENDING, MISSED, NOT_COLLECTED))
NEW, DERIVED, ALIQUOT = "New", "Derived", "Aliquot"
LINEAGES = frozenset((NEW, DERIVED, ALIQUOT))
ACTIVE, CLOSED, DISABLED = "Active", "Closed", "Disabled"
ACTIVITIES = frozenset((ACTIVE, CLOSED, DISABLED))
NOT_SPECIFIED = "Not Specified"
POOLED = "Pooled"
MAX_ALIQUOTS = 1000  # of one row
ACCEPTABLE, TO_BE_RECEIVED = "Acceptable", "To be Received"

# A status, the visit's statuses it needs, the parent's statuses it needs, and the codes of their refusals
_ALLOWED: dict[str, tuple[frozenset[str], Code, frozenset[str], Code | None]] = {
    COLLECTED: (
        frozenset({"Complete"}),
        Code("VISIT_COMPL_VISIT_REQ", "The visit must be complete"),
        STATUSES,
        None,
    ),
    MISSED: (
        frozenset({"Complete", MISSED}),
        Code("VISIT_COMPL_OR_MISSED_VISIT_REQ", "The visit must be complete or missed"),
        frozenset({COLLECTED, MISSED}),
        Code("SPECIMEN_COLL_OR_MISSED_PARENT_REQ", "The parent must be collected or missed"),
    ),
    NOT_COLLECTED: (
        frozenset({"Complete", NOT_COLLECTED}),
        Code("VISIT_COMPL_OR_NC_VISIT_REQ", "The visit must be complete or not collected"),
        frozenset({COLLECTED, NOT_COLLECTED}),
        Code("SPECIMEN_COLL_OR_NC_PARENT_REQ", "The parent must be collected or not collected"),
    ),
    PENDING: (
        frozenset({"Complete", PENDING}),
        Code("VISIT_COMPL_OR_PENDING_VISIT_REQ", "The visit must be complete or pending"),
        frozenset({COLLECTED, PENDING}),
        Code("SPECIMEN_COLL_OR_PENDING_PARENT_REQ", "The parent must be collected or pending"),
    ),
}


def status_change_problem(to: str, visit_status: str, parent_status: str | None) -> Problem | None:
    """Why a stored specimen cannot get the status, if so (spec 03 §3.5); a primary has no parent status."""
    visits, visit_code, parents, parent_code = _ALLOWED[to]
    if visit_status not in visits:
        return visit_code()
    if parent_status is not None and parent_status not in parents and parent_code is not None:
        return parent_code()
    return None


def dispose_problem(status: str | None) -> Problem | None:
    """What is wrong with the status of a row that disposes of a specimen (spec 04 §5.17)."""
    return None if status in (CLOSED, DISABLED) else INVALID_DISPOSE_STATUS(value=status or "(none)")


def availability(activity: str, status: str | None) -> str | None:
    """`availabilityStatus` (spec 03 §3.5)."""
    if activity != ACTIVE:
        return activity
    return "Available" if status == COLLECTED else status


def minute(value: datetime) -> datetime:
    """The creation time as it is kept: whole minutes (spec 03 §0.4)."""
    return value.replace(second=0, microsecond=0)


def quantity_problem(initial: Decimal | None, available: Decimal | None) -> Problem | None:
    """What is wrong with the quantities of a specimen, if anything (spec 03 §3.4)."""
    if (initial is not None and initial < 0) or (available is not None and available < 0):
        return INVALID_QTY()
    if initial is not None and available is not None and available > initial:
        return AVAILABLE_ABOVE_INITIAL(available=f"{available:f}", initial=f"{initial:f}")
    return None


_BEYOND = Decimal(10) ** 12  # what columns of numbers have no place for


def unfit_number(*numbers: Decimal | None) -> Problem | None:
    """What is said of numbers that no column can hold; the database would stop the whole batch for one of them."""
    if any(number is not None and not -_BEYOND < number < _BEYOND for number in numbers):
        return UNFIT(reason="a number has more than 12 digits before its point")
    return None


def external_ids(given: Sequence[SpecimenExternalId]) -> tuple[list[dict[str, str]], list[Problem]]:
    """External ids as they are stored; those that are blank on both sides are dropped."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for pair in given:
        if not pair.name and not pair.value:
            continue
        if not pair.name or not pair.value:
            problems.append(EXT_ID_INCOMPLETE())
        elif pair.name in found:
            problems.append(EXT_ID_TWICE(name=pair.name))
        else:
            found[pair.name] = pair.value
    return [{"name": name, "value": value} for name, value in found.items()], problems


def place_problem(place: SpecimenLocation | None, activity: str = ACTIVE) -> Problem | None:
    """Why a location cannot be taken: a closed specimen has none, and there are no containers (spec 03 §3.7)."""
    if place is None:
        return None
    if place.name or (place.id is not None and place.id != -1):
        if activity == CLOSED:
            return STORE_NOT_ALLOWED()
        return PLACE_NOT_FOUND(key=place.name or place.id)
    return None


Owners = Sequence[tuple[int, int]]  # (protocol, specimen) of those that have a name


def owner(owners: Owners, key: str, protocol_id: int | None, *, per_cp: bool) -> int | Problem:
    """The specimen that a label or barcode means (spec 03 §3.6).

    Where names are unique by protocol only, the protocol must be known. `protocol_id` -1: an unknown one.
    """
    if protocol_id is None and (per_cp or len(owners) > 1):
        return SHORT_TITLE_REQUIRED(label=key)
    if protocol_id is not None and (per_cp or len(owners) > 1):
        owners = [one for one in owners if one[0] == protocol_id]
        return owners[0][1] if owners else NOT_FOUND_IN_CP(key=key)
    return owners[0][1] if owners else NOT_FOUND(key=key)


def taken(owners: Owners, own: int | None, protocol_id: int, *, per_cp: bool) -> bool:
    """Whether a name is somebody else's."""
    return any(pk != own and (not per_cp or protocol == protocol_id) for protocol, pk in owners)


_FREED = re.compile(r"_\d{13}\Z")


def unfreed(name: str | None) -> str | None:
    """A name without the time that deleting appended."""
    return None if name is None else _FREED.sub("", name)


class Naming(Enum):
    """What becomes of a specimen without a label."""

    GENERATED = "generated from the format"
    COUNTED = "the parent's label and a number"
    NONE = "stays without"


def naming(*, lineage: str, status: str, template: bool, manual: bool) -> Naming | Problem:
    """What becomes of a blank label (spec 03 §3.6)."""
    if status == COLLECTED:
        return Naming.GENERATED if template and not manual else LABEL_REQUIRED()
    if status != PENDING:
        return Naming.NONE
    if template and not manual:
        return Naming.GENERATED
    return LABEL_REQUIRED() if lineage == NEW else Naming.COUNTED


def split_list(text: str | None) -> list[str]:
    """The parts of a comma separated cell, in order, blanks dropped."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def aliquot_counts(
    count: int | None, quantity: Decimal | None, labels: int, available: Decimal | None
) -> tuple[int, Decimal | None] | Problem:
    """How many aliquots and how much each gets; one follows from the other and the parent's quantity (§3.8)."""
    if labels:
        count = labels
    if (count is not None and count <= 0) or (quantity is not None and quantity <= 0):
        return INVALID_QTY_OR_COUNT()
    if count is not None and quantity is not None:
        return count, quantity
    if available is None or available <= 0 or (count is None and quantity is None):
        return COUNT_AND_QTY_REQUIRED()
    if quantity is not None:
        whole = int(available // quantity)
        return (whole, quantity) if whole > 0 else INVALID_QTY_OR_COUNT()
    return count or 0, (available / (count or 1)).quantize(Decimal("0.00000001"), rounding="ROUND_DOWN")


def long_texts(texts: Iterable[tuple[str, str | None]], limit: int = 255) -> list[Problem]:
    """One problem for each text that does not fit its column."""
    return [
        TOO_LONG(name=name, limit=limit) for name, text in texts if text is not None and len(text) > limit
    ]
