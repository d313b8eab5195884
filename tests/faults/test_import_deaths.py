"""A worker is killed with -9 at every point of a job, again and again: each row is done exactly once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from biobank.records import past
from importjobs import report as reports
from importjobs import tasks
from importjobs.models import Failure, ImportJob
from sessions_auth.models import User
from sessions_auth.tokens import issue
from specimens.participant.models import ConsentResponse, Registration
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ConsentTier
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import studies
from tests.client import Api
from tests.faults.deaths import killed_at, killed_reading_report, with_full_disk
from tests.jobs.importing import report, start

pytestmark = pytest.mark.fault

CHUNK = 8
OBJECTS = 50
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
    "participants with visits and specimens": (
        a_study,
        Kind(
            "masterSpecimen",
            "CP Short Title,PPID,Registration Date,Visit Name,Visit Date,Specimen Label,Class,Type",
            lambda n, bad: (
                f"DEATH,M-{n},01-02-2024,W-{n},01-03-2024,U-{n},Fluid,{'Nothing' if bad else 'Plasma'}"
            ),
            Specimen,
            "label",
            "U-",
            options={"importType": "UPSERT"},
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
def test_killed_at_every_point_a_job_does_each_row_once(api: Api, name: str, mailoutbox: Any) -> None:
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
    _told_once(job_id, mailoutbox)


def _told_once(job_id: int, mailoutbox: list[Any]) -> None:
    """The worker died between the end and the mail: it is sent later, by whoever comes first."""
    tasks.tell_ends()
    assert mailoutbox == []  # it may still be about to do it
    ImportJob.objects.filter(pk=job_id).update(finished_at=timezone.now() - timedelta(minutes=2))
    tasks.tell_ends()
    tasks.tell_ends()
    assert [f"#{job_id} " in mail.subject for mail in mailoutbox] == [True]


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


def test_killed_at_every_point_an_object_of_several_rows_is_done_once(api: Api) -> None:
    """The rows are put in the order of their objects first, which a worker may not live to see either."""
    study = a_study()
    for code in ("C1", "C2"):
        statement = ConsentStatement.objects.create(code=code, statement=f"Statement {code}")
        ConsentTier.objects.create(protocol=study, statement=statement)
    people = [studies.registration(study, f"R-{n}") for n in range(1, OBJECTS + 1)]
    lines = [f"DEATH,{one.ppid},C1,Yes" for one in people]
    lines += [f"DEATH,{one.ppid},{'C9' if n % BAD == 0 else 'C2'},No" for n, one in enumerate(people, 1)]
    header = "CP Short Title,PPID,Consent Statement Code,Consent Response"
    job_id = start(api, "\n".join([header, *lines]), "consent", csvType="MULTIPLE_ROWS_PER_OBJ")
    for point in ("regroup", *DEATHS):
        killed_at(point, job_id)
        job = ImportJob.objects.get(pk=job_id)
        good = job.objects_done - job.failed
        assert ConsentResponse.objects.count() == 2 * good
        assert Failure.objects.filter(job=job_id).count() == 2 * job.failed
        expire(job_id)
    tasks.run(job_id)
    found = api.get(f"/import-jobs/{job_id}").json
    assert (found["totalRecords"], found["failedRecords"]) == (OBJECTS, OBJECTS // BAD)
    assert ConsentResponse.objects.count() == 2 * (OBJECTS - OBJECTS // BAD)
    rows = report(api, job_id)
    assert [row["PPID"] for row in rows] == [one.ppid for one in people for _ in range(2)]
    assert [row["OS_IMPORT_STATUS"] for row in rows].count("FAIL") == 2 * (OBJECTS // BAD)
