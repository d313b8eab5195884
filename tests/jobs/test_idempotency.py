"""The same request under the same key makes one job."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from importjobs.idempotency import remove_old_keys, submit_once
from importjobs.models import ImportJob, JobKey
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from tests import factories
from tests.client import Answer, Api
from tests.jobs.importing import finish, upload

pytestmark = pytest.mark.django_db


def submit(api: Api, file_id: str, key: str, **options: Any) -> Answer:
    body = {"objectType": "institute", "inputFileId": file_id, **options}
    return api.post("/import-jobs", body, **{"Idempotency-Key": key})


def test_the_same_request_answers_the_same_job_also_when_it_has_ended(api: Api) -> None:
    file_id = upload(api, "Name\nNorth\n")
    first = submit(api, file_id, '"a-1"').json
    assert submit(api, file_id, "a-1").json == first
    finish(api, first["id"])
    again = submit(api, file_id, "a-1").json
    assert (again["id"], again["status"]) == (first["id"], "COMPLETED")
    assert ImportJob.objects.count() == 1


def test_a_key_cannot_stand_for_two_requests(api: Api) -> None:
    submit(api, upload(api, "Name\nNorth\n"), "a-1")
    answer = submit(api, upload(api, "Name\nNorth\n"), "a-1")
    assert (answer.status, answer.codes) == (422, ["IMPORT_JOB_KEY_REUSED"])


def test_keys_are_each_users_own(api: Api, as_user: Callable[[User], Api]) -> None:
    other = as_user(factories.user("SUPER"))
    first = submit(api, upload(api, "Name\nNorth\n"), "a-1").json
    second = submit(other, upload(other, "Name\nNorth\n"), "a-1").json
    assert first["id"] != second["id"]


def test_a_request_that_made_no_job_leaves_its_key_free(api: Api) -> None:
    api.put("/config-settings", {"module": "common", "name": "import_max_records_per_txn", "value": "1"})
    file_id = upload(api, "Name\nNorth\nSouth\n")
    assert submit(api, file_id, "a-1", dateFormat="x").status == 400
    assert submit(api, file_id, "a-1", atomic=True).json["status"] == "TXN_SIZE_EXCEEDED"
    assert not JobKey.objects.exists()
    assert submit(api, file_id, "a-1").json["status"] == "QUEUED"


def test_a_key_has_a_length(api: Api) -> None:
    answer = submit(api, upload(api, "Name\nNorth\n"), "x" * 256)
    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


def test_old_keys_are_forgotten(api: Api) -> None:
    submit(api, upload(api, "Name\nNorth\n"), "a-1")
    JobKey.objects.update(created_at="2020-01-01T00:00:00Z")
    remove_old_keys()
    assert not JobKey.objects.exists()


def test_two_requests_at_the_same_moment_make_one_job(committed: None, admin: User) -> None:
    from importjobs.detail import NewJob
    from sessions_auth.tokens import issue

    body = NewJob(object_type="institute", input_file_id=upload(Api(issue(admin)), "Name\nNorth\n"))
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(submit_once("a-1", body, actor_of(admin)))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.pk for job in found}) == 1
    assert (len(found), ImportJob.objects.count()) == (4, 1)
