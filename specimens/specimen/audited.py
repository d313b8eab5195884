"""What the audit sees of specimens."""

from biobank.audit.registry import Audited, Part, register
from specimens.specimen.models import PoolMember, Specimen
from specimens.specimen.reads.scopes import specimens_for

register(
    Audited(
        "specimen",
        "Specimen",
        Specimen,
        specimens_for,
        parts=(Part("pooledSpecimens", PoolMember, "pool"),),
    )
)
