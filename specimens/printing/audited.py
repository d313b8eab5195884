"""What the audit sees of printing."""

from biobank.audit.registry import Audited, register
from specimens.printing.models import PrintRule
from specimens.printing.reads.scopes import print_rules_for

register(Audited("print_rule", "Print rule", PrintRule, print_rules_for))
