"""One record of every kind that the admin shows, each with relatives of its own."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from biobank.configuration.models import SettingValue
from exports.models import Export
from exports.objects.models import ObjectExport
from importjobs.models import ImportJob
from queries.models import QueryAudit, QueryExport, QueryFolder, SavedQuery, ScheduledJob, ScheduledRun
from sessions_auth import tokens
from sessions_auth.models import AuthDomain, LoginAudit, User
from sites.models import Institute
from specimens.cart.models import Cart, CartFolder
from specimens.printing.models import PrintFile, PrintItem, PrintJob, PrintRule
from specimens.protocol.models import (
    CollectionProtocol,
    ConsentStatement,
    Event,
    ProtocolGroup,
    PublishedVersion,
    SpecimenTypeUnit,
)
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from terminology.models import PermissibleValue
from tests import factories, specimen_cast, studies

Rows = dict[type[Model], Model]


def everything(home: Institute | None = None) -> Rows:
    """A new record of every kind; users and sites are of the given institute, or of a new one."""
    institute = home or factories.institute()
    person = factories.user(of=institute)
    site = factories.site(of=institute)
    study = studies.protocol(at=[site], code=f"C{factories.number()}")
    role = factories.grant(person, {"Specimen": ["Read"]}, site=site, protocol=study)
    tokens.issue(person)
    made = [
        institute, site, person, study, role, role.role, person.tokens.get(),
        LoginAudit.objects.create(user=person, success=True),
        AuthDomain.objects.create(name=f"domain {factories.number()}"),
        SettingValue.objects.create(module="auth", name="allowed_failed_logins", value="5", activated_by=person),
        PermissibleValue.objects.create(attribute="gender", value=f"Gender {factories.number()}"),
        *_samples(study),
        *_lists_and_labels(person, study),
        *_long_work(study, person),
    ]  # fmt: skip
    return {type(row): row for row in made}


def _samples(study: CollectionProtocol) -> list[Model]:
    n = factories.number()
    event = studies.event(study, f"Event {n}")
    requirement = specimen_cast.requirement(event, name=f"Tube {n}")
    registration = studies.registration(study)
    registration.participant.last_name = f"Quist {n}"
    registration.participant.save()
    visit = studies.visit(registration, event=event)
    return [
        event,
        requirement,
        ConsentStatement.objects.create(code=f"S{n}", statement="May the blood be kept?"),
        SpecimenTypeUnit.objects.create(protocol=study, specimen_class="Fluid", quantity_unit=f"ml {n}"),
        _group(study, n),
        registration,
        registration.participant,
        visit,
        _specimen(visit, event),
    ]


def _group(study: CollectionProtocol, n: int) -> ProtocolGroup:
    study.group = ProtocolGroup.objects.create(name=f"Group {n}")
    study.save()
    return study.group


def _specimen(visit: Visit, event: Event) -> Specimen:
    return Specimen.objects.create(
        protocol=visit.protocol,
        visit=visit,
        requirement=event.requirements.get(),
        label=f"L-{factories.number()}",
        specimen_class="Fluid",
        type="Whole Blood",
    )


def _lists_and_labels(person: User, study: CollectionProtocol) -> list[Model]:
    n = factories.number()
    rule = PrintRule.objects.create(
        name=f"Rule {n}", protocol=study, template="Label: %LABEL%", printer="bench"
    )
    job = PrintJob.objects.create(kind="SPECIMEN", submitted_by=person)
    PrintItem.objects.create(job=job, label=f"PRINTED-{n}")
    PrintFile.objects.create(job=job, rule=rule, printer="bench", name=f"bench_{n}.csv", content="Label")
    return [
        Cart.objects.create(name=f"Cart {n}", owner=person),
        CartFolder.objects.create(name=f"Cart folder {n}", owner=person),
        rule,
        job,
    ]


def _long_work(study: CollectionProtocol, person: User) -> list[Model]:
    version = PublishedVersion.objects.create(
        protocol=study, version="v1", changes="First", reason="Start", published_by=person, definition={}
    )
    n = factories.number()
    query = SavedQuery.objects.create(
        title=f"Query {n}", protocol=study, created_by=person, last_modified_by=person, **_selected()
    )
    job = ScheduledJob.objects.create(
        name=f"Job {n}", saved_query=query, repeat_schedule="ONDEMAND", created_by=person
    )
    return [
        version,
        Export.objects.create(kind="collection-protocols", version_key=version.pk, label=f"of {n}"),
        query,
        QueryFolder.objects.create(name=f"Folder {n}", owner=person),
        job,
        ScheduledRun.objects.create(job=job, run_by=person, created_by=person),
        QueryExport.objects.create(request={}, created_by=person),
        QueryAudit.objects.create(
            query=query, run_by=person, milliseconds=3, run_type="Data", record_count=1, aql="", sql=""
        ),
        ObjectExport.objects.create(name="specimen", created_by=person),
        ImportJob.objects.create(
            name="specimen", filename=f"file{n}.csv", created_by=person, time_zone="UTC", date_format="yyyy",
            started_at=datetime(2024, 3, 12, tzinfo=UTC), rows=10, row=4,
        ),
    ]  # fmt: skip


def _selected() -> dict[str, Any]:
    return {"select_list": ["Participant.ppid"], "driving_form": "Participant"}
