"""The print rules a new server has: labels as CSV, for every specimen and every visit."""

from django.db import transaction

from biobank.records import stamp
from sessions_auth.actor import system_actor
from specimens.printing.models import Kind, PrintRule

_LAST = 1000  # after every rule that somebody makes
_SPECIMENS = """\
Label: %LABEL%
Barcode: %BARCODE%
PPID: %PPI%
Protocol: %CP_SHORT_TITLE%
Visit: %VISIT_NAME%
Type: %TYPE%
Lineage: %LINEAGE%
Quantity: %AVAILABLE_QTY%
Created On: %CREATED_ON%
Parent: %PSPEC_LABEL%
Printer: %PRINTER%
"""
_VISITS = """\
Visit: %VISIT_NAME%
PPID: %PPI%
Protocol: %CP_SHORT_TITLE%
Event: %EVENT_LABEL%
Date: %VISIT_DATE%
Site: %VISIT_SITE%
Printer: %PRINTER%
"""


def load_defaults() -> None:
    """Add a rule for each kind of which there never was one."""
    with transaction.atomic():
        stamp(system_actor())
        for kind, name, template in (
            (Kind.SPECIMEN, "All specimens", _SPECIMENS),
            (Kind.VISIT, "All visits", _VISITS),
        ):
            if not PrintRule.objects.filter(kind=kind).exists():
                PrintRule.objects.create(
                    name=name, kind=kind, position=_LAST, template=template, printer="labels"
                )
