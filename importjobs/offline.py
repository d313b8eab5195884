"""The offline queue: jobs that wait for the off-hours before any worker hears of them (spec 04 §2.5)."""

from datetime import datetime

from cronsim import CronSim
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from biobank.jobs.models import State
from biobank.jobs.runner import send
from biobank.wire.dates import server_zone
from importjobs.models import ImportJob


def load_due(now: datetime | None = None) -> int:
    """Hand over the jobs whose off-hours have begun since they were made; answers how many.

    Nothing depends on this being called at a certain minute: what a call misses the next one finds.
    """
    now = now or timezone.now()
    waiting = ImportJob.objects.filter(held=True, state=State.PENDING, created_at__lt=now)
    return load([job.pk for job in waiting.order_by("pk") if due_at(job) <= now])


def load(keys: list[int]) -> int:
    """Hand these jobs over to the workers, oldest first; those that were stopped or loaded meanwhile are left."""
    loaded = 0
    for pk in sorted(keys):
        with transaction.atomic():
            if ImportJob.objects.filter(pk=pk, held=True, state=State.PENDING).update(held=False):
                send(ImportJob.objects.get(pk=pk))
                loaded += 1
    return loaded


def load_all() -> int:
    """Hand over every waiting job at once, whatever the hour."""
    waiting = ImportJob.objects.filter(held=True, state=State.PENDING)
    return load(list(waiting.values_list("pk", flat=True)))


def due_at(job: ImportJob) -> datetime:
    """When the off-hours that a job waits for begin."""
    return next(CronSim(settings.OFFLINE_IMPORTS, job.created_at.astimezone(server_zone())))
