"""A worker is killed with -9 at every point of a job, again and again: each row is done exactly once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from biobank.records import past
from importjobs import report as reports
from importjobs import tasks
from importjobs.models import Failure, ImportJob
from sessions_auth.models import User
from sessions_auth.tokens import issue
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import studies
from tests.client import Api
from tests.faults.deaths import killed_at, killed_reading_report, with_full_disk
from tests.jobs.importing import report, start

pytestmark = pytest.mark.fault

CHUNK = 8
ROWS = 100
BAD = 7  # every seventh row is wrong
# The parse, plan and so on of a chunk behind one that was committed: so each death comes somewhere else in the file.
DEATHS = (
    "claim",
    "parse",
    "plan",
    "apply",
    "before commit",
    "after commit",
    "hand-over",
    "finish",
    "finished",
)


@pytest.fixture
def api(committed: str, settings: Any) -> Api:
    settings.IMPORT_CHUNK_ROWS = CHUNK
    return Api(issue(User.objects.get(login_name="admin")))


@dataclass(frozen=True)
class Kind:
    """An import: its file, and the records that its good rows make or change."""

    schema: str
    header: str
    row: Callable[[int, bool], str]
    model: Any
    name: str  # the model's attribute that tells which row made it
    prefix: str
    events: int = 1  # of each record in the history, when all is done
    options: dict[str, Any] = field(default_factory=dict)

    def csv(self) -> str:
        return self.header + "\n" + "".join(self.row(n, n % BAD == 0) + "\n" for n in range(1, ROWS + 1))

    def done(self) -> list[int]:
        """The rows whose work is in the database."""
        found = self.model.objects.filter(**{f"{self.name}__startswith": self.prefix})
        return sorted(int(text.removeprefix(self.prefix)) for text in found.values_list(self.name, flat=True))


def a_study() -> CollectionProtocol:
    found = studies.protocol(
        "DEATH", manual_ppid_enabled=True, manual_visit_name_enabled=True, manual_spec_label_enabled=True
    )
    studies.event(found)
    return found


def a_visit() -> Visit:
    return studies.visit(studies.registration(a_study(), "P-1"), "DEATH-V")


def some_specimens() -> None:
    visit = a_visit()
    Specimen.objects.bulk_create(
        Specimen(
            visit=visit,
            protocol=visit.protocol,
            label=f"S-{n}",
            specimen_class="Fluid",
            type="Plasma",
            lineage="New",
            status="Collected",
        )
        for n in range(1, ROWS + 1)
    )


KINDS: dict[str, tuple[Callable[[], object], Kind]] = {
    "registrations": (
        a_study,
        Kind(
            "cpr",
            "CP Short Title,PPID,Registration Date",
            lambda n, bad: f"DEATH,R-{n},{'someday' if bad else '01-02-2024'}",
            Registration,
            "ppid",
            "R-",
        ),
    ),
    "visits": (
        a_visit,
        Kind(
            "visit",
            "CP Short Title,PPID,Event Label,Name,Visit Date",
            lambda n, bad: f"DEATH,{'nobody' if bad else 'P-1'},Baseline,N-{n},01-03-2024",
            Visit,
            "name",
            "N-",
        ),
    ),
    "specimens": (
        a_visit,
        Kind(
            "specimen",
            "CP Short Title,Visit Name,Specimen Label,Class,Type,Initial Quantity",
            lambda n, bad: f"DEATH,DEATH-V,T-{n},Fluid,{'Nothing' if bad else 'Plasma'},1.5",
            Specimen,
            "label",
            "T-",
        ),
    ),
    "changes of specimens": (
        some_specimens,
        Kind(
            "specimen",
            "CP Short Title,Specimen Label,Comments",
            lambda n, bad: f"DEATH,{'none' if bad else f'S-{n}'},changed {n}",
            Specimen,
            "comments",
            "changed ",
            events=2,
            options={"importType": "UPDATE"},
        ),
    ),
}


def expire(job_id: int) -> None:
    """As if the dead worker's lease had run out."""
    ImportJob.objects.filter(pk=job_id).update(lease_until="2020-01-01T00:00Z")


