"""The e-mail a job's creator gets after every run (spec 04 §2.8)."""

from django.conf import settings
from django.urls import reverse

from biobank.configuration.reads import flag
from importjobs.models import ImportJob
from importjobs.reads import display_name
from sessions_auth.mail import send
from sessions_auth.models import User

_WORDS = {"COMPLETED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped"}


def tell(job: ImportJob) -> None:
    """Send the notice; a mail server that is away is no reason for the job to fail."""
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
