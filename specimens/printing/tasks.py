"""What workers and beat do for printing."""

from celery import shared_task

from biobank.jobs.tasks import register_broom
from specimens.printing import writes


@shared_task(name="specimens.printing.tasks.place_waiting")
def place_waiting() -> None:
    writes.place_waiting()


@register_broom
def sweep_print_files() -> None:
    writes.sweep()
