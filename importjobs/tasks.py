"""What workers and beat do for import jobs."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from biobank.jobs.runner import run_slice
from biobank.jobs.tasks import register_broom
from importjobs import chunks, offline, scheduled, uploads
from importjobs.attaching import forget_files
from importjobs.idempotency import remove_old_keys
from importjobs.models import Failure, ImportJob, Upload
from importjobs.notices import tell, tell_forgotten
from importjobs.runner import Importer


@shared_task(name=ImportJob.TASK)
def run(pk: int) -> None:
    """Work on one job for a slice of time."""
    with Importer() as importer:
        job = run_slice(ImportJob, pk, importer)
    if job is not None and job.is_over:
        forget_files(job)
        tell(job)


@shared_task(name="importjobs.tasks.load_offline")
def load_offline() -> None:
    """Let the jobs of the offline queue begin that have waited for the off-hours."""
    offline.load_due()


@shared_task(name="importjobs.tasks.collect_scheduled")
def collect_scheduled() -> None:
    """Make jobs of the files in the watch folder."""
    scheduled.collect()


@shared_task(name="importjobs.tasks.tell_ends")
def tell_ends() -> None:
    """Send the mails that a worker did not live to send."""
    tell_forgotten()


register_broom(chunks.remove_expired)
register_broom(remove_old_keys)


@register_broom
def remove_old_files() -> None:
    """Remove input files past their retention; the job rows stay (spec 04 §2.9)."""
    past = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS)
    old = Q(job=None, created_at__lt=past) | Q(job__finished_at__lt=past)
    for upload in Upload.objects.filter(old).order_by("created_at")[:1000]:
        if upload.job_id is not None:
            Failure.objects.filter(job=upload.job_id).delete()
        uploads.remove(upload)
