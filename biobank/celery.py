"""The Celery application; workers run `celery -A biobank worker`."""

import os

from celery import Celery
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biobank.settings")

app = Celery("biobank")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "biobank.jobs",
        "biobank.audit",
        "importjobs",
        "queries",
        "exports",
        "sessions_auth",
        "specimens.cart",
        "specimens.printing",
    ]
)


@beat_init.connect
def _tick_at_once(**_: object) -> None:
    """Show the way from beat through broker to worker as soon as it is open, not a whole period later."""
    app.send_task("biobank.jobs.tasks.tick")
