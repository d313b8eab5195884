"""E-mails about the runs of scheduled jobs (spec 05 §7.5)."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail

from biobank.jobs.models import State
from queries.models import ScheduledRun
from sessions_auth.models import User

log = logging.getLogger("queries")


def tell_finished(run: ScheduledRun) -> None:
    """Mail the recipients and the owner; a mail server that is away never fails the run."""
    addresses = _addresses(run)
    if not addresses:
        return
    result = f"{settings.APP_URL.rstrip('/')}{settings.REST_PREFIX}/scheduled-jobs/{run.job_id}/runs/{run.pk}"
    if run.state == State.DONE:
        subject = f"{run.job.name}: finished"
        body = f"The scheduled job has finished. Its result: {result}/result-file\n"
    else:
        subject = f"{run.job.name}: failed"
        body = f"The scheduled job has failed: {run.error}\n"
    try:
        send_mail(subject, body, None, addresses)
    except OSError:
        log.warning("could not mail about run %s", run.pk)


def _addresses(run: ScheduledRun) -> list[str]:
    ids = set(run.job.recipients.values_list("pk", flat=True))
    ids.add(run.run_by_id if run.job.repeat_schedule == "ONDEMAND" else run.job.created_by_id)
    users = User.objects.filter(pk__in=ids, activity_status="Active", dnd=False).exclude(email_address="")
    return list(users.order_by("pk").values_list("email_address", flat=True))
