"""Where packages below join in writes of visits: specimens follow what happens to their visit (spec 03 §2.3, §2.4).

A package below appends its functions once, when its app starts. Each is called inside the transaction of the
write, once for a batch and only when there is something to tell, and must work set-based. Rows are stored
already and carry their new values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from biobank.access import Actor
from specimens.visit.models import Visit


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A visit that got another status; `old` is None for a new visit."""

    visit: Visit
    old: str | None

    @property
    def new(self) -> str:
        return self.visit.status


# Visits were created, or got another status.
saved: list[Callable[[Sequence[StatusChange], Actor], None]] = []

# Visits got a status that touches their specimens: every change on update, and new visits that are not collected
# (their requirements are stored in that status) or of protocols that label specimens beforehand.
status_changed: list[Callable[[Sequence[StatusChange], Actor], None]] = []

# Visits were given to another event: links of their specimens to requirements no longer hold.
event_changed: list[Callable[[Sequence[Visit], Actor], None]] = []

# Visits were given to a registration of another protocol: their specimens change protocol too.
protocol_changed: list[Callable[[Sequence[Visit], Actor], None]] = []

# Visits (ids) are deleted: their specimens go too.
deleted: list[Callable[[Sequence[int], Actor], None]] = []
