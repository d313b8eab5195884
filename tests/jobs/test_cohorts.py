"""Published cohorts become records through import jobs: no row is lost, and a second run changes nothing."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.test import Client as DjangoClient

from biobank.demo import server
from biobank.demo.client import Client
from importjobs import tasks
from importjobs.models import ImportJob
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit

pytestmark = pytest.mark.django_db

COHORTS = Path(__file__).parents[3] / "shared" / "data" / "cohorts"
TWO = ("AsnicarF_2017_sample.tsv", "FerrettiP_2018_sample.tsv")

HEADER = [
    "study_name",
    "subject_id",
    "sample_id",
    "country",
    "location",
    "body_site",
    "body_site_ontology_term_id",
    "sex",
    "disease",
    "days_from_first_collection",
    "pmid",
    "age",
    "ncbi_accession",
]
ROWS = (
    "Made_2020|D1|M-1|Iceland|Reykjavík|feces|UBERON:0001988|Female|Healthy|0|123|30|SRR1",
    "Made_2020|D1|M-2|Iceland|Reykjavík|milk|UBERON:0001913|Female|Healthy|12|123|30|",
    "Made_2020|D1|M-3|Iceland|Reykjavík|feces|UBERON:0001988|Female|Otitis Media;Sepsis|12|123|30|",
    "Made_2020|D2|M-4|Iceland||vagina|UBERON:0000996|Not applicable|Healthy|Not applicable|123||",
)
MADE = "\n".join(["\t".join(HEADER), *(row.replace("|", "\t") for row in ROWS)]) + "\n"


class InProcess(Client):
    """The demo's client talking to this process; an import job is worked off as soon as it is created."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.django = DjangoClient()

    def send(
        self, method: str, path: str, content: bytes | None = None, content_type: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {"X-OS-API-TOKEN": self._token} if self._token else {}
        answer: Any = self.django.generic(
            method, path, content or b"", content_type or "application/json", headers=headers
        )
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if method == "POST" and urlsplit(path).path.endswith("/import-jobs"):
            pk = json.loads(body)["id"]
            while not ImportJob.objects.get(pk=pk).is_over:
                tasks.run(pk)
        return answer.status_code, dict(answer.headers), body


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`manage.py import_cohorts` against this process; answers what it printed."""
    monkeypatch.setattr("biobank.management.commands.import_cohorts.Client", InProcess)
    monkeypatch.setattr(server, "password", lambda data_dir: "Admin-pass-1")

    def command(folder: Path) -> str:
        out = StringIO()
        call_command("import_cohorts", str(folder), stdout=out)
        return out.getvalue()

    return command


def counts() -> tuple[int, int]:
    return Visit.objects.count(), Specimen.objects.count()


def test_a_cohort_arrives_whole_and_a_second_run_changes_nothing(run: Any, tmp_path: Path) -> None:
    (tmp_path / "Made_2020_sample.tsv").write_text(MADE, encoding="utf-8")

    assert "4 samples in 1 cohorts: 4 specimens created, 0 were there already" in run(tmp_path)
    assert counts() == (4, 4)  # two conditions on one day are two visits
    sepsis = Visit.objects.get(clinical_diagnoses__contains=["Sepsis"])
    assert sepsis.clinical_diagnoses == ["Otitis Media", "Sepsis"]
    assert Specimen.objects.get(label="M-1").external_ids == [{"name": "NCBI", "value": "SRR1"}]

    assert "0 specimens created, 4 were there already" in run(tmp_path)
    assert counts() == (4, 4)


@pytest.mark.skipif(
    not COHORTS.is_dir(), reason=f"the published cohorts are not in {COHORTS.name}/ beside the project"
)
def test_two_published_cohorts_arrive_whole(run: Any, tmp_path: Path) -> None:
    for name in TWO:
        (tmp_path / name).symlink_to(COHORTS / name)

    assert "238 samples in 2 cohorts: 238 specimens created, 0 were there already" in run(tmp_path)
    assert counts() == (65, 238)
