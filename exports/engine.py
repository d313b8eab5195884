"""The states of an export and what moves it from one to another; the truth is in the rows (spec 06 §1.2, §1.3)."""

from dataclasses import dataclass
from enum import Enum

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from biobank.jobs.models import State
from biobank.jobs.runner import send
from exports import store
from exports.models import LIVE, Export


class Phase(Enum):
    ABSENT = "ABSENT"
    PROCESSING = "PROCESSING"
    READY = "READY"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are with one version's file: `ready` is the row that holds it, `building` the one at work.

    Both are set while a forced rebuild runs: the old file is served until the new one takes its place.
    """

    ready: Export | None = None
    building: Export | None = None

    @property
    def phase(self) -> Phase:
        if self.ready is not None:
            return Phase.READY
        return Phase.PROCESSING if self.building is not None else Phase.ABSENT


def standing(kind: str, version_key: int) -> Standing:
    """The state of a version's export; one query, no look at the file."""
    rows = list(Export.objects.filter(kind=kind, version_key=version_key, state__in=LIVE))
    ready = next((row for row in rows if row.is_ready), None)
    return Standing(ready, next((row for row in rows if not row.is_ready), None))


class Start(Enum):
    """What became of the wish to have a file built."""

    QUEUED = "queued"
    BUSY = "busy"
    THERE = "there"


def start(kind: str, version_key: int, *, user_id: int | None, label: str, force: bool = False) -> Start:
    """Ask for the version's file. Of many who ask at once exactly one is told `QUEUED`.

    `force` builds anew although there is a file. A file that vanished from the disk does not count as there.
    """
    with transaction.atomic():
        _one_at_a_time(kind, version_key)
        now = standing(kind, version_key)
        if now.building is not None:
            return Start.BUSY
        there = now.ready is not None
        if now.ready is not None and not store.exists(now.ready.file):
            mark_vanished(now.ready)
            there = False
        if there and not force:
            return Start.THERE
        wish = Export.objects.create(
            kind=kind, version_key=version_key, label=label, created_by_id=user_id, rebuild=there
        )
        send(wish)
    return Start.QUEUED


def finish(export: Export, **facts: object) -> None:
    """Say READY: the row now holds the file, and the one whose place it takes is gone with its file.

    Raises `LeaseLost` when another worker holds the job, or the job was cleared, meanwhile.
    """
    with transaction.atomic():
        _one_at_a_time(export.kind, export.version_key)
        _drop_ready(export.kind, export.version_key)
        export.finish(State.DONE, rebuild=False, error="", **facts)


def delete(kind: str, version_key: int) -> bool:
    """Remove the version's file; False when there is none. A build at work goes on and may publish later."""
    with transaction.atomic():
        _one_at_a_time(kind, version_key)
        dropped = _drop_ready(kind, version_key)
        at_work(kind, version_key).update(rebuild=False)  # it has nothing to replace any more
    return dropped


def clear(kind: str, version_key: int) -> bool:
    """End a build that is said to hang; its worker notices at its next commit and leaves nothing behind."""
    return bool(
        at_work(kind, version_key).update(
            state=State.STOPPED,
            stop_requested=True,
            lease_until=None,
            finished_at=timezone.now(),
            error="cleared by hand",
        )
    )


def forget(kind: str, version_key: int) -> None:
    """Drop everything of a version that is removed itself: its file and every row."""
    with transaction.atomic():
        _one_at_a_time(kind, version_key)
        rows = Export.objects.filter(kind=kind, version_key=version_key)
        store.remove_on_commit(*rows.values_list("file", flat=True))
        rows.delete()


def at_work(kind: str, version_key: int) -> QuerySet[Export]:
    """The build that waits or runs, if any."""
    return Export.objects.filter(kind=kind, version_key=version_key, state__in=(State.PENDING, State.RUNNING))


def mark_vanished(export: Export) -> bool:
    """The file is no longer on the disk: the export is absent from now on, and the row says why.

    False when the row had gone with its file, as it should: then there is nothing to say.
    """
    marked = Export.objects.filter(pk=export.pk, state=State.DONE).update(
        state=State.FAILED, error="the file vanished from the data directory", file=""
    )
    return bool(marked)


def _drop_ready(kind: str, version_key: int) -> bool:
    """Delete the row that holds the file, and the file with the commit."""
    held = Export.objects.filter(kind=kind, version_key=version_key, state=State.DONE)
    store.remove_on_commit(*held.values_list("file", flat=True))
    return bool(held.delete()[0])


def _one_at_a_time(kind: str, version_key: int) -> None:
    """Let nobody else change the standing of this version before the current transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [kind, version_key])
