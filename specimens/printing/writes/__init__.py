"""Writing print rules and printing labels."""

from specimens.printing.writes.jobs import place, place_waiting, print_labels, sweep
from specimens.printing.writes.rules import PRINT_RULES

__all__ = ["PRINT_RULES", "place", "place_waiting", "print_labels", "sweep"]
