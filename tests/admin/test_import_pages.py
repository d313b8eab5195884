"""Import jobs in the admin: upload, watch, stop, report."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from importjobs import tasks
from importjobs.models import ImportJob, Upload
from sessions_auth.models import User
from sites.models import Institute
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="sessions_auth.backends.AdminBackend")
    return client


@pytest.fixture
def browser(admin: User) -> Client:
    return signed_in(admin)


def upload(browser: Client, content: bytes, **options: str) -> Any:
    data = {
        "file": SimpleUploadedFile("institutes.csv", content),
        "object_type": "institute",
        "field_separator": ",",
        **options,
    }
    return browser.post(reverse("admin:importjobs_importjob_add"), data)


def test_an_uploaded_file_starts_a_job_and_its_page_shows_it(browser: Client) -> None:
    answer = upload(browser, b"Name\nNorth\n\nNORTH\n")
    job = ImportJob.objects.get()
    page = reverse("admin:importjobs_importjob_change", args=[job.pk])
    assert (answer.status_code, answer["Location"]) == (302, page)
    waiting = browser.get(page).content.decode()
    assert 'id="import-progress"' in waiting
    assert 'data-import-over="false"' in waiting
    assert "biobank/import-progress.js" in waiting
    tasks.run(job.pk)
    [now] = browser.get(reverse("admin:importjobs_progress"), {"id": [job.pk]}).json()["jobs"]
    assert {key: now[key] for key in ("status", "over", "rows", "done", "failed", "percent")} == {
        "status": "FAILED", "over": True, "rows": 2, "done": 2, "failed": 1, "percent": 100,
    }  # fmt: skip
    over = browser.get(page).content.decode()
    assert 'data-import-over="true"' in over
    assert "with the same name" in over
    report: Any = browser.get(reverse("admin:importjobs_report", args=[job.pk]))
    assert b"".join(report.streaming_content).startswith(
        b'"Name","OS_IMPORT_STATUS","OS_ERROR_MESSAGE"\n"North","SUCC'
    )
    assert browser.get(reverse("admin:importjobs_importjob_changelist")).status_code == 200


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"", {}, "empty"),
        (b"Name,Name\n", {}, "IMPORT_JOB_RECORD_PARSE_ERROR"),
        (b"Name\nNorth\n", {"date_format": "hello"}, "IMPORT_JOB_INVALID_DATE_FORMAT"),
        (b"Name\nNorth\n", {"object_type": "unicorn"}, "not one of the available choices"),
    ],
)
def test_what_is_refused_is_told_on_the_form(
    browser: Client, content: bytes, options: dict[str, str], reason: str
) -> None:
    answer = upload(browser, content, **options)
    assert answer.status_code == 200
    assert reason in answer.content.decode()
    assert not ImportJob.objects.exists()


def test_a_waiting_job_can_be_stopped(browser: Client) -> None:
    upload(browser, b"Name\nNorth\n")
    job = ImportJob.objects.get()
    assert browser.get(reverse("admin:importjobs_stop", args=[job.pk])).status_code == 405
    browser.post(reverse("admin:importjobs_stop", args=[job.pk]))
    assert ImportJob.objects.get().status == "STOPPED"
    assert not Institute.objects.filter(name="North").exists()


def test_people_see_their_own_jobs_only_and_need_the_right_to_import(browser: Client) -> None:
    upload(browser, b"Name\nNorth\n")
    job = ImportJob.objects.get()
    importer, reader = factories.user(), factories.user()
    factories.grant(importer, {"Specimen": ["Read", "Export Import"]})
    factories.grant(reader, {"Specimen": ["Read"]})
    stranger = signed_in(importer)
    page = reverse("admin:importjobs_importjob_changelist")
    assert stranger.get(page).status_code == 200
    assert stranger.get(reverse("admin:importjobs_importjob_change", args=[job.pk]))["Location"] == page
    assert stranger.get(reverse("admin:importjobs_progress"), {"id": [str(job.pk), "x"]}).json() == {
        "jobs": []
    }
    stranger.post(reverse("admin:importjobs_stop", args=[job.pk]))
    assert ImportJob.objects.get().status == "QUEUED"
    assert stranger.get(reverse("admin:importjobs_report", args=[job.pk])).status_code == 302
    assert signed_in(reader).get(page).status_code == 403
    assert signed_in(reader).get(reverse("admin:importjobs_importjob_add")).status_code == 403
    assert Upload.objects.count() == 1
