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
from biobank.demo.compare import differences, snapshot
from importjobs import tasks
from importjobs.models import ImportJob
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit

pytestmark = pytest.mark.django_db

PLACES = [folder / "shared" / "data" / "cohorts" for folder in Path(__file__).parents]
COHORTS = next((place for place in PLACES if place.is_dir()), None)
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
    monkeypatch.setattr("biobank.demo.client.PAUSE", 0)
    monkeypatch.setattr(server, "password", lambda data_dir: "Admin-pass-1")

    def command(folder: Path, way: str = "separate") -> str:
        out = StringIO()
        call_command("import_cohorts", str(folder), way=way, stdout=out)
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

    assert "0 specimens created, 4 were there already" in run(tmp_path, "master")
    assert counts() == (4, 4)


def test_both_ways_come_to_the_same(run: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "Made_2020_sample.tsv").write_text(MADE, encoding="utf-8")
    assert "8 samples in 1 cohorts: 8 specimens created, 0 were there already" in run(tmp_path, "both")
    assert "equal fields" in capsys.readouterr().out
    one = snapshot("Made_2020")
    Visit.objects.filter(name__endswith="day 12").update(comments="changed")
    assert [text.partition(":")[0] for text in differences(one, snapshot("Made_2020"))] == [
        "visits 2, comments"
    ]


@pytest.mark.skipif(COHORTS is None, reason="the published cohorts are not in shared/data beside the project")
def test_a_published_cohort_arrives_whole_in_both_ways(run: Any, tmp_path: Path) -> None:
    assert COHORTS is not None
    for name in TWO:
        (tmp_path / name).symlink_to(COHORTS / name)

    assert "476 samples in 2 cohorts: 476 specimens created, 0 were there already" in run(tmp_path, "both")
    active = Specimen.objects.filter(activity_status="Active")
    assert (active.values("visit").distinct().count(), active.count()) == (65, 238)
