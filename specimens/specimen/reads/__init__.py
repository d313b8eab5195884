"""Reading specimens: scopes, wire shapes, trees, lists and searches."""

from specimens.specimen.reads.events import counts, events_of
from specimens.specimen.reads.exporting import exported
from specimens.specimen.reads.matching import keys, meant, missing
from specimens.specimen.reads.scopes import (
    collected_children,
    disposed,
    is_named,
    known_specimens,
    require,
    specimen,
    specimens_for,
)
from specimens.specimen.reads.search import listed, matching, searched, shown
from specimens.specimen.reads.trees import details

__all__ = [
    "collected_children", "counts", "details", "disposed", "events_of", "exported", "is_named", "keys",
    "known_specimens", "listed", "matching", "meant", "missing", "require", "searched", "shown", "specimen",
    "specimens_for",
]  # fmt: skip
