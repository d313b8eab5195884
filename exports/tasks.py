"""The exports queue: the message says which row to look at."""

from celery import shared_task

from biobank.jobs.runner import run_slice
from exports.builder import advance
from exports.models import Export


@shared_task(name=Export.TASK)
def build(pk: int) -> None:
    run_slice(Export, pk, advance)
