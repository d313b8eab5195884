"""People changed by files, found by their id or by one of their registrations (spec 04 §5.10)."""

from typing import Any

import pytest

from importjobs.models import Failure
from sessions_auth.tokens import issue
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from tests import factories, studies
from tests.client import Api
from tests.jobs.headers import template
from tests.jobs.importing import imported, report

pytestmark = pytest.mark.django_db

V7 = """Identifier, CP Short Title, PPID, First Name, Last Name, Middle Name, Email Address, Date Of Birth, \
Death Date, Gender, Race#1, Race#2, Vital Status, Ethnicity#1, Ethnicity#2, National ID, eMPI, Activity Status, \
PMI#1#Site Name, PMI#1#MRN, PMI#2#Site Name, PMI#2#MRN"""


@pytest.fixture
def lung(db: None) -> CollectionProtocol:
    return studies.protocol("LUNG")


def run(api: Api, content: str, **options: Any) -> list[str]:
    """The code of each row, blank where it went well."""
    job = imported(api, content, "participant", dateFormat="yyyy-MM-dd", **options)
    found = dict(Failure.objects.filter(job_id=job["id"]).values_list("row", "code"))
    return [found.get(number, "") for number, _ in enumerate(report(api, job["id"]), 1)]


def test_the_template_holds_every_caption_of_version_seven_in_its_order(api: Api) -> None:
    later = {"Receive Emails", "Phone Number", "Receive SMSes", "SMS Consent"}
    assert [caption for caption in template(api, "participant") if caption not in later] == V7.split(", ")


@pytest.mark.parametrize("operation", ["UPDATE", "UPSERT"])
def test_people_are_changed_as_far_as_rows_name_it(
    api: Api, lung: CollectionProtocol, operation: str
) -> None:
    first, second = studies.registration(lung, "P1"), studies.registration(lung, "P2")
    Participant.objects.filter(pk=first.participant_id).update(first_name="Ida", gender="Female")
    content = (
        "Identifier,CP Short Title,PPID,Last Name,Race#1,Activity Status\n"
        f"{first.participant_id},,,Moreau,White,Active\n,lung,P2,Quist,,\n,LUNG,P2,,Asian,\n"
    )
    assert run(api, content, importType=operation) == ["", "", ""]
    people = Participant.objects.order_by("last_name").values_list(
        "first_name", "last_name", "gender", "races"
    )
    assert list(people) == [("Ida", "Moreau", "Female", ["White"]), (None, "Quist", None, ["Asian"])]
    changes: Any = Participant.objects.get(pk=second.participant_id).history  # type: ignore[attr-defined]
    before = changes.count()
    assert run(api, content, importType=operation) == ["", "", ""]
    assert changes.count() == before


def test_whom_nobody_knows_is_not_changed(api: Api, lung: CollectionProtocol) -> None:
    hidden = studies.registration(studies.protocol("FOREIGN"), "P1")
    mine = studies.registration(lung, "P1")
    content = (
        "Identifier,CP Short Title,PPID,Last Name,Activity Status\n"
        f"999999,,,A,\n,LUNG,P9,A,\n,,P1,A,\n,LUNG,,A,\n{mine.participant_id},,,,Disabled\n"
        f"{mine.participant_id},,,,Closed\n{hidden.participant_id},,,A,\n"
    )
    expected = [
        "PARTICIPANT_NOT_FOUND", "CPR_M_NOT_FOUND", "CPR_CP_REQUIRED", "CPR_PPID_REQUIRED",
        "PARTICIPANT_REF_ENTITY_FOUND", "ACTIVITY_STATUS_INVALID",
    ]  # fmt: skip
    assert run(api, content, importType="UPDATE") == [*expected, ""]
    user = factories.user(of=lung.protocol_sites.get().site.institute)
    rights = {"ParticipantPhi": ["Read", "Create", "Update", "Export Import"]}
    factories.grant(user, rights, protocol=lung)
    assert run(Api(issue(user)), content, importType="UPDATE") == [*expected, "PARTICIPANT_NOT_FOUND"]


def test_people_are_created_before_they_are_registered(api: Api, lung: CollectionProtocol) -> None:
    site = factories.site().name
    content = (
        "Last Name,National ID,PMI#1#Site Name,PMI#1#MRN,Gender\n"
        f"Moreau,U-1,,,\nQuist,,{site},88,Female\nNobody,,{site},,\nTwice,U-1,,,\nOther,,{site},88,\n"
    )
    expected = ["", "", "PARTICIPANT_UID_REQUIRED", "PARTICIPANT_DUP_UID", "PARTICIPANT_DUP_MRN"]
    assert run(api, content) == expected
    registrations = (
        f"CP Short Title,PPID,Registration Date,PMI#1#Site Name,PMI#1#MRN\nLUNG,P1,2024-03-11,{site},88\n"
    )
    imported(api, registrations, "cpr", dateFormat="yyyy-MM-dd")
    assert Registration.objects.get().participant.last_name == "Quist"
    user = factories.user(of=lung.protocol_sites.get().site.institute)
    factories.grant(user, {"ParticipantPhi": ["Create"], "Visit": ["Export Import"]})
    assert run(Api(issue(user)), "National ID\nU-2\n") == ["RBAC_ACCESS_DENIED"]
