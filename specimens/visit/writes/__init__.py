"""Writing visits; everything goes through the door."""

from specimens.visit.writes.hidden import hidden_visits
from specimens.visit.writes.known import with_collected_specimens
from specimens.visit.writes.visits import VISITS, delete_visit, remove

__all__ = ["VISITS", "delete_visit", "hidden_visits", "remove", "with_collected_specimens"]
