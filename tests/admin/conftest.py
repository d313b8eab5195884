"""The journeys through the admin need real processes, as the faults do."""

from tests.faults.conftest import broker, committed, start_worker

__all__ = ["broker", "committed", "start_worker"]
