"""The beat's task that keeps the table of differences small."""

from celery import shared_task

from biobank import tallies


@shared_task(name="biobank.tallies.tasks.fold")
def fold() -> None:
    tallies.fold()
