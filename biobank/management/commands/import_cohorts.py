"""`manage.py import_cohorts DIR`: published cohorts through the import jobs of a running server."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from biobank.demo import server
from biobank.demo.client import Client
from biobank.demo.cohorts import SCHEMAS, SEPARATE, WAYS, Cohort, Tally, import_cohort
from biobank.demo.compare import differences, snapshot
from terminology.writes import add_terms

BOTH = "both"
KINDS = ("cpr", "visit", "specimen")


class Command(BaseCommand):
    help = "Import the cohorts of a folder (*_sample.tsv) and check the counts against the files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--address", default=f"http://127.0.0.1:{settings.PORT}/")
        parser.add_argument("--login", default="admin")
        parser.add_argument(
            "--way",
            choices=[*WAYS, BOTH],
            default=SEPARATE,
            help="a file for each kind of record, one file of masterSpecimen, or both, one after the other: the "
            "protocols are deleted in between, and the records of both are held against each other",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        files = sorted(options["folder"].glob("*_sample.tsv"))
        if not files:
            raise CommandError(f"there are no *_sample.tsv files in {options['folder']}")
        self.client = Client(options["address"])
        self.client.sign_in(options["login"], server.password(settings.DATA_DIR))
        self.email = self.client.get("/users/current-user")["emailAddress"]
        cohorts = [Cohort(path) for path in files]
        add_terms({term for cohort in cohorts for term in cohort.terms()})
        ways = WAYS if options["way"] == BOTH else (options["way"],)
        total, wrong = Tally(), 0
        self.seconds = dict.fromkeys(ways, 0.0)
        with tqdm(
            total=sum(len(SCHEMAS[way]) for way in ways) * len(cohorts), unit=" jobs", ascii=" ="
        ) as bar:
            for cohort in cohorts:
                bar.set_description(cohort.study)
                wrong += self._import(cohort, ways, total, bar)
        self.stdout.write(
            f"{total.rows:,} samples in {len(cohorts)} cohorts: {total.created:,} specimens created, "
            f"{total.duplicates:,} were there already"
        )
        self.stdout.write(", ".join(f"{way}: {spent:.1f} s" for way, spent in self.seconds.items()))
        if wrong:
            raise CommandError(f"{wrong} cohorts are not as their files say")

    def _import(self, cohort: Cohort, ways: tuple[str, ...], total: Tally, bar: "tqdm[Any]") -> int:
        """Import a cohort in each way; answers how often it was not as its file says."""
        wrong = 0
        snapshots = []
        for way in ways:
            if len(ways) > 1:
                self._delete(cohort)
            before, began = self._stored(cohort), time.monotonic()
            found = import_cohort(cohort, self.client, self.email, lambda schema, rows: _count(bar), way)
            self.seconds[way] += time.monotonic() - began
            stored = self._stored(cohort)
            wrong += self._tell(cohort, way, found, stored)
            created = stored["specimen"] - before["specimen"]
            total.rows += len(cohort.rows)
            total.created += created
            total.duplicates += len(cohort.rows) - created
            snapshots.append(snapshot(cohort.study))
        if len(snapshots) > 1:
            wrong += _compare(cohort, snapshots[0], snapshots[1])
        return wrong

    def _delete(self, cohort: Cohort) -> None:
        """Delete the study, if it is there, with everything below it."""
        for one in self.client.get(f"/collection-protocols?query={cohort.study}&detailedList=false"):
            if one["shortTitle"] == cohort.study:
                self.client.delete(f"/collection-protocols/{one['id']}?forceDelete=true")

    def _stored(self, cohort: Cohort) -> dict[str, int]:
        """How many records of the study the server holds, as the query language counts them."""
        aql = (
            "select count(distinct Participant.id), count(distinct SpecimenCollectionGroup.id), "
            f'count(distinct Specimen.id) where CollectionProtocol.shortTitle = "{cohort.study}"'
        )
        answer = self.client.post(
            "/query", {"cpId": -1, "aql": aql, "drivingForm": "Participant", "wideRowMode": "OFF"}
        )
        counts = [int(cell) for cell in answer["rows"][0][:3]]
        return dict(zip(KINDS, counts, strict=True))

    def _tell(self, cohort: Cohort, way: str, found: dict[str, Tally], stored: dict[str, int]) -> int:
        expected = {
            "cpr": len(cohort.subjects), "visit": len(cohort.visits), "specimen": len(cohort.rows),
        }  # fmt: skip
        failures = [f"{schema}: {text}" for schema, tally in found.items() for text in tally.failures]
        fine = stored == expected and not failures
        created = ", ".join(f"{schema} {tally.created}+{tally.duplicates}" for schema, tally in found.items())
        tqdm.write(
            f"{cohort.study} ({way}): {'ok' if fine else 'WRONG'}; written+present: {created}; stored {stored}"
        )
        for text in failures[:5]:
            tqdm.write(f"    {text}")
        return 0 if fine else 1


def _compare(cohort: Cohort, one: dict[str, Any], other: dict[str, Any]) -> int:
    found = differences(one, other)
    fields = sum(len(record) for records in one.values() for record in records)
    said = f"{len(found)} differences" if found else f"{fields:,} equal fields"
    tqdm.write(f"{cohort.study} (both ways): {said}")
    for text in found[:5]:
        tqdm.write(f"    {text}")
    return 1 if found else 0


def _count(bar: "tqdm[Any]") -> None:
    bar.update(1)
