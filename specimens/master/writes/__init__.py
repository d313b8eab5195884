"""Writing rows of the master table: each through the doors of registrations, visits and specimens."""

from specimens.master.writes.door import MASTER

__all__ = ["MASTER"]
