"""How far a job is, for pages that watch it."""

from typing import Any

from django.utils import timezone

from importjobs.models import ImportJob


def progress(job: ImportJob) -> dict[str, Any]:
    """Status, counts, percent, rows a second and seconds left (None when that cannot be said)."""
    rate = _rate(job)
    waiting = max(job.rows - job.done, 0)
    return {
        "id": job.pk,
        "status": job.status,
        "over": job.is_over,
        "rows": job.rows,
        "done": job.done,
        "failed": job.wrong,
        "percent": _percent(job),
        "rate": rate,
        "left": None if job.is_over or not rate else round(waiting / rate),
        "error": job.error,
    }


def _percent(job: ImportJob) -> int:
    if not job.rows:
        return 100 if job.is_over else 0
    return min(100, 100 * job.done // job.rows)


def _rate(job: ImportJob) -> int | None:
    if job.started_at is None or not job.done:
        return None
    seconds = ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
    return round(job.done / max(seconds, 0.001))
