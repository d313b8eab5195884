"""Messages to the workers about reports."""

import time

from celery import shared_task
from django.conf import settings

from biobank.audit import calls, reports  # noqa: F401 - the calls register their broom
from biobank.audit.models import AuditReport
from biobank.jobs.runner import run_slice
from biobank.jobs.tasks import register_broom


@shared_task(name="biobank.audit.tasks.run_report")
def run_report(pk: int) -> None:
    run_slice(AuditReport, pk, reports.run)


@register_broom
def sweep_reports() -> None:
    """Remove reports that are past their retention."""
    oldest = time.time() - settings.FILES_RETENTION_DAYS * 86400
    for path in reports.reports_folder().iterdir():
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
