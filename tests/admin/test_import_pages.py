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


def choose(browser: Client, content: bytes, object_type: str = "institute", **options: str) -> Any:
    """The first step of the wizard."""
    data = {"file": SimpleUploadedFile("institutes.csv", content), "object_type": object_type, **options}
    return browser.post(reverse("admin:importjobs_importjob_add"), {"import_type": "CREATE", **data})


def upload(browser: Client, content: bytes, action: str = "run", **options: str) -> Any:
    """Both steps: choose the file, then start a job over it."""
    answer = choose(browser, content)
    assert answer.status_code == 302, answer.content
    data = {"object_type": "institute", "import_type": "CREATE", "csv_type": "SINGLE_ROW_PER_OBJ"}
    look = answer["Location"].split("?")[0]
    return browser.post(look, {**data, "field_separator": "auto", "action": action, **options})


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
        (b"Name,Name\n", {}, "IMPORT_JOB_RECORD_PARSE_ERROR"),
        (b"Name\nNorth\n", {"date_format": "hello"}, "IMPORT_JOB_INVALID_DATE_FORMAT"),
        (b"Name\nNorth\n", {"object_type": "unicorn"}, "not one of the available choices"),
        (b"Name\nNorth\n", {"import_type": "DELETE"}, "not one of the available choices"),
    ],
)
def test_what_is_refused_is_told_on_the_form(
    browser: Client, content: bytes, options: dict[str, str], reason: str
) -> None:
    answer = upload(browser, content, **options)
    assert answer.status_code == 200
    assert reason in answer.content.decode()
    assert not ImportJob.objects.exists()
    assert Upload.objects.count() == 1  # what was chosen can still be read in another way


def test_an_empty_file_is_refused_at_once(browser: Client) -> None:
    answer = choose(browser, b"")
    assert answer.status_code == 200
    assert "empty" in answer.content.decode()
    assert not Upload.objects.exists()


def test_the_second_step_shows_how_the_file_is_understood(browser: Client) -> None:
    content = b"Identifier;Name;Coordinators;Colour\n7;North;;red\n"
    page = browser.get(choose(browser, content, "site")["Location"]).content.decode()
    assert "1 rows (csv)" in page
    assert "<code>name</code>" in page
    assert "records that are created get numbers of their own" in page
    assert "did you mean Coordinators#1#Email Address" in page
    assert "Institute Name" in page  # among the columns that the file does not have
    assert not ImportJob.objects.exists()


def test_cells_that_cannot_be_read_are_marked_before_the_import(browser: Client) -> None:
    content = b"Title,Short Title,Start Date\nA study,A,someday\n"
    page = browser.get(choose(browser, content, "cp")["Location"]).content.decode()
    assert 'class="import-wrong">someday' in page


def test_a_dry_run_saves_nothing_until_it_is_run_in_earnest(browser: Client) -> None:
    upload(browser, b"Name\nNorth\nSouth\n", action="try")
    trial = ImportJob.objects.get()
    assert trial.dry_run
    tasks.run(trial.pk)
    page = browser.get(reverse("admin:importjobs_importjob_change", args=[trial.pk])).content.decode()
    assert 'id="import-earnest"' in page
    assert not Institute.objects.filter(name="North").exists()
    answer = browser.post(reverse("admin:importjobs_earnest", args=[trial.pk]))
    job = ImportJob.objects.exclude(pk=trial.pk).get()
    assert answer["Location"] == reverse("admin:importjobs_importjob_change", args=[job.pk])
    assert not job.dry_run
    tasks.run(job.pk)
    assert Institute.objects.filter(name__in=["North", "South"]).count() == 2


def test_failed_rows_are_put_right_on_a_page_and_run_again(browser: Client) -> None:
    upload(browser, b"Name,Activity Status\nNorth,\nSouth,Asleep\nWest,Tired\n")
    job = ImportJob.objects.get()
    tasks.run(job.pk)
    repair = reverse("admin:importjobs_repair", args=[job.pk])
    page = browser.get(repair).content.decode()
    assert 'value="Asleep"' in page
    assert "Tired is not an activity status" in page
    assert 'value="North"' not in page
    browser.post(repair, {"cell-0-1": "Active"})
    again = ImportJob.objects.get(retry_of=job)
    tasks.run(again.pk)
    again.refresh_from_db()
    assert (again.rows, again.failed) == (2, 1)
    assert sorted(
        Institute.objects.filter(name__in=["North", "South", "West"]).values_list("name", flat=True)
    ) == [
        "North",
        "South",
    ]
    data = {"file": SimpleUploadedFile("repaired.csv", b"Name\nWest\n")}
    browser.post(reverse("admin:importjobs_again", args=[again.pk]), data)
    last = ImportJob.objects.get(retry_of=again)
    tasks.run(last.pk)
    assert Institute.objects.filter(name="West").exists()
    rows: Any = browser.get(reverse("admin:importjobs_failed_rows", args=[job.pk]))
    assert b"".join(rows.streaming_content) == b'"Name","Activity Status"\n"South","Asleep"\n"West","Tired"\n'
    mistakes: Any = browser.get(reverse("admin:importjobs_errors", args=[job.pk]))
    assert b"Asleep" in b"".join(mistakes.streaming_content)


def test_a_job_without_failures_has_nothing_to_put_right(browser: Client) -> None:
    upload(browser, b"Name\nNorth\n")
    job = ImportJob.objects.get()
    tasks.run(job.pk)
    page = reverse("admin:importjobs_importjob_change", args=[job.pk])
    for step in ("importjobs_repair", "importjobs_failed_rows"):
        assert browser.get(reverse(f"admin:{step}", args=[job.pk]))["Location"] == page
    assert "IMPORT_JOB_NOTHING_TO_RETRY" in browser.get(page).content.decode()


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
