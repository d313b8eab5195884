"""Registering participants over HTTP (spec 03 §1)."""

import pytest

from specimens.participant.models import Participant, Registration
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db

URL = "/collection-protocol-registrations"
IDA = {
    "firstName": "Ida", "lastName": "Moreau", "birthDate": "1961-07-30", "gender": "Female", "races": ["White"],
    "ethnicities": ["Not Hispanic or Latino"], "vitalStatus": "Alive",
}  # fmt: skip


def test_a_registration_is_created_and_read_back(api: Api, statuses: Statuses) -> None:
    north = factories.site("North Hospital")
    cohort = studies.protocol("LC", title="Lung cohort", at=[north])
    pmis = [{"siteName": "North Hospital", "mrn": "88-1204"}]
    body = studies.registration_body(cohort, "LC-0042", site="north hospital", participant={**IDA, "pmis": pmis})
    answer = api.post(f"{URL}/", body)
    assert answer.status == statuses.created
    made = answer.json
    assert (made["cpTitle"], made["cpShortTitle"], made["ppid"]) == ("Lung cohort", "LC", "LC-0042")
    assert (made["registrationDate"], made["site"]) == (1710115200000, "North Hospital")
    person = made["participant"]
    assert (person["birthDate"], person["birthDateStr"]) == (-265852800000, "1961-07-30")
    assert (person["pmis"], person["phiAccess"], person["registeredCps"]) == (pmis, True, [])
    assert (person["source"], person["cpId"], person["emailOptIn"]) == ("OpenSpecimen", -1, False)
    assert "middleName" not in person
    assert made["aliquotLabelFmt"] == "%PSPEC_LABEL%_%PSPEC_UID%"
    assert api.get(f"{URL}/{made['id']}").json == made
