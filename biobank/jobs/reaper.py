"""Finding jobs whose message or worker was lost, and sending them again."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from biobank.jobs.models import State, job_models
from biobank.jobs.runner import send

PATIENCE_WHEN_SENT = 4  # times the reaper's period


def reap() -> int:
    """Send every job again that waits too long or whose lease ran out; returns how many."""
    now = timezone.now()
    patience = timedelta(seconds=settings.JOB_REAP_SECONDS)
    unsent = Q(state=State.PENDING, sent_at=None, created_at__lt=now - patience)
    # A job may simply wait its turn: its message is repeated now and then, not at every look.
    lost = Q(state=State.PENDING, sent_at__lt=now - PATIENCE_WHEN_SENT * patience)
    dead = Q(state=State.RUNNING, lease_until__lt=now) & (Q(sent_at=None) | Q(sent_at__lt=now - patience))
    sent = 0
    for model in job_models():
        for job in (
            model._default_manager.filter(unsent | lost | dead).filter(model.ready()).order_by("pk")[:1000]
        ):
            send(job)
            sent += 1
    return sent
