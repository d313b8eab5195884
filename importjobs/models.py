"""Uploaded files, import jobs, and what went wrong in which row (spec 04 §1, §2)."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from biobank.jobs.models import Job, State


class ImportType(models.TextChoices):
    CREATE = "CREATE", "Create"
    UPDATE = "UPDATE", "Update"
    UPSERT = "UPSERT", "Update Else Create"


class CsvType(models.TextChoices):
    SINGLE = "SINGLE_ROW_PER_OBJ"
    MULTIPLE = "MULTIPLE_ROWS_PER_OBJ"


class ImportJob(Job):
    """One run over one file. `row` and `offset` are the cursor: rows done, and the byte where the next begins."""

    TASK = "importjobs.tasks.run"

    name = models.CharField("object type", max_length=64)
    type = models.CharField("import type", max_length=6, choices=ImportType, default=ImportType.CREATE)
    csv_type = models.CharField(max_length=24, choices=CsvType, default=CsvType.SINGLE)
    date_format = models.CharField(max_length=64)
    time_format = models.CharField(max_length=64)
    time_zone = models.CharField(max_length=64)
    field_separator = models.CharField(max_length=1, blank=True)
    params = models.JSONField(default=dict)
    atomic = models.BooleanField(default=False)
    offline = models.BooleanField(default=False)
    held = models.BooleanField(
        default=False, editable=False
    )  # waits for the off-hours, unknown to the workers
    filename = models.CharField(max_length=255, blank=True)
    rows = models.PositiveIntegerField(default=0)  # data rows in the file
    row = models.PositiveIntegerField(default=0)
    offset = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)  # objects
    objects_done = models.PositiveIntegerField(
        default=0
    )  # fewer than rows where several rows make one object
    dry_run = models.BooleanField(default=False)  # all is tried, nothing stays
    live = models.JSONField(
        null=True, editable=False
    )  # how far one long transaction is: row, objects, failed
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retries")
    told_at = models.DateTimeField(null=True, editable=False)  # when the mail of its end was handed over

    class Meta(Job.Meta):
        ordering = ["-id"]
        indexes = [
            *(index.clone() for index in Job.Meta.indexes),
            models.Index(fields=["created_by", "-id"], name="importjob_newest"),
            models.Index(fields=["finished_at"], condition=models.Q(told_at=None), name="importjob_untold"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_type_display()} {self.name}"

    @property
    def is_whole(self) -> bool:
        """Whether it is one transaction from the first row to the last."""
        return self.atomic or self.dry_run

    @property
    def done(self) -> int:
        """Rows behind it, also those of a transaction that is not committed yet."""
        return max(self.row, self._live("row"))

    @property
    def records(self) -> int:
        """Objects behind it."""
        if self.csv_type == CsvType.SINGLE:
            return self.done
        return max(self.objects_done, self._live("objects"))

    @property
    def wrong(self) -> int:
        """Objects of these that failed."""
        return max(self.failed, self._live("failed"))

    def finish(self, state: State, **changes: Any) -> None:
        """End the job; what was told of a transaction under way no longer counts."""
        super().finish(state, live=None, **changes)

    def _live(self, name: str) -> int:
        return int((self.live or {}).get(name, 0))

    @classmethod
    def ready(cls) -> models.Q:
        return models.Q(held=False)

    @property
    def status(self) -> str:
        """The status on the wire (spec 04 §1.5)."""
        match self.state:
            case State.DONE:
                return "FAILED" if self.failed else "COMPLETED"
            case State.FAILED:
                return "FAILED"
            case State.STOPPED:
                return "STOPPED"
            case State.RUNNING:
                return "IN_PROGRESS"
        if self.started_at is not None:
            return "IN_PROGRESS"  # between two slices
        return "OFFLINE_QUEUED" if self.offline else "QUEUED"


class Upload(models.Model):
    """A stored input file; once a job has taken it, no other job can."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    filename = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    job = models.OneToOneField(ImportJob, models.CASCADE, null=True, related_name="upload")

    def __str__(self) -> str:
        return self.filename


class PartialUpload(models.Model):
    """An input file that comes in chunks: `offset` bytes of it are on disk for good."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    filename = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.filename} ({self.offset} of {self.size})"


class JobKey(models.Model):
    """What a client called the creation of a job, so that doing it again answers the same job."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # of the request
    job = models.ForeignKey(ImportJob, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="jobkey_once")]

    def __str__(self) -> str:
        return self.key


class Failure(models.Model):
    """A row that was not imported, and why; rows without one were.

    `row` counts the rows as the report lists them, `number` as the input file does. `problems` are those of the row
    itself, each `{code, message, column, value, hint}`; the message tells those of its whole object.
    """

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="failures", db_index=False)
    row = models.PositiveIntegerField()
    number = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=64)
    message = models.TextField()
    problems = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "row"], name="failure_row")]

    def __str__(self) -> str:
        return f"row {self.row} of job {self.job_id}: {self.code}"
