"""The journeys through the admin need real processes, as the faults do."""

from tests.admin.browser import address, mistakes, page
from tests.faults.conftest import broker, start_worker

__all__ = ["address", "broker", "mistakes", "page", "start_worker"]
