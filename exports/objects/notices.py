"""The e-mail that ends every export job (spec 04 §6.4)."""

import math

from django.conf import settings

from exports.objects import reads
from exports.objects.models import ObjectExport
from sessions_auth.mail import send
from sessions_auth.models import User

_WORDS = {"COMPLETED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped"}


def tell(job: ObjectExport) -> None:
    """Send it, unless the job was asked not to; a mail server that is away is no reason for the job to fail."""
    if job.disable_notifs:
        return
    people = User.objects.filter(activity_status="Active", dnd=False).exclude(email_address="")
    addresses = list(people.filter(pk=job.created_by_id or 0).values_list("email_address", flat=True))
    word = _WORDS[job.status]
    link = f"{settings.APP_URL.rstrip('/')}{settings.REST_PREFIX}/export-jobs/{job.pk}/output"
    lines = [f"Status: {word}", f"Minutes: {_minutes(job)}"]
    lines.append(f"File: {link}" if job.status == "COMPLETED" else f"Reason: {job.error}")
    send(f"Export job #{job.pk} {reads.label(job)}: {word}", "\n".join(lines) + "\n", addresses)


def _minutes(job: ObjectExport) -> int:
    """Begun minutes from the request to the end."""
    if job.finished_at is None:
        return 0
    return math.ceil((job.finished_at - job.created_at).total_seconds() / 60)
