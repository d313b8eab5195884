"""What the audit sees of pick lists."""

from biobank.audit.registry import Audited, register
from terminology.models import PermissibleValue

register(
    Audited(
        "permissible_value", "Pick list value", PermissibleValue, lambda actor: PermissibleValue.objects.all()
    )
)
