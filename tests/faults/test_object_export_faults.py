"""Exports of records when the disk is full: no file, and a reason."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biobank.batch.insert import insert
from biobank.files import folder
from exports.objects.models import ObjectExport
from exports.objects.writing import FOLDER
from sites.models import Institute
from tests.client import Api
from tests.exports.exporting import ask, finish

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
