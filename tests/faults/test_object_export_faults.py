"""Exports of records when the disk is full or a worker is killed: a whole file or none, and a reason."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from biobank.batch.insert import insert
from biobank.files import folder
from biobank.jobs import reaper
from biobank.jobs.models import MAX_STALLS
from exports import tasks
from exports.objects import requests, store, writing
from exports.objects.models import ObjectExport
from exports.objects.writing import FOLDER
from sessions_auth.models import User
from sessions_auth.tokens import issue
from sites.models import Institute
from tests.client import Api
from tests.exports.exporting import archive, ask, finish, rows
from tests.faults.deaths import die, killed

pytestmark = pytest.mark.fault

MANY = 3000


@pytest.fixture(autouse=True)
def clean_folder() -> Iterator[None]:
    """The folder outlives the databases of tests."""
    for path in files():
        path.unlink()
    yield
    for path in files():
        path.unlink()


def files() -> list[Path]:
    return list(folder(FOLDER).iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.django_db
def test_a_full_disk_is_told_and_leaves_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device refuses the bytes when the file is synchronized, as a full disk does."""
    insert([Institute(name=os.urandom(60).hex()) for _ in range(MANY)])
    opened = Path.open
    monkeypatch.setattr(
        Path, "open",
        lambda path, *args, **more: opened(Path("/dev/full") if path.suffix == ".part" else path, *args, **more),
    )  # fmt: skip
    job = finish(api, ask(api, "institute", disableNotifs=True)["id"])
    monkeypatch.undo()
    assert job["status"] == "FAILED"
    assert ObjectExport.objects.get().error == "There is no room left on the disk for the file"
    assert files() == []
    assert finish(api, ask(api, "institute", disableNotifs=True)["id"])["status"] == "COMPLETED"


# --- Workers that die -------------------------------------------------------------------------------


def in_the_spill() -> None:
    """Some of the records are read, and on the disk."""
    writing._IN_MEMORY = 1000
    kept = writing._keep
    calls = count(1)

    def keep(spill: Any, rows: Any) -> None:
        kept(spill, rows)
        if next(calls) == 2:
            die()

    writing._keep = keep


def in_the_zip() -> None:
    """Lines are in the draft, the archive has no directory yet."""
    original = writing._write_lines

    def some(entry: Any, layout: Any, blocks: Any) -> None:
        original(entry, layout, blocks)
        die()

    writing._write_lines = some


def before_the_rename() -> None:
    """The draft is whole."""
    Path.replace = die  # type: ignore[method-assign, assignment]


def after_the_rename() -> None:
    """The file has its name, the row does not know."""
    ObjectExport.finish = die  # type: ignore[method-assign]


def before_the_commit() -> None:
    """The row knows, but nothing is committed."""
    original = ObjectExport.finish

    def finish(self: ObjectExport, *arguments: Any, **changes: Any) -> None:
        original(self, *arguments, **changes)
        die()

    ObjectExport.finish = finish  # type: ignore[method-assign, assignment]


DEATHS: dict[str, Callable[[], None]] = {
    "spill": in_the_spill,
    "zip": in_the_zip,
    "before the rename": before_the_rename,
    "after the rename": after_the_rename,
    "before the commit": before_the_commit,
}


def dies(install: Callable[[], None], pk: int) -> None:
    """A worker takes the job and is killed at the point."""

    def work() -> None:
        install()
        tasks.export_objects(pk)

    assert killed(work), "the process did not reach the point"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs that workers are told of."""
    found: list[int] = []
    for module in (requests, reaper):
        monkeypatch.setattr(module, "send", lambda job: found.append(job.pk))
    return found


def test_an_export_whose_worker_is_killed_is_built_again_and_whole(committed: str, sent: list[int]) -> None:
    api = Api(issue(User.objects.get(login_name="admin")))
    insert([Institute(name=f"Institute {number:04}") for number in range(MANY)])
    expected = sorted(Institute.objects.values_list("name", flat=True))
    for point, install in DEATHS.items():
        for path in files():
            path.unlink()
        pk = ask(api, "institute", params={"case": point}, disableNotifs=True)["id"]
        dies(install, pk)

        assert len(files()) == 1, point  # what is left of the death
        dead = ObjectExport.objects.get(pk=pk)
        assert (dead.state, dead.file, dead.records) == ("running", "", None), point
        assert api.get(f"/export-jobs/{pk}/output").codes == ["EXPORT_JOB_IN_PROGRESS"], point
        assert finish(api, pk)["status"] == "IN_PROGRESS", point  # as long as the lease runs
        ObjectExport.objects.filter(pk=pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        reaper.reap()
        assert sent == [pk, pk], point
        sent.clear()

        job = finish(api, pk)
        assert (job["status"], job["totalRecords"]) == ("COMPLETED", len(expected)), point
        with archive(api, pk) as found:
            assert found.testzip() is None
            assert sorted(row["Name"] for row in rows(found.read("output.csv").decode())) == expected, point
        store.remove_orphans()
        assert [path.name for path in files()] == [ObjectExport.objects.get(pk=pk).file], point


def test_an_export_that_kills_every_worker_is_given_up(committed: str, sent: list[int]) -> None:
    api = Api(issue(User.objects.get(login_name="admin")))
    pk = ask(api, "institute", disableNotifs=True)["id"]
    for _ in range(MAX_STALLS):
        dies(after_the_rename, pk)
        ObjectExport.objects.filter(pk=pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert finish(api, pk)["status"] == "FAILED"
    assert ObjectExport.objects.get(pk=pk).error == f"gave up after {MAX_STALLS} attempts without progress"
    store.remove_orphans()
    assert files() == []
