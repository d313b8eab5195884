"""The e-mail a job's creator gets after every run (spec 04 §2.8): once, also when the worker dies before it."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from biobank.configuration.reads import flag
from biobank.jobs.models import State
from importjobs.models import ImportJob
from importjobs.reads import display_name
from sessions_auth.mail import send
from sessions_auth.models import User

_WORDS = {"COMPLETED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped"}
_OVER = (State.DONE, State.FAILED, State.STOPPED)
_PATIENCE = timedelta(minutes=1)  # the worker that ends a job tells it within moments
_BLOCK = 100


def tell(job: ImportJob) -> None:
    """Send the notice, unless it was sent; a mail server that is away is no reason for the job to fail.

    Who marks the job sends the mail, and the mark stays only when the mail was handed over: of two processes the
    second waits for the first and finds it done, and after a death the next one finds the job untold.
    """
    with transaction.atomic():
        if ImportJob.objects.filter(pk=job.pk, state__in=_OVER, told_at=None).update(told_at=timezone.now()):
            _send(job)


def tell_forgotten() -> None:
    """Send the notices of jobs that ended a while ago and whose worker did not live to do it.

    A job that was stopped before it began has no run to tell of.
    """
    late = ImportJob.objects.filter(told_at=None, finished_at__lt=timezone.now() - _PATIENCE)
    for job in late.filter(state__in=_OVER, started_at__isnull=False).order_by("finished_at")[:_BLOCK]:
        tell(job)


def _send(job: ImportJob) -> None:
    page = settings.APP_URL.rstrip("/") + reverse("admin:importjobs_importjob_change", args=[job.pk])
    text = (
        f"Status: {_WORDS[job.status]}\n"
        f"Rows: {job.row}\n"
        f"Failed: {job.failed}\n"
        f"All or nothing: {'yes' if job.atomic else 'no'}\n"
        f"Report: {page}\n"
    )
    if job.dry_run:
        text += "Dry run: nothing was saved\n"
    send(f"Import job {display_name(job)}: {_WORDS[job.status]}", text, _addresses(job))


def _addresses(job: ImportJob) -> list[str]:
    people = User.objects.filter(activity_status="Active", dnd=False).exclude(email_address="")
    found = list(people.filter(pk=job.created_by_id or 0).values_list("email_address", flat=True))
    if flag("notifications", "cc_import_emails_to_admin"):
        administrators = people.filter(type=User.Type.SUPER).order_by("pk")
        found += administrators.values_list("email_address", flat=True)
    return list(dict.fromkeys(found))
