"""Reading visits: scopes, details, a registration's calendar, and look-ups for the packages below."""

from specimens.visit.reads.calendar import calendar
from specimens.visit.reads.details import shown, visit_details, with_parts
from specimens.visit.reads.matches import visit_matches
from specimens.visit.reads.scopes import known_visits, visit, visits_by_name, visits_for
from specimens.visit.reads.search import by_name_or_number, latest, named

__all__ = [
    "by_name_or_number", "calendar", "known_visits", "latest", "named", "shown", "visit", "visit_details",
    "visit_matches", "visits_by_name", "visits_for", "with_parts",
]  # fmt: skip
