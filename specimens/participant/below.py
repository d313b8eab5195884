"""Where packages below join in writes of registrations: visits and specimens follow what happens here.

A package below appends its functions once, when its app starts. Each is called inside the transaction of the
write, once for a batch, and must work set-based.
"""

from collections.abc import Callable, Mapping, Sequence

from biobank.access import Actor
from specimens.participant.models import Registration

# Registrations were created (keys known, rows stored).
created: list[Callable[[Sequence[Registration], Actor], None]] = []

# Registrations (ids) are deleted: whatever hangs below them goes too.
deleted: list[Callable[[Sequence[int], Actor], None]] = []

# Registrations (id -> id of the one that takes over): what hangs below moves.
merged: list[Callable[[Mapping[int, int], Actor], None]] = []

# Registrations (ids) lose everything that identifies the participant.
anonymized: list[Callable[[Sequence[int], Actor], None]] = []
