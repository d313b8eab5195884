"""The units that a new server counts specimens in (spec 02 §D3)."""

from biobank.batch.insert import insert
from specimens.protocol.models import SpecimenTypeUnit

# (class, type or None for all) -> (unit of quantity, unit of concentration)
UNITS: dict[tuple[str, str | None], tuple[str, str | None]] = {
    ("Fluid", None): ("ml", None),
    ("Cell", None): ("cell count", None),
    ("Molecular", None): ("µg", "µg/µl"),
    ("Tissue", None): ("gm", None),
    ("Tissue", "Fixed Tissue Block"): ("count", None),
    ("Tissue", "Frozen Tissue Block"): ("count", None),
    ("Tissue", "Fixed Tissue Slide"): ("count", None),
    ("Tissue", "Frozen Tissue Slide"): ("count", None),
    ("Tissue", "Not Specified"): ("count", None),
    ("Tissue", "Microdissected"): ("cells", None),
}


def load_defaults() -> int:
    """Add the default units where there are none at all; returns how many were added."""
    if SpecimenTypeUnit.objects.exists():
        return 0
    rows = [
        SpecimenTypeUnit(
            specimen_class=specimen_class, type=kind, quantity_unit=quantity, concentration_unit=concentration
        )
        for (specimen_class, kind), (quantity, concentration) in UNITS.items()
    ]
    insert(rows)
    return len(rows)
