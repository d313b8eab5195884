"""Finding jobs whose message or worker was lost, and sending them again."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from biobank.jobs.models import State, job_models
from biobank.jobs.runner import send


def reap() -> int:
    """Send every job again that waits too long or whose lease ran out; returns how many."""
    now = timezone.now()
    patience = now - timedelta(seconds=settings.JOB_REAP_SECONDS)
    lost = Q(state=State.PENDING) & (Q(sent_at=None, created_at__lt=patience) | Q(sent_at__lt=patience))
    dead = Q(state=State.RUNNING, lease_until__lt=now)
    sent = 0
    for model in job_models():
        for job in model._default_manager.filter(lost | dead).order_by("pk")[:1000]:
            send(job)
            sent += 1
    return sent
