"""Saved queries, schedules and runs in the admin."""

from typing import Any

import pytest
from django.test import Client

from queries.models import DueTime, SavedQuery, ScheduledJob, ScheduledRun
from queries.tasks import run_scheduled
from sessions_auth.models import User
from tests.client import Api
from tests.queries.conftest import Biobank, biobank
from tests.queries.test_saved_queries import definition

__all__ = ["biobank"]


@pytest.fixture
def query(api: Api, biobank: Biobank) -> SavedQuery:
    return SavedQuery.objects.get(pk=api.post("/saved-queries", definition()).json["id"])


@pytest.fixture
def browser(admin: User, client: Client) -> Client:
    client.force_login(admin)
    return client


def form(query: SavedQuery, **more: Any) -> dict[str, Any]:
    return {
        "name": "Nightly", "saved_query": query.pk, "repeat_schedule": "DAILY", "scheduled_hour": "2",
        "scheduled_minute": "30", "start_date_0": "2024-01-01", "start_date_1": "00:00:00",
        "activity_status": "Active", **more,
    }  # fmt: skip


def test_a_saved_query_shows_its_text_and_its_rows(browser: Client, query: SavedQuery) -> None:
    page = browser.get(f"/admin/queries/savedquery/{query.pk}/change/").content.decode()
    assert "select Participant.ppid, Specimen.label as &quot;Label&quot; where" in page
    result = browser.get(f"/admin/queries/savedquery/{query.pk}/run/").content.decode()
    assert "2 rows shown" in result
    assert "S3_%" in result


def test_a_saved_query_is_downloaded_as_csv(browser: Client, query: SavedQuery) -> None:
    answer = browser.get(f"/admin/queries/savedquery/{query.pk}/csv/")
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert content.splitlines()[-2:] == ['"P1","S1"', '"P3","S3_%"']


def test_a_job_is_scheduled_and_run_in_the_admin(browser: Client, admin: User, query: SavedQuery) -> None:
    answer = browser.post("/admin/queries/scheduledjob/add/", form(query))
    assert answer.status_code == 302, answer.content.decode()
    job = ScheduledJob.objects.get()
    assert (job.created_by, DueTime.objects.get().job) == (admin, job)
    browser.post(f"/admin/queries/scheduledjob/{job.pk}/run-now/", {"_form_submitted": "on"})
    run = ScheduledRun.objects.get()
    run_scheduled(run.pk)
    runs = browser.get(f"/admin/queries/scheduledrun/?job__id__exact={job.pk}").content.decode()
    assert f"scheduled_query_{query.pk}_{run.pk}.csv" in runs
    file = browser.get(f"/admin/queries/scheduledrun/{run.pk}/file/")
    assert b"S3_%" in b"".join(file.streaming_content)  # type: ignore[attr-defined]


def test_the_admin_refuses_what_the_api_refuses(browser: Client, query: SavedQuery) -> None:
    page = browser.post("/admin/queries/scheduledjob/add/", form(query, scheduled_hour="25"))
    assert "SCHEDULED_JOB_INVALID_SCHEDULED_TIME" in page.content.decode()
    assert not ScheduledJob.objects.exists()


@pytest.mark.parametrize(
    "name", ["savedquery", "queryfolder", "scheduledjob", "scheduledrun", "queryexport", "queryaudit"]
)
def test_every_list_opens_and_is_searched(browser: Client, query: SavedQuery, name: str) -> None:
    assert browser.get(f"/admin/queries/{name}/?q=x").status_code == 200
