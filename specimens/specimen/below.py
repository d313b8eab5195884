"""Where packages below join in writes of specimens: carts, printing, storage (spec 03 §3.3, §3.9, §4).

A package below appends its functions once, when its app starts. Each is called inside the transaction of the
write, once for a batch and only when there is something to tell, and must work set-based. Rows are stored
already and carry their new values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from biobank.access import Actor
from specimens.specimen.models import Specimen


@dataclass(frozen=True, slots=True)
class Saved:
    """A specimen that was created, in any status, became Collected or arrived; `print_label`: a label is asked for."""

    specimen: Specimen
    created: bool
    collected: bool  # it is Collected now and was not before
    print_label: bool
    received: bool = False  # a primary specimen has arrived now and had not before


# Specimens were created, became Collected or arrived, or labels of theirs were asked for while they were changed.
collected: list[Callable[[Sequence[Saved], Actor], None]] = []

# Specimens (ids) are deleted, alone or with their visits: what refers to them goes too.
deleted: list[Callable[[Sequence[int], Actor], None]] = []

# The ids of the specimens in a cart (by id; 0: the caller's default cart), as a sub-select for searches.
in_cart: list[Callable[[int, Actor], QuerySet[Any]]] = []


def tell_collected(saved: Sequence[Saved], actor: Actor) -> None:
    """Tell the packages below, if there is something to tell."""
    if saved:
        for function in collected:
            function(saved, actor)


def tell_deleted(ids: Sequence[int], actor: Actor) -> None:
    """Tell the packages below, if there is something to tell."""
    if ids:
        for function in deleted:
            function(ids, actor)
