"""Messages to the workers of the queue `queries`: each says which row to look at."""

from celery import shared_task

from biobank.jobs.runner import run_slice
from biobank.jobs.tasks import register_broom
from queries import files, protocol_reports, runs, scheduling
from queries.models import ProtocolReport, QueryExport, ScheduledRun

register_broom(files.sweep_results)


@shared_task(name="queries.tasks.fire_due")
def fire_due() -> None:
    """The beat's tick: start what is due."""
    scheduling.fire_due()


@shared_task(name="queries.tasks.run_scheduled")
def run_scheduled(pk: int) -> None:
    run_slice(ScheduledRun, pk, runs.run_scheduled)


@shared_task(name="queries.tasks.run_export")
def run_export(pk: int) -> None:
    run_slice(QueryExport, pk, runs.run_export)


@shared_task(name="queries.tasks.run_protocol_report")
def run_protocol_report(pk: int) -> None:
    run_slice(ProtocolReport, pk, protocol_reports.run)
