"""Creating a job once, however often a client asks: `Idempotency-Key` (ours, after the IETF's draft)."""

from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from biobank.access import Actor
from biobank.wire.errors import INVALID_REQUEST, Refused
from importjobs.detail import JobDetail, NewJob
from importjobs.errors import KEY_REUSED
from importjobs.models import ImportJob, JobKey
from importjobs.submit import submit

LONGEST_KEY = 255


class _NoJob(Exception):
    """The request made no job, so its key means nothing."""

    def __init__(self, answer: JobDetail) -> None:
        self.answer = answer


def submit_once(
    key: str | None, request: NewJob, actor: Actor, client_zone: str | None = None
) -> ImportJob | JobDetail:
    """`submit`, or the job that the same request made before under this key.

    Raises IMPORT_JOB_KEY_REUSED when the key stands for another request. Of two requests at the same moment the
    second waits for the first. A request that is refused, or too large for a job, leaves its key free.
    """
    name = (key or "").strip().strip('"')
    if not name:
        return submit(request, actor, client_zone)
    if len(name) > LONGEST_KEY or not name.isprintable():
        raise Refused(INVALID_REQUEST(reason=f"an idempotency key has at most {LONGEST_KEY} characters"))
    digest = sha256(request.model_dump_json().encode()).hexdigest()
    try:
        with transaction.atomic():
            kept = _take(name, digest, actor)
            if kept is None:
                return _answer_again(name, digest, actor)
            found = submit(request, actor, client_zone)
            if not isinstance(found, ImportJob):
                raise _NoJob(found)
            kept.job = found
            kept.save(update_fields=["job"])
            return found
    except _NoJob as refused:
        return refused.answer


def _take(name: str, digest: str, actor: Actor) -> JobKey | None:
    """The key for this request alone; None when another one has it. Waits for one that is at it."""
    try:
        with transaction.atomic():
            return JobKey.objects.create(user_id=actor.user_id, key=name, digest=digest)
    except IntegrityError:
        return None


def _answer_again(name: str, digest: str, actor: Actor) -> ImportJob:
    kept = JobKey.objects.select_related("job").get(user_id=actor.user_id, key=name)
    if kept.digest != digest or kept.job is None:
        raise Refused(KEY_REUSED(key=name))
    return kept.job


def remove_old_keys() -> None:
    """Keys are kept as long as files, at least a day."""
    past = timezone.now() - timedelta(days=max(1, settings.FILES_RETENTION_DAYS))
    JobKey.objects.filter(created_at__lt=past).delete()
