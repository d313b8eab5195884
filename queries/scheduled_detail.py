"""The wire shapes of scheduled jobs and their runs (spec 05 §7.2, §7.3)."""

from biobank.wire.detail import Detail, Flag, Instant, Payload, Text, Whole
from biobank.wire.paging import Paged
from queries.detail import QuerySummary
from sessions_auth.detail import UserSummary


class SavedQueryRef(QuerySummary):
    """The query of a job: its id on input, a summary on output."""


class ScheduledJobDetail(Detail):
    name: Text = None
    type: Text = None
    task_impl_fqn: Text = None
    command: Text = None
    saved_query: SavedQueryRef | None = None
    repeat_schedule: Text = None
    minutely_interval: Whole = None
    hourly_interval: Whole = None
    scheduled_minute: Whole = None
    scheduled_hour: Whole = None
    scheduled_day_of_week: Text = None
    scheduled_day_of_month: Whole = None
    start_date: Instant = None
    end_date: Instant = None
    activity_status: Text = None
    fixed_args: Text = None
    rt_args_provided: Flag = None
    rt_args_help_text: Text = None
    run_as: UserSummary | None = None
    recipients: list[UserSummary] | None = None
    shared_with: list[UserSummary] | None = None
    created_by: UserSummary | None = None
    is_active_job: Flag = None
    next_run_on: Instant = None
    last_run_on: Instant = None


class JobFilter(Paged):
    query: Text = None
    type: Text = None


class RunArguments(Payload):
    args: Text = None


class RunFilter(Paged):
    from_date: Text = None
    to_date: Text = None
    status: Text = None


class RunDetail(Detail):
    job_id: Whole = None
    job_name: Text = None
    started_at: Instant = None
    finished_at: Instant = None
    status: Text = None
    log_file_path: Text = None
    message: Text = None
    rt_args: Text = None
    run_by: UserSummary | None = None
