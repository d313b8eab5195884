"""The exports queue: the message says which row to look at."""

from celery import shared_task

from biobank.jobs.runner import run_slice
from exports.builder import advance
from exports.models import Export
from exports.objects import building, store
from exports.objects.models import ObjectExport
from exports.objects.notices import tell

__all__ = ["build", "export_objects", "store"]  # the store's brooms are known once it is loaded


@shared_task(name=Export.TASK)
def build(pk: int) -> None:
    run_slice(Export, pk, advance)


@shared_task(name=ObjectExport.TASK)
def export_objects(pk: int) -> None:
    job = run_slice(ObjectExport, pk, building.advance)
    if job is not None and job.is_over:
        tell(job)