def agrees(kind: Kind, job_id: int) -> ImportJob:
    """Counters, table, failures and report say the same, at any moment."""
    job = ImportJob.objects.get(pk=job_id)
    good = [n for n in range(1, job.row + 1) if n % BAD]
    assert kind.done() == good
    assert job.failed == Failure.objects.filter(job=job_id).count() == job.row - len(good)
    return job


@pytest.mark.parametrize("name", KINDS)
def test_killed_at_every_point_a_job_does_each_row_once(api: Api, name: str) -> None:
    prepare, kind = KINDS[name]
    prepare()
    job_id = start(api, kind.csv(), kind.schema, **kind.options)
    rows: list[int] = []
    for point in DEATHS:
        killed_at(point, job_id)
        rows.append(agrees(kind, job_id).row)
        expire(job_id)
        if rows[-1]:
            killed_reading_report(job_id)
    assert rows == sorted(rows)
    assert len(set(rows)) > 6  # they really died at different places
    tasks.run(job_id)
    job = agrees(kind, job_id)
    assert (job.status, job.row, job.rows) == ("FAILED", ROWS, ROWS)
    assert [row["OS_IMPORT_STATUS"] for row in report(api, job_id)] == [
        "FAIL" if n % BAD == 0 else "SUCCESS" for n in range(1, ROWS + 1)
    ]
    _nothing_twice(kind)


def _nothing_twice(kind: Kind) -> None:
    """The history knows as many writes of each record as the file asked for."""
    keys: Sequence[int] = kind.model.objects.filter(**{f"{kind.name}__startswith": kind.prefix}).values_list(
        "pk", flat=True
    )
    assert past(kind.model).filter(pgh_obj__in=keys).count() == kind.events * len(keys)


def test_killed_while_stopping_a_job_is_stopped_all_the_same(api: Api) -> None:
    prepare, kind = KINDS["specimens"]
    prepare()
    job_id = start(api, kind.csv(), kind.schema)
    killed_at("after commit", job_id, 2)
    expire(job_id)
    assert api.put(f"/import-jobs/{job_id}/stop").status == 200
    killed_at("stop", job_id)
    assert agrees(kind, job_id).status == "IN_PROGRESS"
    expire(job_id)
    tasks.run(job_id)
    job = agrees(kind, job_id)
    assert (job.status, job.row) == ("STOPPED", 2 * CHUNK)
    assert len(report(api, job_id)) == 2 * CHUNK


@pytest.mark.parametrize("point", ["parse", "apply", "finish"])
def test_killed_in_an_all_or_nothing_job_nothing_stays_and_then_everything_does(api: Api, point: str) -> None:
    prepare, kind = KINDS["specimens"]
    prepare()
    good = kind.csv().replace("Nothing", "Plasma")
    job_id = start(api, good, kind.schema, atomic=True)
    killed_at(point, job_id)
    assert kind.done() == []
    assert not ImportJob.objects.get(pk=job_id).is_over
    expire(job_id)
    tasks.run(job_id)
    assert kind.done() == list(range(1, ROWS + 1))
    assert api.get(f"/import-jobs/{job_id}").json["status"] == "COMPLETED"
    _nothing_twice(kind)


def test_a_full_disk_keeps_nobody_from_a_report(api: Api) -> None:
    """Nothing of it is written anywhere: the rows stand in the input, what went wrong in the database."""
    prepare, kind = KINDS["visits"]
    prepare()
    job_id = start(api, kind.csv(), kind.schema)
    with_full_disk(lambda: tasks.run(job_id))
    agrees(kind, job_id)
    with_full_disk(lambda: _read_all(job_id))
    assert len(report(api, job_id)) == ROWS


def _read_all(job_id: int) -> None:
    lines = b"".join(reports.report(ImportJob.objects.get(pk=job_id))).splitlines()
    assert len(lines) == ROWS + 1
