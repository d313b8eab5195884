"""A data freeze: whose records, without what, and frozen (spec 06 §5)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from exports.kinds import PROTOCOLS
from exports.models import Snapshot
from sessions_auth.models import User
from specimens.participant.models import (
    ConsentResponse,
    MedicalRecord,
    Participant,
    Registration,
)
from specimens.protocol.models import (
    CollectionProtocol,
    ConsentStatement,
    ConsentTier,
    Event,
    PublishedVersion,
    Requirement,
)
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories
from tests.client import Api
from tests.exports import cast

SECRETS = {
    "first_name": "Æsop",
    "middle_name": "Quincy",
    "last_name": "O'Hara-字",
    "email_address": "patient@example.org",
    "phone_number": "5550123",
    "uid": "SSN-123-45-6789",
    "empi": "EMPI-777",
}
SECRET_TEXTS = [
    *SECRETS.values(), "MRN-0042", "LUNG-0001", "LUNG-0001.WB", "LUNG-0001-VISIT", "SPR-9", "Seen by Dr. Who", "BAR-1",
    "IMG-1", "EXT-1", "SUBJ-1", "1957",
]  # fmt: skip


@pytest.fixture
def lung(db: None) -> CollectionProtocol:
    return cast.protocol()


@pytest.fixture
def people(lung: CollectionProtocol) -> Registration:
    """One participant with a visit, a blood sample and a plasma aliquot of it; another person who was deleted."""
    site = lung.protocol_sites.get().site
    event = Event.objects.create(protocol=lung, label="Baseline", code="BASELINE")
    requirement = Requirement.objects.create(
        event=event, code="WB", specimen_class="Fluid", type="Whole Blood", storage_type="Virtual"
    )
    person = Participant.objects.create(
        **SECRETS,
        birth_date=date(1957, 2, 28),
        gender="Female",
        races=["Asian"],
        death_date=date(2026, 12, 31),
    )
    MedicalRecord.objects.create(participant=person, site=site, mrn="MRN-0042")
    registration = Registration.objects.create(
        protocol=lung,
        participant=person,
        ppid="LUNG-0001",
        registration_date=date(2026, 2, 28),
        site=site,
        barcode="BAR-1",
        external_subject_id="SUBJ-1",
        consent_comments="Seen by Dr. Who",
    )
    statement = ConsentStatement.objects.create(code="GEN", statement="Genetic research")
    tier = ConsentTier.objects.create(protocol=lung, statement=statement)
    ConsentResponse.objects.create(registration=registration, tier=tier, response="Yes")
    visit = Visit.objects.create(
        registration=registration,
        protocol=lung,
        event=event,
        name="LUNG-0001-VISIT",
        visit_date=datetime(2026, 3, 1, 10, tzinfo=UTC),
        site=site,
        clinical_diagnoses=["C34.1"],
        surgical_pathology_number="SPR-9",
        comments="Seen by Dr. Who",
    )
    blood = _specimen(
        visit,
        label="LUNG-0001.WB",
        type="Whole Blood",
        requirement=requirement,
        initial_qty="10.50000000",
        collection_time=datetime(2026, 3, 1, 23, 59, tzinfo=UTC),
        image_id="IMG-1",
        external_ids=[{"name": "lab", "value": "EXT-1"}],
        comments="Seen by Dr. Who",
    )
    _specimen(visit, label="LUNG-0001.WB_1", type="Plasma", parent=blood, primary=blood, lineage="Aliquot")
    _specimen(visit, label="gone", type="Plasma", activity_status="Disabled")
    gone = Participant.objects.create(last_name="Gone")
    Registration.objects.create(
        protocol=lung,
        participant=gone,
        ppid="X",
        registration_date=date(2026, 1, 1),
        activity_status="Disabled",
    )
    return registration


def _specimen(visit: Visit, **more: Any) -> Specimen:
    return Specimen.objects.create(
        visit=visit, protocol=visit.protocol, specimen_class="Fluid", **{"available_qty": 1, **more}
    )


@pytest.fixture
def frozen(people: Registration, api: Api) -> dict[str, Any]:
    """The content of the file of a freeze."""
    cast.build(cast.version(people.protocol, "f1", kind="freeze"))
    return cast.content(_get(api).body)


def _get(api: Api, version: str = "f1") -> Any:
    return api.call("get", f"/orgs/NORDBIO/collection-protocols/LUNG/{version}/export/", base="")


def test_records_are_there_with_days_instead_of_dates(frozen: dict[str, Any]) -> None:
    assert frozen["kind"] == "freeze"
    (participant,) = frozen["participants"]
    assert participant["gender"] == "Female"
    assert participant["races"] == ["Asian"]
    assert participant["age_at_registration"] == 69
    assert participant["death_day"] == 306
    assert participant["consents"] == [{"code": "GEN", "response": "Yes"}]

    (visit,) = frozen["visits"]
    assert visit["participant"] == participant["id"]
    assert (visit["event"], visit["day"], visit["clinical_diagnoses"]) == ("BASELINE", 1, ["C34.1"])

    blood, plasma = frozen["specimens"]
    assert blood["visit"] == plasma["visit"] == visit["id"]
    assert (blood["requirement"], blood["specimen_type"], blood["initial_quantity"]) == (
        "WB",
        "Whole Blood",
        10.5,
    )
    assert (blood["collection_day"], blood["parent"]) == (1, None)
    assert (plasma["parent"], plasma["lineage"]) == (blood["id"], "Aliquot")
    assert frozen["containers"] == []
    counts = {"participants": 1, "visits": 1, "specimens": 2, "events": 2, "specimen_requirements": 2}
    assert frozen["counts"] == {**counts, "consent_tiers": 1}


def test_nobody_can_be_recognised(frozen: dict[str, Any]) -> None:
    data = {key: frozen[key] for key in ("participants", "visits", "specimens")}
    text = str(data)
    assert [secret for secret in SECRET_TEXTS if secret in text] == []
    assert not re.search(r"\b(19|20)\d\d\b", text), "a year stands in the data"
    ids = [row["id"] for rows in data.values() for row in rows]
    assert len(set(ids)) == 4
    assert all(re.fullmatch("[0-9a-f]{20}", one) for one in ids)


def test_days_are_those_of_the_servers_zone(people: Registration, api: Api, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    cast.build(cast.version(people.protocol, "f1", kind="freeze"))
    assert [row["collection_day"] for row in cast.content(_get(api).body)["specimens"]] == [2, None]


def test_the_oldest_are_not_told_apart(people: Registration, api: Api) -> None:
    people.participant.birth_date = date(1920, 1, 1)
    people.participant.save()
    cast.build(cast.version(people.protocol, "f1", kind="freeze"))
    assert cast.content(_get(api).body)["participants"][0]["age_at_registration"] == 90


def test_a_freeze_stays_as_it_was(people: Registration, api: Api) -> None:
    freeze = cast.version(people.protocol, "f1", kind="freeze")
    cast.build(freeze)
    before = _get(api).body
    Specimen.objects.update(type="Serum", available_qty=0)
    _specimen(people.visits.get(), label="later", type="Plasma")
    api.call("delete", "/orgs/NORDBIO/collection-protocols/LUNG/f1/export/", base="")
    cast.build(freeze)
    assert _get(api).body == before


def test_a_person_keeps_the_pseudonym_in_the_next_freeze_of_the_protocol_only(
    people: Registration, api: Api
) -> None:
    cast.build(cast.version(people.protocol, "f1", kind="freeze"))
    cast.build(cast.version(people.protocol, "f2", kind="freeze"))
    first, second = (cast.content(_get(api, name).body)["participants"] for name in ("f1", "f2"))
    assert first == second
    other = cast.protocol("OTHER")
    people.protocol = other
    people.save()
    cast.build(cast.version(other, "f3", kind="freeze"))
    path = "/orgs/NORDBIO/collection-protocols/OTHER/f3/export/"
    (elsewhere,) = cast.content(api.call("get", path, base="").body)["participants"]
    assert elsewhere["id"] != first[0]["id"]


def test_only_those_who_run_the_protocol_see_a_freeze(
    people: Registration, as_user: Callable[[User], Api], lung: CollectionProtocol
) -> None:
    cast.build(cast.version(lung, "f1", kind="freeze"))
    cast.build(cast.version(lung, "v1"))
    reader, coordinator = factories.user(), factories.user()
    site = lung.protocol_sites.get().site
    factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=lung, site=site)
    lung.coordinators.add(coordinator)
    assert _get(as_user(reader)).status == 403
    assert _get(as_user(reader), "v1").status == 200
    assert _get(as_user(coordinator)).status == 200
    listed = as_user(reader).call("get", "/orgs/NORDBIO/collection-protocols/LUNG/versions/", base="")
    assert [row.get("id") for row in listed.json] == ["v1", "LUNG"]


def test_downloads_of_a_freeze_are_logged(
    people: Registration, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    cast.build(cast.version(people.protocol, "f1", kind="freeze"))
    caplog.clear()
    _get(api)
    assert "NORDBIO_LUNG_f1" in caplog.text


def test_the_snapshot_is_taken_with_a_fixed_number_of_queries(
    people: Registration, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        _specimen(people.visits.get(), label=f"more {n}", type="Plasma")
    version = cast.version(people.protocol, "f1", kind="freeze")
    with django_assert_max_num_queries(20):
        PROTOCOLS.take_snapshot(version)
    assert Snapshot.objects.get().counts["specimens"] == 32
    assert PublishedVersion.objects.count() == 1
