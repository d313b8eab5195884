"""Protocols with published versions, and workers that are called by hand."""

import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from biobank.jobs.runner import run_slice
from exports import engine
from exports.builder import advance
from exports.kinds import PROTOCOLS
from exports.models import Export
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol, ProtocolSite, PublishedVersion
from tests import factories

PUBLISHED = datetime(2026, 11, 3, 9, 15, 42, 700_000, tzinfo=UTC)
REQUIREMENT = {
    "lineage": "New",
    "specimenClass": "Fluid",
    "type": "Whole Blood",
    "anatomicSite": "Not Specified",
    "laterality": "Not Specified",
    "pathology": "Not Specified",
    "storageType": "Virtual",
    "activityStatus": "Active",
}
DEFINITION: dict[str, Any] = {
    "id": 7,
    "shortTitle": "LUNG",
    "title": "Lung cohort – Uppsala",
    "irbId": "2026-114",
    "startDate": 1793491200000,  # 2026-11-01 UTC
    "endDate": None,
    "principalInvestigator": {"id": 2, "loginName": "jlind", "domain": "openspecimen"},
    "cpSites": [{"id": 1, "siteName": "UPPSALA", "code": None}],
    "events": [
        {
            "id": 31,
            "eventLabel": "Baseline",
            "code": "BASELINE",
            "eventPoint": 0,
            "eventPointUnit": "DAYS",
            "defaultSite": "UPPSALA",
            "activityStatus": "Active",
            "specimenRequirements": [
                {
                    **REQUIREMENT,
                    "id": 40,
                    "code": "BASELINE-WB",
                    "initialQty": 10,
                    "children": [
                        {**REQUIREMENT, "id": 41, "lineage": "Derived", "type": "Plasma", "initialQty": 4},
                        {**REQUIREMENT, "id": 42, "lineage": "Derived", "activityStatus": "Disabled"},
                    ],
                }
            ],
        },
        {
            "id": 32,
            "eventLabel": "Six weeks",
            "code": None,
            "eventPoint": 6,
            "eventPointUnit": "WEEKS",
            "activityStatus": "Closed",
            "specimenRequirements": [],
        },
    ],
    "consents": [{"id": 9, "statementId": 3, "statementCode": "GEN", "statement": "Genetic research"}],
    "units": [{"specimenClass": "Fluid", "type": None, "quantityUnit": "ml", "concentrationUnit": None}],
    "workflows": {},
}  # fmt: skip


def protocol(
    short_title: str = "LUNG", *, institute: str = "NORDBIO", lead: User | None = None
) -> CollectionProtocol:
    """A protocol that collects at one site of the institute, both made when missing."""
    from sites.models import Institute

    home = Institute.objects.filter(name=institute).first() or factories.institute(institute)
    found = CollectionProtocol.objects.create(
        title=f"{short_title} cohort",
        short_title=short_title,
        principal_investigator=lead or factories.user(of=home),
    )
    ProtocolSite.objects.create(protocol=found, site=factories.site(of=home))
    return found


def version(
    of: CollectionProtocol,
    name: str = "v3",
    *,
    kind: str = "definition",
    at: datetime = PUBLISHED,
    **more: Any,
) -> PublishedVersion:
    """A published version of the protocol, as the database holds it."""
    return PublishedVersion.objects.create(
        protocol=of,
        version=name,
        kind=kind,
        changes="First version",
        reason="Approved",
        published_by=of.principal_investigator,
        published_at=at,
        definition={**DEFINITION, "shortTitle": of.short_title},
        **more,
    )


def ask(of: PublishedVersion, **more: Any) -> engine.Start:
    """Ask the engine for the file of a version."""
    label = f"test/{of.version}"
    return engine.start(PROTOCOLS.slug, of.pk, user_id=None, label=label, **more)


def work() -> None:
    """Do what the workers would do with every export that waits."""
    for pk in Export.objects.filter(state="pending").order_by("pk").values_list("pk", flat=True):
        run_slice(Export, pk, advance)


def build(of: PublishedVersion, **more: Any) -> Export:
    """Ask for the file and build it."""
    assert ask(of, **more) is engine.Start.QUEUED
    work()
    return Export.objects.get(kind=PROTOCOLS.slug, version_key=of.pk, state="done")


def content(body: bytes) -> dict[str, Any]:
    """The JSON of a zip that must hold one entry of the documented name."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == ["export.json"]
        assert archive.testzip() is None
        found: dict[str, Any] = json.loads(archive.read("export.json"))
        return found
