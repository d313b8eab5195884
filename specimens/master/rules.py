"""Codes and decisions of the master table (spec 04 §5.16)."""

from biobank.wire.errors import Code
from specimens.specimen.rules import NEW

CP_REQUIRED = Code("CP_SHORT_TITLE_REQUIRED", "The row names no collection protocol")
SEVERAL_REGISTRATIONS = Code(
    "CPR_MUL_REGS_FOR_PMIS", "The medical record numbers belong to several registrations in {protocol}"
)
DIFFERENT_PEOPLE = Code("PARTICIPANT_MRN_DIFF", "The medical record numbers belong to different participants")
DATE_REQUIRED = Code("SPECIMEN_COLL_DATE_REQUIRED", "A collected specimen needs its collection or visit date")


def is_primary(lineage: str | None) -> bool:
    """Whether a row of this lineage is about a participant and a visit, too."""
    return not lineage or lineage == NEW
