"""Writing specimens: every change is a batch that is planned, then stored (spec 03 §3.4 - §3.9)."""

from specimens.specimen.writes.aliquots import ALIQUOTS
from specimens.specimen.writes.collect import (
    Name,
    change_all,
    change_each,
    change_status,
    collect,
    collect_visit,
    delete,
    identify,
)
from specimens.specimen.writes.derivatives import DERIVATIVES
from specimens.specimen.writes.disposals import DISPOSAL_EVENTS, DISPOSALS
from specimens.specimen.writes.doors import SPECIMENS, plan_specimens
from specimens.specimen.writes.drafts import Draft, Node
from specimens.specimen.writes.events import record_events
from specimens.specimen.writes.store import store
from specimens.specimen.writes.undelete import undelete

__all__ = [
    "ALIQUOTS",
    "DERIVATIVES",
    "DISPOSALS",
    "DISPOSAL_EVENTS",
    "SPECIMENS",
    "Draft",
    "Name",
    "Node",
    "change_all",
    "change_each",
    "change_status",
    "collect",
    "collect_visit",
    "delete",
    "identify",
    "plan_specimens",
    "record_events",
    "store",
    "undelete",
]
