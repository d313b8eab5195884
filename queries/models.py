"""Tables of queries: saved queries, folders, schedules and their runs, exports, and the audit log (spec 05 §4-§7)."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from biobank.jobs.models import Job, State
from biobank.records import Record, tracked
from specimens.protocol.models import CollectionProtocol

FOLDER = "query-exported-data"


@tracked
class SavedQuery(Record):
    """A query as a client's form builder knows it; the language's text is made from it when it runs."""

    title = models.CharField(max_length=255)
    protocol = models.ForeignKey(CollectionProtocol, models.SET_NULL, null=True, blank=True, related_name="+")
    cp_group_id = models.BigIntegerField(null=True, blank=True)
    driving_form = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    select_list = models.JSONField(default=list, blank=True)
    filters = models.JSONField(default=list, blank=True)
    query_expression = models.JSONField(default=list, blank=True)
    having_clause = models.TextField(null=True, blank=True)  # noqa: DJ001
    reporting = models.JSONField(null=True, blank=True)
    wide_row_mode = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001
    output_column_exprs = models.BooleanField(default=False)
    case_sensitive = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    last_modified_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    last_modified_on = models.DateTimeField(default=timezone.now)
    starred_by = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="starred_queries")

    class Meta:
        verbose_name_plural = "saved queries"

    def __str__(self) -> str:
        return self.title


@tracked
class QueryFolder(models.Model):
    """Queries kept together, for their owner or for others as well."""

    name = models.CharField(max_length=255)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="query_folders")
    shared_with_all = models.BooleanField(default=False)
    allow_edits_by_shared_users = models.BooleanField(default=False)
    shared_with = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="shared_query_folders"
    )
    queries = models.ManyToManyField(SavedQuery, blank=True, related_name="folders")

    def __str__(self) -> str:
        return self.name


class Repeat(models.TextChoices):
    MINUTELY = "MINUTELY"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    ONDEMAND = "ONDEMAND"


class Weekday(models.TextChoices):
    SUNDAY = "SUNDAY"
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"


@tracked
class ScheduledJob(Record):
    """A query that runs again and again."""

    name = models.CharField(max_length=255)
    type = models.CharField(max_length=10, default="QUERY")
    saved_query = models.ForeignKey(SavedQuery, models.PROTECT, null=True, related_name="scheduled_jobs")
    task_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    repeat_schedule = models.CharField(max_length=10, choices=Repeat)
    minutely_interval = models.PositiveIntegerField(null=True, blank=True)
    hourly_interval = models.PositiveIntegerField(null=True, blank=True)
    scheduled_minute = models.PositiveSmallIntegerField(null=True, blank=True)
    scheduled_hour = models.PositiveSmallIntegerField(null=True, blank=True)
    scheduled_day_of_week = models.CharField(max_length=10, choices=Weekday, null=True, blank=True)  # noqa: DJ001
    scheduled_day_of_month = models.PositiveSmallIntegerField(null=True, blank=True)
    start_date = models.DateTimeField(default=timezone.now)
    end_date = models.DateTimeField(null=True, blank=True)
    fixed_args = models.TextField(null=True, blank=True)  # noqa: DJ001
    rt_args_provided = models.BooleanField(default=False)
    rt_args_help_text = models.TextField(null=True, blank=True)  # noqa: DJ001
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    run_as = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    recipients = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    shared_with = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="shared_scheduled_jobs"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="scheduled_job_name",
                violation_error_code="SCHEDULED_JOB_DUP_JOB_NAME",
                violation_error_message="A scheduled job with the same name exists already",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def owner_id(self) -> int:
        """Whose rights the timer's runs have."""
        return self.run_as_id or self.created_by_id


class DueTime(models.Model):
    """When a scheduled job runs next; jobs that never run by themselves have no row.

    Apart from the job, so that the clock leaves no traces in the job's history.
    """

    job = models.OneToOneField(ScheduledJob, models.CASCADE, primary_key=True, related_name="due")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.job_id} at {self.at:%F %T}"


class ScheduledRun(Job):
    """One run of a scheduled job; `due_at` is null for runs started by hand."""

    TASK: ClassVar[str] = "queries.tasks.run_scheduled"

    job = models.ForeignKey(ScheduledJob, models.CASCADE, related_name="runs")
    due_at = models.DateTimeField(null=True, blank=True)
    run_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    rt_args = models.TextField(null=True, blank=True)  # noqa: DJ001
    file_name = models.CharField(max_length=255, blank=True)
    row_count = models.BigIntegerField(null=True, blank=True)

    class Meta(Job.Meta):
        constraints = [
            models.UniqueConstraint(fields=["job", "due_at"], name="scheduled_run_once"),
            models.UniqueConstraint(
                fields=["job"],
                condition=Q(state__in=[State.PENDING, State.RUNNING]),
                name="scheduled_run_alone",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of scheduled job {self.job_id}"

    @property
    def status(self) -> str:
        """The state in the words of spec 05 §7.3."""
        if not self.is_over:
            return "IN_PROGRESS"
        return "SUCCEEDED" if self.state == State.DONE else "FAILED"


def new_file_id() -> str:
    """The handle of an export; its random part makes it impossible to guess."""
    return f"query_0_{timezone.now():%Y%m%d_%H%M%S}_{uuid4()}"


class QueryExport(Job):
    """The whole result of a query as a file, made in the background (spec 05 §3.7)."""

    TASK: ClassVar[str] = "queries.tasks.run_export"

    file_id = models.CharField(max_length=100, unique=True, default=new_file_id)
    request = models.JSONField()  # the body of the call

    class Meta(Job.Meta):
        pass

    def __str__(self) -> str:
        return self.file_id


@tracked
class ReportSettings(models.Model):
    """How reports of a protocol are made (spec 02 §A12); what the server does not use is kept for its clients."""

    protocol = models.OneToOneField(CollectionProtocol, models.CASCADE, related_name="+")
    enabled = models.BooleanField(default=True)
    recipients = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    data_query = models.ForeignKey(SavedQuery, models.SET_NULL, null=True, blank=True, related_name="+")
    metrics_cfg = models.JSONField(null=True, blank=True)
    email_tmpl = models.TextField(null=True, blank=True)  # noqa: DJ001
    email_tmpl_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001

    class Meta:
        verbose_name_plural = "report settings"

    def __str__(self) -> str:
        return f"reports of protocol {self.protocol_id}"


def new_report_id() -> str:
    """The handle of a report, impossible to guess."""
    return f"cp_report_{uuid4()}"


class ProtocolReport(Job):
    """One report of a protocol: the result of its data query, as its author may see it."""

    TASK: ClassVar[str] = "queries.tasks.run_protocol_report"

    protocol = models.ForeignKey(CollectionProtocol, models.PROTECT, related_name="+")
    file_id = models.CharField(max_length=64, unique=True, default=new_report_id)

    class Meta(Job.Meta):
        pass

    def __str__(self) -> str:
        return self.file_id


class QueryAudit(models.Model):
    """One execution of a query; `record_count` is -1 when it failed."""

    query = models.ForeignKey(SavedQuery, models.SET_NULL, null=True, related_name="executions")
    run_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    milliseconds = models.BigIntegerField()
    run_type = models.CharField(max_length=32)
    record_count = models.BigIntegerField()
    aql = models.TextField()
    sql = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["run_by", "-id"], name="query_audit_newest")]

    def __str__(self) -> str:
        return f"{self.run_type} by {self.run_by_id} at {self.at:%F %T}"
