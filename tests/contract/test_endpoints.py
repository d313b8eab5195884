"""How much of the known API the OpenAPI document declares: endpoints.tsv against the document, by document and rank."""

import csv
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests import contract_check

KNOWN = Path(__file__).parent / "endpoints.tsv"
# Per cent of the known calls; what is there may not go away again.
AT_LEAST = {
    ("01", "core"): 100.0,
    ("01", "common"): 100.0,
    ("01", "rare"): 100.0,
    ("02", "core"): 100.0,
    ("02", "common"): 100.0,
    ("02", "rare"): 100.0,
    ("03", "core"): 100.0,
    ("03", "common"): 100.0,
    ("03", "rare"): 100.0,
    ("04", "core"): 100.0,
    ("04", "common"): 50.0,
    ("04", "rare"): 100.0,
    ("05", "core"): 100.0,
    ("05", "common"): 100.0,
    ("05", "rare"): 77.0,
    ("06", "core"): 0.0,
    ("06", "common"): 21.0,
    ("06", "rare"): 0.0,
}


def _same(path: str) -> str:
    """What two spellings of one template have in common: the names of placeholders do not count."""
    return re.sub(r"\{[^{}]*\}", "{}", path).rstrip("/")


@pytest.fixture(scope="module")
def declared() -> set[tuple[str, str]]:
    """Method and template of every operation; a GET answers HEAD, too."""
    found = {
        (method.upper(), _same(path))
        for path, item in contract_check.document()["paths"].items()
        for method in item
    }
    return found | {("HEAD", path) for method, path in found if method == "GET"}


@pytest.mark.parametrize(("document", "rank"), AT_LEAST)
def test_known_endpoints_are_declared(document: str, rank: str, declared: set[tuple[str, str]]) -> None:
    with KNOWN.open(encoding="utf-8", newline="") as lines:
        known = [
            (row["method"], _same((settings.REST_PREFIX if row["base"] == "rest" else "") + row["path"]))
            for row in csv.DictReader(lines, delimiter="\t")
            if (row["document"], row["rank"]) == (document, rank)
        ]
    missing = [f"{method} {path}" for method, path in known if (method, path) not in declared]
    reached = 100 * (len(known) - len(missing)) / len(known)
    assert reached >= AT_LEAST[document, rank], "\n".join(
        [f"{reached:.1f} % of {len(known)} {rank} endpoints of document {document}; missing:", *missing]
    )
