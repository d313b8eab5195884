"""`manage.py import_cohorts DIR`: published cohorts through the import jobs of a running server."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from biobank.demo import server
from biobank.demo.client import Client
from biobank.demo.cohorts import Cohort, Tally, import_cohort
from terminology.writes import add_terms


class Command(BaseCommand):
    help = "Import the cohorts of a folder (*_sample.tsv) and check the counts against the files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--address", default=f"http://127.0.0.1:{settings.PORT}/")
        parser.add_argument("--login", default="admin")

    def handle(self, *args: Any, **options: Any) -> None:
        files = sorted(options["folder"].glob("*_sample.tsv"))
        if not files:
            raise CommandError(f"there are no *_sample.tsv files in {options['folder']}")
        client = Client(options["address"])
        client.sign_in(options["login"], server.password(settings.DATA_DIR))
        email = client.get("/users/current-user")["emailAddress"]
        cohorts = [Cohort(path) for path in files]
        add_terms({term for cohort in cohorts for term in cohort.terms()})
        total, wrong = Tally(), 0
        with tqdm(total=7 * len(cohorts), unit=" jobs", ascii=" =") as bar:
            for cohort in cohorts:
                bar.set_description(cohort.study)
                found = import_cohort(cohort, client, email, lambda schema: _count(bar))
                wrong += self._tell(cohort, found, self._stored(client, cohort))
                total.rows += len(cohort.rows)
                total.created += found["specimen"].created
                total.duplicates += found["specimen"].duplicates
        self.stdout.write(
            f"{total.rows:,} samples in {len(cohorts)} cohorts: {total.created:,} specimens created, "
            f"{total.duplicates:,} were there already"
        )
        if wrong:
            raise CommandError(f"{wrong} cohorts are not as their files say")

    def _stored(self, client: Client, cohort: Cohort) -> dict[str, int]:
        """How many records of the study the server holds, as the query language counts them."""
        aql = (
            "select count(distinct Participant.id), count(distinct SpecimenCollectionGroup.id), "
            f'count(distinct Specimen.id) where CollectionProtocol.shortTitle = "{cohort.study}"'
        )
        answer = client.post(
            "/query", {"cpId": -1, "aql": aql, "drivingForm": "Participant", "wideRowMode": "OFF"}
        )
        counts = [int(cell) for cell in answer["rows"][0][:3]]
        return dict(zip(("cpr", "visit", "specimen"), counts, strict=True))

    def _tell(self, cohort: Cohort, found: dict[str, Tally], stored: dict[str, int]) -> int:
        expected = {
            "cpr": len(cohort.subjects), "visit": len(cohort.visits), "specimen": len(cohort.rows),
        }  # fmt: skip
        failures = [f"{schema}: {text}" for schema, tally in found.items() for text in tally.failures]
        fine = stored == expected and not failures
        created = ", ".join(f"{schema} {tally.created}+{tally.duplicates}" for schema, tally in found.items())
        tqdm.write(
            f"{cohort.study}: {'ok' if fine else 'WRONG'}; created+present: {created}; stored {stored}"
        )
        for text in failures[:5]:
            tqdm.write(f"    {text}")
        return 0 if fine else 1


def _count(bar: "tqdm[Any]") -> None:
    bar.update(1)
