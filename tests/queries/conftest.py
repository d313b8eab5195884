"""A small biobank for queries: two protocols, three people, and what was taken from them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from biobank.access import Actor, Grant
from sessions_auth.models import AuthDomain, User
from sites.models import Institute, Site
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.protocol.models import CollectionProtocol, Event, ProtocolSite
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit


class Biobank:
    """The rows of the small biobank, by short names."""

    def __init__(self) -> None:
        self.institute = Institute.objects.create(name="Lakeside University")
        self.site = Site.objects.create(name="Lakeside", institute=self.institute, type="Repository")
        self.other_site = Site.objects.create(name="Hilltop", institute=self.institute, type="Repository")
        self.domain, _ = AuthDomain.objects.get_or_create(name="openspecimen")
        self.admin = self.user("ada", "SUPER", "Ada", "Miller")
        self.reader = self.user("ben", "NONE", "Ben", "Okafor")
        self.lung = self.protocol("LUNG", "Lung cohort", self.site)
        self.skin = self.protocol("SKIN", "Skin cohort", self.other_site)
        self.event = Event.objects.create(protocol=self.lung, label="Baseline", code="BL", point=0)
        self._people()

    def user(self, login: str, kind: str, first: str, last: str) -> User:
        return User.objects.create(
            login_name=login, domain=self.domain, first_name=first, last_name=last, type=kind,
            email_address=f"{login}@example.org", institute=self.institute,
        )  # fmt: skip

    def protocol(self, short: str, title: str, *sites: Site) -> CollectionProtocol:
        made = CollectionProtocol.objects.create(
            short_title=short, title=title, principal_investigator=self.admin, start_date=date(2020, 1, 1)
        )
        for site in sites:
            ProtocolSite.objects.create(protocol=made, site=site)
        return made

    def register(self, protocol: CollectionProtocol, ppid: str, **person: Any) -> Registration:
        participant = Participant.objects.create(**person)
        return Registration.objects.create(
            protocol=protocol,
            participant=participant,
            ppid=ppid,
            registration_date=date(2021, 3, 4),
            site=self.site,
        )

    def visit(self, registration: Registration, name: str, when: datetime, **more: Any) -> Visit:
        return Visit.objects.create(
            registration=registration, protocol=registration.protocol, name=name, visit_date=when, **more
        )

    def specimen(self, visit: Visit, label: str, **more: Any) -> Specimen:
        given = {
            "specimen_class": "Fluid",
            "type": "Plasma",
            "created_on": datetime(2021, 3, 5, 9, 30, tzinfo=UTC),
        }
        return Specimen.objects.create(visit=visit, protocol=visit.protocol, label=label, **{**given, **more})

    def _people(self) -> None:
        self.first = self.register(
            self.lung, "P1", first_name="Zoë", last_name="Nguyễn", birth_date=date(1980, 2, 29), gender="Female",
            races=["White", "Asian"], email_opt_in=True,
        )  # fmt: skip
        MedicalRecord.objects.create(participant=self.first.participant, site=self.site, mrn="M1")
        MedicalRecord.objects.create(participant=self.first.participant, site=self.other_site, mrn="M2")
        v1 = self.visit(
            self.first, "V1", datetime(2021, 3, 5, 9, 0, tzinfo=UTC), event=self.event,
            clinical_diagnoses=["Carcinoma"], surgical_pathology_number="SP-1",
        )  # fmt: skip
        v2 = self.visit(self.first, "V2", datetime(2021, 6, 30, 23, 30, tzinfo=UTC))
        self.s1 = self.specimen(
            v1, "S1", initial_qty="10", available_qty="2.5", external_ids=[{"name": "x", "value": "7"}]
        )
        self.s2 = self.specimen(v2, "S2", type="DNA", specimen_class="Molecular", available_qty="0")
        self.aliquot = self.specimen(
            v1, "S1.1", parent=self.s1, primary=self.s1, lineage="Aliquot", available_qty="1", created_on=None
        )
        self.second = self.register(self.lung, "P2", first_name="Ada", last_name="O'Neil", gender="Female")
        self.third = self.register(
            self.skin, "P3", first_name="Émile", birth_date=date(2000, 12, 31), gender="Male"
        )
        v3 = self.visit(self.third, "V3", datetime(2022, 1, 1, 12, 0, tzinfo=UTC))
        self.s3 = self.specimen(v3, "S3_%", type="Serum", available_qty="7")

    def actor(self, *grants: Grant) -> Actor:
        """A regular user with the right to query, and these rights."""
        rights = frozenset({Grant("Query", "Read"), *grants})
        return Actor(self.reader.pk, "ben", "NONE", self.institute.pk, rights)

    @property
    def super(self) -> Actor:
        return Actor(self.admin.pk, "ada", "SUPER", self.institute.pk)


@pytest.fixture
def biobank(db: None) -> Biobank:
    return Biobank()
