"""The built-in event forms of specimens: what happens to them, as records of forms (spec 03 §4.1, 08 §C.2).

Their ids are fixed and below 100; forms that laboratories define themselves get higher ones.
"""

from dataclasses import dataclass

from biobank.wire.errors import Code

FORM_NOT_FOUND = Code("FORMS_NOT_FOUND", "There is no form {id}")
INVALID_DATA = Code("FORMS_INVALID_DATA", "The record cannot be saved: {reason}")
READ_ONLY = Code(
    "FORMS_SYS_REC_EDIT_NOT_ALLOWED", "Records of {name} come about by other calls, not by this one"
)
PLACE_NOT_SPECIFIED = Code("SPECIMEN_LOC_NOT_SPECIFIED", "A transfer needs the container to go to")

SPECIMEN_LEVEL, EVENT_LEVEL = "Specimen", "SpecimenEvent"
LEVELS = (SPECIMEN_LEVEL, EVENT_LEVEL)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One built-in form; `name` stands in queries too, `multiple`: a specimen may have several records."""

    id: int
    name: str
    multiple: bool = False


COLLECTION = BuiltIn(1, "SpecimenCollectionEvent")
RECEIPT = BuiltIn(2, "SpecimenReceivedEvent")
TRANSFER = BuiltIn(3, "SpecimenTransferEvent", multiple=True)
DISPOSAL = BuiltIn(4, "SpecimenDisposalEvent")
CHILDREN = BuiltIn(5, "SpecimenChildrenEvent", multiple=True)
POOLED = BuiltIn(6, "SpecimenPooledEvent", multiple=True)

BUILT_IN = {form.id: form for form in (COLLECTION, RECEIPT, TRANSFER, DISPOSAL, CHILDREN, POOLED)}
