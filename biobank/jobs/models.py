"""The job row: claimed by a lease, moved on by commits that name the expected holder (architecture §3)."""

from datetime import timedelta
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

MAX_STALLS = 5  # claims in a row that ended without progress: then the job is poisonous


class LeaseLost(Exception):
    """Another worker holds the job now, or it was ended from outside: undo the chunk and go."""


class State(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Job(models.Model):
    """Abstract. A subclass says which Celery task looks at its rows (`TASK`) and adds what it works on."""

    TASK: ClassVar[str]

    news: dict[str, Any] | None = (
        None  # what the thread that renews the lease writes along, of a long transaction
    )

    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    owner = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    stalls = models.PositiveSmallIntegerField(default=0, editable=False)
    stop_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=["pending", "running"]),
                name="%(class)s_unfinished",
            )
        ]

    @classmethod
    def ready(cls) -> Q:
        """Which rows may be sent to the workers at all."""
        return Q()

    @classmethod
    def claim(cls, pk: int) -> Self | None:
        """Take the job if nobody works on it; None when it is held, ended or unknown."""
        now, owner = timezone.now(), uuid4()
        free = Q(state=State.PENDING) | Q(state=State.RUNNING, lease_until__lt=now)
        won = cls._default_manager.filter(free, pk=pk).update(
            state=State.RUNNING,
            owner=owner,
            lease_until=now + lease(),
            stalls=F("stalls") + 1,
            started_at=models.functions.Coalesce(F("started_at"), now),
        )
        return cls._default_manager.filter(pk=pk, owner=owner).first() if won else None

    def commit(self, **changes: Any) -> None:
        """Record progress while this worker holds the job; call it inside the chunk's transaction.

        Raises `LeaseLost` when it does not hold it any more: the transaction must be undone.
        """
        changes = {"stalls": 0, "lease_until": timezone.now() + lease(), **changes}
        mine = type(self)._default_manager.filter(pk=self.pk, owner=self.owner, state=State.RUNNING)
        if not mine.update(**changes):
            raise LeaseLost(self.pk)
        for name, value in changes.items():
            setattr(self, name, value)

    def renew(self) -> bool:
        """Prolong the lease without counting as progress; False when it is lost."""
        mine = type(self)._default_manager.filter(pk=self.pk, owner=self.owner, state=State.RUNNING)
        news, self.news = self.news or {}, None
        return bool(mine.update(lease_until=timezone.now() + lease(), **news))

    def hand_over(self) -> None:
        """Put the job back for the next worker."""
        self.commit(state=State.PENDING, owner=None, lease_until=None)

    def finish(self, state: State, **changes: Any) -> None:
        """End the job; also drops the lease."""
        self.commit(state=state, lease_until=None, finished_at=timezone.now(), **changes)

    def request_stop(self) -> Self:
        """Stop at the next chunk; a job nobody has begun stops at once."""
        now = timezone.now()
        waiting = type(self)._default_manager.filter(pk=self.pk, state=State.PENDING, started_at=None)
        if not waiting.update(state=State.STOPPED, stop_requested=True, finished_at=now):
            type(self)._default_manager.filter(pk=self.pk).update(stop_requested=True)
        self.refresh_from_db()
        return self

    @property
    def is_over(self) -> bool:
        return self.state in (State.DONE, State.FAILED, State.STOPPED)


def lease() -> timedelta:
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)


def job_models() -> list[type[Job]]:
    """Every concrete kind of job."""
    from django.apps import apps

    return [model for model in apps.get_models() if issubclass(model, Job)]
