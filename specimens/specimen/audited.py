"""What the audit sees of specimens."""

from biobank.audit.registry import Audited, register
from specimens.specimen.models import Specimen
from specimens.specimen.reads.scopes import specimens_for

register(Audited("specimen", "Specimen", Specimen, specimens_for))
