"""Jobs that wait for the off-hours (spec 04 §2.5), and the limits that send them there (§2.3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from biobank.configuration.models import SettingValue
from biobank.jobs import reaper
from importjobs import offline
from importjobs.models import ImportJob
from tests.client import Api
from tests.jobs.importing import finish, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs the workers hear of."""
    found: list[int] = []
    for module in ("importjobs.submit", "importjobs.offline", "biobank.jobs.reaper"):
        monkeypatch.setattr(f"{module}.send", lambda job: found.append(job.pk))
    return found


def submit(api: Api, rows: int = 1, **options: Any) -> dict[str, Any]:
    content = "Name\n" + "".join(f"North {n}\n" for n in range(rows))
    found: dict[str, Any] = api.post(
        "/import-jobs", {"objectType": "institute", "inputFileId": upload(api, content), **options}
    ).json
    return found


def made_at(pk: int, moment: datetime) -> None:
    ImportJob.objects.filter(pk=pk).update(created_at=moment)


def test_a_job_waits_until_the_off_hours_begin(api: Api, sent: list[int], settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    settings.OFFLINE_IMPORTS = "0 22 * * *"
    early, late = (submit(api, offlineQueue=True)["id"] for _ in range(2))
    made_at(early, datetime(2024, 3, 1, 15, tzinfo=UTC))
    made_at(late, datetime(2024, 3, 1, 22, 1, tzinfo=UTC))
    assert offline.load_due(datetime(2024, 3, 1, 21, 59, tzinfo=UTC)) == 0
    assert offline.load_due(datetime(2024, 3, 1, 22, 30, tzinfo=UTC)) == 1
    assert offline.load_due(datetime(2024, 3, 1, 23, tzinfo=UTC)) == 0
    assert sent == [early]
    assert api.get(f"/import-jobs/{early}").json["status"] == "OFFLINE_QUEUED"
    assert finish(api, early)["status"] == "COMPLETED"
    assert offline.load_due(datetime(2024, 3, 5, tzinfo=UTC)) == 1  # also after days without a look
    assert sent == [early, late]


def test_nobody_sends_a_waiting_job_by_mistake(api: Api, sent: list[int]) -> None:
    job = submit(api, offlineQueue=True)
    made_at(job["id"], timezone.now() - timedelta(days=3))
    assert reaper.reap() == 0
    assert offline.load_all() == 1
    assert reaper.reap() == 1  # loaded, but its message was lost
    assert sent == [job["id"], job["id"]]


def test_a_waiting_job_can_be_stopped(api: Api, sent: list[int]) -> None:
    job = submit(api, offlineQueue=True)
    assert api.put(f"/import-jobs/{job['id']}/stop").json["status"] == "STOPPED"
    call_command("load_offline_imports", verbosity=0)
    assert sent == []


@pytest.mark.parametrize(
    ("limits", "options", "status"),
    [
        ((2, 2), {}, "TOO_LARGE"),
        ((2, 2), {"atomic": True}, "LARGE_TXN_N_JOB"),
        ((2, 2), {"atomic": True, "offlineQueue": True}, "TXN_SIZE_EXCEEDED"),
        ((0, 0), {"atomic": True}, "TXN_SIZE_EXCEEDED"),  # nothing is atomic then
        ((0, 3), {"atomic": True}, "QUEUED"),
        ((2, 0), {"offlineQueue": True}, "OFFLINE_QUEUED"),
    ],
)
def test_limits_of_rows(api: Api, limits: tuple[int, int], options: dict[str, Any], status: str) -> None:
    for name, value in zip(
        ("online_import_job_size_limit", "import_max_records_per_txn"), limits, strict=True
    ):
        SettingValue.objects.create(module="common", name=name, value=str(value))
    answer = submit(api, 3, **options)
    assert answer["status"] == status
    if answer["id"] is None:
        assert (answer["totalRecords"], ImportJob.objects.count()) == (3, 0)
