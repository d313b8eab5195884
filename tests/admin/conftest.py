"""The journeys through the admin need real processes, as the faults do."""

from tests.faults.conftest import broker, start_worker

__all__ = ["broker", "start_worker"]
