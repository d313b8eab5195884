"""Registrations and visits in batches, as imports write them: rows see each other, a bad row costs only itself."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from biobank.access import Actor
from biobank.batch.door import Change, Door, Outcome
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.participant.detail import RegistrationDetail
from specimens.participant.models import Participant, Registration
from specimens.participant.writes import REGISTRATIONS
from specimens.protocol.models import CollectionProtocol
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.writes import VISITS
from tests import factories, studies

pytestmark = pytest.mark.django_db


@pytest.fixture
def importer(admin: User) -> Actor:
    return actor_of(admin, via="import")


@pytest.fixture
def cohort(db: None) -> CollectionProtocol:
    return studies.protocol("LC", at=[factories.site("North")])


def row(ppid: str | None = None, **more: Any) -> Change[RegistrationDetail]:
    body = {"cpShortTitle": "lc", "ppid": ppid, "registrationDate": "2024-03-11", **more}
    return Change(RegistrationDetail.parse(body))


def visit_row(ppid: str, **more: Any) -> Change[VisitDetail]:
    return Change(VisitDetail.parse({"cpShortTitle": "LC", "ppid": ppid, "visitDate": "2024-03-12", **more}))


def write(door: Door[Any, Any], batch: list[Change[Any]], actor: Actor) -> list[Outcome]:
    with transaction.atomic():
        return door.write_each(batch, actor)


def codes(outcomes: list[Outcome]) -> list[list[str]]:
    return [[problem.code for problem in outcome.problems] for outcome in outcomes]


# --- Registrations ----------------------------------------------------------------------------------


def test_a_file_may_leave_the_participant_out(cohort: CollectionProtocol, importer: Actor) -> None:
    (outcome,) = write(REGISTRATIONS, [row("P1")], importer)
    assert Registration.objects.get(pk=outcome.pk or 0).participant.first_name is None


def test_registrations_of_a_batch_see_each_other(cohort: CollectionProtocol, importer: Actor) -> None:
    batch = [
        row("P1", barcode="B1"), row("P1"), row("P2", barcode="B1"), row("P3", registrationDate=None), row("P4"),
    ]  # fmt: skip
    assert codes(write(REGISTRATIONS, batch, importer)) == [
        [], ["CPR_DUP_PPID"], ["CPR_DUP_BARCODE"], ["CPR_REG_DATE_REQUIRED"], [],
    ]  # fmt: skip
    assert sorted(Registration.objects.values_list("ppid", flat=True)) == ["P1", "P4"]
    assert Participant.objects.count() == 2


def test_a_participant_met_twice_in_a_batch_is_one(cohort: CollectionProtocol, importer: Actor) -> None:
    studies.protocol("Other")
    ida = {"pmis": [{"siteName": "North", "mrn": "1"}]}
    batch = [
        row("P1", registrationDate=None, participant=ida),
        row("P2", participant={**ida, "firstName": "Ida"}),
        row("Q2", cpShortTitle="Other", participant={**ida, "lastName": "Moreau"}),
        row("P3", participant=ida),
    ]
    assert codes(write(REGISTRATIONS, batch, importer)) == [
        ["CPR_REG_DATE_REQUIRED"], [], [], ["CPR_DUP_REGISTRATION"],
    ]  # fmt: skip
    person = Participant.objects.get()
    assert (person.first_name, person.last_name) == ("Ida", "Moreau")
    assert person.registrations.count() == 2 and person.medical_records.count() == 1


def test_ppids_of_a_batch_are_generated_together(cohort: CollectionProtocol, importer: Actor) -> None:
    CollectionProtocol.objects.update(ppid_fmt="L%CP_UID(3)%")
    studies.registration(cohort, "L002")
    write(REGISTRATIONS, [row() for _ in range(4)], importer)
    made = list(Registration.objects.order_by("pk").values_list("ppid", flat=True))[1:]
    assert len(set(made)) == 4 and "L002" not in made and made[0] == "L001"


def test_a_batch_costs_a_fixed_number_of_queries(cohort: CollectionProtocol, importer: Actor) -> None:
    CollectionProtocol.objects.update(ppid_fmt="L%CP_UID(3)%")

    def queries(rows: int) -> int:
        batch = [
            row(
                site="North",
                participant={
                    "empi": f"E-{factories.number()}",
                    "gender": "Female",
                    "pmis": [{"siteName": "North", "mrn": f"M-{factories.number()}"}],
                },
            )
            for _ in range(rows)
        ]
        with CaptureQueriesContext(connection) as counted:
            assert not any(codes(write(REGISTRATIONS, batch, importer)))
        return len(counted)

    queries(1)
    assert queries(2) == queries(60) <= 25


def test_an_import_needs_the_right_to_import(cohort: CollectionProtocol, importer: Actor) -> None:
    somebody = factories.user()
    factories.grant(somebody, {"ParticipantPhi": ["Create"]}, protocol=cohort)
    assert codes(write(REGISTRATIONS, [row("P1")], actor_of(somebody, via="import"))) == [
        ["RBAC_ACCESS_DENIED"]
    ]
    factories.grant(somebody, {"ParticipantPhi": ["Export Import"]}, protocol=cohort)
    assert codes(write(REGISTRATIONS, [row("P1")], actor_of(somebody, via="import"))) == [[]]


def test_what_the_database_refuses_costs_one_row(cohort: CollectionProtocol, importer: Actor) -> None:
    batch = [
        row("P1"),
        row("P2", participant={"birthDate": "0001-01-01", "phoneNumber": "1" * 65}),
        row("P3"),
    ]
    assert codes(write(REGISTRATIONS, batch, importer)) == [[], ["COMMON_VALUE_TOO_LONG"], []]


def test_updates_of_a_batch_see_each_other(cohort: CollectionProtocol, importer: Actor) -> None:
    first, second = studies.registration(cohort, "P1"), studies.registration(cohort, "P2")
    batch = [
        Change(RegistrationDetail.parse({"barcode": "B"}), first.pk),
        Change(RegistrationDetail.parse({"barcode": "B"}), second.pk),
        Change(RegistrationDetail.parse({"externalSubjectId": "X"}), first.pk),
        Change(RegistrationDetail.parse({"barcode": "C"}), 999999),
    ]
    assert codes(write(REGISTRATIONS, batch, importer)) == [[], ["CPR_DUP_BARCODE"], [], ["CPR_M_NOT_FOUND"]]
    after = Registration.objects.get(pk=first.pk)
    assert (after.barcode, after.external_subject_id) == ("B", "X")


def test_an_import_deletes_with_all_data(cohort: CollectionProtocol, importer: Actor) -> None:
    made = studies.registration(cohort, "P1")
    visit = studies.visit(made)
    gone = RegistrationDetail.parse({"activityStatus": "Disabled"})
    assert codes(write(REGISTRATIONS, [Change(gone, made.pk)], importer)) == [[]]
    assert Visit.objects.get(pk=visit.pk).activity_status == "Disabled"


# --- Visits -----------------------------------------------------------------------------------------


def test_visits_of_a_batch_see_each_other(cohort: CollectionProtocol, importer: Actor) -> None:
    studies.registration(cohort, "P1")
    batch = [
        visit_row("P1", name="V1"), visit_row("P1", name="V1"), visit_row("P9", name="V2"),
        visit_row("P1", site="North", visitDate="2024-05-01"), visit_row("P1", visitDate="2024-05-02"),
    ]  # fmt: skip
    outcomes = write(VISITS, batch, importer)
    assert codes(outcomes) == [[], ["VISIT_DUP_NAME"], ["CPR_M_NOT_FOUND"], [], []]
    last = Visit.objects.get(pk=outcomes[-1].pk or 0)
    assert last.site is not None and last.site.name == "North"
    assert Visit.objects.count() == len(set(Visit.objects.values_list("name", flat=True))) == 3


def test_a_batch_of_visits_costs_a_fixed_number_of_queries(
    cohort: CollectionProtocol, importer: Actor
) -> None:
    studies.event(cohort, "Baseline")
    for n in range(60):
        studies.registration(cohort, f"P{n}")

    def queries(rows: int) -> int:
        batch = [visit_row(f"P{n}", eventLabel="baseline", clinicalStatus="Operative") for n in range(rows)]
        with CaptureQueriesContext(connection) as counted:
            assert not any(codes(write(VISITS, batch, importer)))
        return len(counted)

    queries(1)
    assert queries(2) == queries(60) <= 20


def test_an_imported_change_leaves_what_is_blank_alone(
    cohort: CollectionProtocol, importer: Actor, admin: User
) -> None:
    event = studies.event(cohort)
    stored: dict[str, Any] = {
        "event": event, "comments": "x", "clinical_diagnoses": ["Not Specified"], "status": "Missed Collection",
        "missed_reason": "Visit cancelled", "missed_by": admin, "site": factories.site("Of the visit"),
    }  # fmt: skip
    made = studies.visit(studies.registration(cohort, "P1"), "V1", **stored)
    change = Change(VisitDetail.parse({"clinicalStatus": "Operative"}), made.pk)
    assert codes(write(VISITS, [change], importer)) == [[]]
    after = Visit.objects.get(pk=made.pk)
    assert (after.name, after.visit_date, after.clinical_status) == ("V1", made.visit_date, "Operative")
    assert {name: getattr(after, name) for name in stored} == stored


def test_a_value_that_left_its_list_may_stay_but_not_come(
    cohort: CollectionProtocol, importer: Actor
) -> None:
    made = studies.visit(studies.registration(cohort, "P1"), "V1", clinical_diagnoses=["Retired term"])
    again = {"cprId": made.registration_id, "clinicalDiagnoses": ["Retired term"]}
    rest = replace(importer, via="rest")
    kept = Change(VisitDetail.parse({**again, "name": "V1"}), made.pk)
    assert codes(write(VISITS, [kept], rest)) == [[]]
    fresh = Change(VisitDetail.parse(again))
    assert codes(write(VISITS, [fresh], rest)) == [["VISIT_INVALID_CLINICAL_DIAGNOSIS"]]


def test_over_rest_the_same_change_replaces(cohort: CollectionProtocol, importer: Actor) -> None:
    made = studies.visit(studies.registration(cohort, "P1"), "V1", comments="x")
    change = Change(VisitDetail.parse({"cprId": made.registration_id, "name": "V1"}), made.pk)
    write(VISITS, [change], replace(importer, via="rest"))
    assert Visit.objects.get(pk=made.pk).comments is None


def test_typed_ppids_are_checked_at_the_same_cost_for_any_number(importer: Actor) -> None:
    studies.protocol(
        "FMT",
        at=[factories.site("South", code="SO")],
        ppid_fmt="%SITE_CODE%-%CP_UID%",
        manual_ppid_enabled=True,
    )

    def batch(*ppids: str) -> list[Change[RegistrationDetail]]:
        pmis = {"pmis": [{"siteName": "South", "mrn": None}]}
        return [row(ppid, cpShortTitle="FMT", participant=pmis) for ppid in ppids]

    def queries(rows: list[Change[RegistrationDetail]], problems: list[list[str]]) -> int:
        with CaptureQueriesContext(connection) as counted:
            assert codes(write(REGISTRATIONS, rows, importer)) == problems
        return len(counted)

    queries(batch("SO-1"), [[]])
    one = queries(batch("SO-2"), [[]])
    assert queries(batch("SO-3", "XX-4", "SO-5", "SO-6"), [[], ["CPR_INVALID_PPID"], [], []]) == one
