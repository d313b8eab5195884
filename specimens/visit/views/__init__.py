"""`/visits` over HTTP: the visits themselves, and their pathology reports (spec 03 §2)."""

from specimens.visit.views.reports import ReportFile, ReportLocks, ReportTexts
from specimens.visit.views.visits import (
    LatestVisit,
    VisitDependents,
    VisitList,
    VisitMatches,
    VisitOne,
    VisitsByName,
    VisitSearch,
)

__all__ = [
    "LatestVisit", "ReportFile", "ReportLocks", "ReportTexts", "VisitDependents", "VisitList", "VisitMatches",
    "VisitOne", "VisitSearch", "VisitsByName",
]  # fmt: skip
