"""The log of calls, and reports that are made in the background (spec 01 §A.11)."""

from typing import ClassVar
from uuid import uuid4

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from biobank.jobs.models import Job


class ApiCall(models.Model):
    """One authenticated call. Plain numbers instead of references: nothing need be looked up to write it.

    `path` has no query string, which may name a patient; `token_id` is null for calls with a password.
    """

    user_id = models.BigIntegerField()
    impersonated_by = models.BigIntegerField(null=True)
    token_id = models.BigIntegerField(null=True)
    ip_address = models.CharField(max_length=64, blank=True)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=512)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    status = models.SmallIntegerField()

    class Meta:
        verbose_name = "API call"
        indexes = [BrinIndex(fields=["started_at"], name="api_call_time")]  # rows come in the order of time

    def __str__(self) -> str:
        return f"{self.method} {self.path} by {self.user_id}: {self.status}"


def new_file_id() -> str:
    """The handle of a report, impossible to guess."""
    return f"audit_{uuid4()}"


class AuditReport(Job):
    """A report for super administrators; its file is `<file_id>.zip`."""

    TASK: ClassVar[str] = "biobank.audit.tasks.run_report"

    file_id = models.CharField(max_length=64, unique=True, default=new_file_id)
    first_day = models.DateField()
    last_day = models.DateField()
    user_ids = models.JSONField(null=True)
    report_types = models.JSONField()
    mail_when_done = models.BooleanField(default=False)

    class Meta(Job.Meta):
        pass

    def __str__(self) -> str:
        return self.file_id
