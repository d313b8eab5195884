"""Export jobs in the admin: choose, watch, download; who sees what."""

import io
import re
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports import tasks
from exports.objects.models import ObjectExport
from exports.objects.writing import path_of
from sessions_auth.models import User
from tests import factories, studies

pytestmark = pytest.mark.django_db

ADD = "admin:exports_objectexport_add"
LIST = "admin:exports_objectexport_changelist"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="sessions_auth.backends.AdminBackend")
    return client


@pytest.fixture
def browser(admin: User) -> Client:
    return signed_in(admin)


def of(page: str, job: ObjectExport) -> str:
    return reverse(f"admin:exports_{page}", args=[job.pk])


def export(browser: Client, **chosen: str) -> ObjectExport:
    """Fill the form in; answers the job that its page shows."""
    answer = browser.post(reverse(ADD), {"object_type": "institute", **chosen})
    assert answer.status_code == 302, answer.content.decode()
    job = ObjectExport.objects.latest("pk")
    assert answer["Location"] == of("objectexport_change", job)
    return job


def csv_in(answer: Any) -> str:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as found:
        return found.read("output.csv").decode()


def test_records_are_chosen_exported_and_downloaded(browser: Client, admin: User) -> None:
    factories.institute("North")
    job = export(browser)
    assert job.created_by == admin
    waiting = browser.get(of("objectexport_change", job)).content.decode()
    assert 'data-export-over="false"' in waiting
    assert "biobank/export-progress.js" in waiting
    assert "export-download" not in waiting
    now = browser.get(of("objects_progress", job)).json()
    assert now == {"status": "IN_PROGRESS", "over": False, "records": None, "error": ""}
    assert browser.get(of("objects_output", job))["Location"] == of("objectexport_change", job)

    tasks.export_objects(job.pk)

    now = browser.get(of("objects_progress", job)).json()
    assert now == {"status": "COMPLETED", "over": True, "records": 2, "error": ""}
    done = browser.get(of("objectexport_change", job)).content.decode()
    assert 'data-export-over="true"' in done
    assert 'id="export-download"' in done
    answer = browser.get(of("objects_output", job))
    assert answer["Content-Disposition"] == f"attachment;filename=ExportJob_{job.pk}.zip"
    assert '"North"' in csv_in(answer)
    listed = browser.get(reverse(LIST)).content.decode()
    assert re.search(rf"#{job.pk} \w+", listed)


def test_filters_become_the_parameters_of_the_call(browser: Client) -> None:
    study = studies.protocol("LUNG")
    job = export(browser, object_type="visit", protocol=str(study.pk), ppids=" A1, A2\r\nA3\r\n", visits="")
    assert job.params == {"cpId": str(study.pk), "ppids": "A1,A2,A3", "timeZone": "UTC"}
    assert "A1,A2,A3" in browser.get(of("objectexport_change", job)).content.decode()


@pytest.mark.parametrize("wrong", [{"object_type": "unicorn"}, {"protocol": "4711"}, {"object_type": ""}])
def test_what_cannot_be_chosen_is_refused_on_the_form(browser: Client, wrong: dict[str, str]) -> None:
    answer = browser.post(reverse(ADD), {"object_type": "institute", **wrong})
    assert answer.status_code == 200
    assert answer.context["form"].errors.keys() == wrong.keys()
    assert not ObjectExport.objects.exists()


def test_a_file_past_its_time_and_a_job_that_failed_say_so(browser: Client) -> None:
    job = export(browser)
    tasks.export_objects(job.pk)
    path_of(ObjectExport.objects.get().file).unlink()
    page = browser.get(of("objectexport_change", job)).content.decode()
    assert 'id="export-gone"' in page
    assert 'id="export-download"' not in page
    ObjectExport.objects.update(state="failed", error="No room")
    page = browser.get(of("objectexport_change", job)).content.decode()
    assert 'id="export-error"' in page
    assert "No room" in page


def test_people_see_their_own_jobs_and_need_the_right_to_export(browser: Client) -> None:
    theirs = export(browser)
    tasks.export_objects(theirs.pk)
    exporter, reader = factories.user(), factories.user()
    factories.grant(exporter, {"Specimen": ["Read", "Export Import"]})
    factories.grant(reader, {"Specimen": ["Read"]})
    stranger = signed_in(exporter)
    own = export(stranger, object_type="specimen")
    page = stranger.get(reverse(LIST))
    assert [row.pk for row in page.context["cl"].result_list] == [own.pk]
    assert stranger.get(of("objectexport_change", theirs))["Location"] == reverse(LIST)
    assert stranger.get(of("objects_output", theirs))["Location"] == reverse(LIST)
    assert stranger.get(of("objects_progress", theirs)).status_code == 404
    assert {row.pk for row in browser.get(reverse(LIST)).context["cl"].result_list} == {own.pk, theirs.pk}

    ObjectExport.objects.filter(pk=theirs.pk).update(readers=[exporter.pk])
    assert stranger.get(of("objects_progress", theirs)).status_code == 200
    assert len(stranger.get(reverse(LIST)).context["cl"].result_list) == 2

    for path in (reverse(LIST), reverse(ADD), of("objects_progress", theirs), of("objects_output", theirs)):
        assert signed_in(reader).get(path).status_code == 403, path


def test_only_protocols_that_the_caller_may_export_are_offered() -> None:
    mine, other = studies.protocol("MINE"), studies.protocol("OTHER")
    user = factories.user(of=mine.protocol_sites.get().site.institute)
    rights = {resource: ["Read", "Export Import"] for resource in ("CollectionProtocol", "Visit")}
    factories.grant(user, rights, protocol=mine)
    page = signed_in(user).get(reverse(ADD)).content.decode()
    assert "MINE" in page
    assert other.short_title not in page
