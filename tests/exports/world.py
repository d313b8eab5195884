"""A small biobank with something of everything, built over HTTP, for files that go out and come in again."""

from typing import Any

from tests import designs
from tests.client import Api

FORMULA = '=1+1, "quoted"'
TEXT = "- not a number\nÜber, 'zwei' Zeilen"
MOMENT = 1710234907123  # 2024-03-12 with seconds and milliseconds


def post(api: Api, path: str, body: Any) -> Any:
    answer = api.post(path, body)
    assert answer.status in (200, 201), (path, answer.json)
    return answer.json


def put(api: Api, path: str, body: Any) -> Any:
    answer = api.put(path, body)
    assert answer.status in (200, 201), (path, answer.json)
    return answer.json


def build(api: Api) -> None:
    """Two institutes with sites, people and roles; a study with plans, registrations, consents, visits, specimens."""
    people(api)
    study = protocol(api)
    consents(api, study)
    plans(api, study)
    records(api, study)


def people(api: Api) -> None:
    for name in ("Northern Institute", FORMULA):
        post(api, "/institutes", {"name": name})
    for name, institute in (("North Clinic", "Northern Institute"), ("Odd Bank", FORMULA)):
        site = {"name": name, "instituteName": institute, "type": "Collection Site", "address": TEXT}
        post(api, "/sites", {**site, "code": name[:3]})
    for n, institute in enumerate(("Northern Institute", "Northern Institute", FORMULA), 1):
        user = {
            "firstName": "Una", "lastName": f"User {n}", "loginName": f"una{n}", "domainName": "openspecimen",
            "emailAddress": f"una{n}@example.org", "instituteName": institute, "phoneNumber": "+49 30 1",
            "type": "INSTITUTE" if n == 3 else "NONE", "address": TEXT,
            "primarySite": "North Clinic" if n == 1 else None,
        }  # fmt: skip
        post(api, "/users", user)
    for name in ("North Clinic",):
        pk = api.get(f"/sites?name={name}").json[0]["id"]
        site = api.get(f"/sites/{pk}").json
        people = [{"emailAddress": f"una{n}@example.org"} for n in (1, 2)]
        put(api, f"/sites/{pk}", {**site, "coordinators": people})


def protocol(api: Api) -> dict[str, Any]:
    study = designs.protocol(
        api,
        title="Round trips",
        shortTitle="ROUND",
        code="R1",
        startDate="2024-01-31",
        irbId="=A1",
        anticipatedParticipantsCount=12,
        manualSpecLabelEnabled=True,  # labels of aliquots would be made by the server otherwise
        descriptionUrl="https://example.org/round",
        cpSites=[{"siteName": "North Clinic", "code": "NC"}, {"siteName": "Odd Bank"}],
        coordinators=[{"emailAddress": "una1@example.org"}, {"emailAddress": "una2@example.org"}],
    )
    designs.protocol(api, title="Another", shortTitle="OTHER", cpSites=[{"siteName": "Odd Bank"}])
    users = {user["loginName"]: user["id"] for user in api.get("/users?maxResults=100").json}
    for role in ({"site": {"name": "North Clinic"}, "collectionProtocol": {"shortTitle": "ROUND"}}, {}):
        body = {"role": {"name": "Tissue Banker" if role else "Coordinator"}, **role}
        post(api, f"/rbac/subjects/{users['una1' if role else 'una2']}/roles", body)
    return study


def consents(api: Api, study: dict[str, Any]) -> None:
    """What a file cannot bring along: statements, and that the protocol asks them."""
    for code in ("GEN", "FUT"):
        post(api, "/consent-statements", {"code": code, "statement": f"Agrees to {code}, {TEXT}"})
        post(api, f"/collection-protocols/{study['id']}/consent-tiers", {"statementCode": code})


def plans(api: Api, study: dict[str, Any]) -> None:
    event = designs.event(
        api, study, "Baseline", eventPoint=0, eventPointUnit="DAYS", code="B", defaultSite="North Clinic"
    )
    designs.event(api, study, "Week 6", eventPoint=6, eventPointUnit="WEEKS")
    blood = designs.requirement(api, event, code="BLOOD", initialQty=7.25, labelFmt=None)
    plasma = designs.plasma(api, blood, code="PLASMA")
    designs.aliquots(api, plasma, 2, 1.5)
    unit = {"cpShortTitle": "ROUND", "specimenClass": "Fluid", "type": "Plasma", "quantityUnit": "ml"}
    post(api, "/specimen-type-units", unit)
    past = designs.event(api, study, "Past", eventPoint=-1, eventPointUnit="YEARS")
    for place in (2, 1):
        blood = designs.requirement(
            api, past, sortOrder=place, collector={"emailAddress": "una1@example.org"}
        )
        designs.aliquots(api, designs.plasma(api, blood), 1, 1.5)
    put(api, f"/collection-protocol-events/{past['id']}", {**past, "activityStatus": "Closed"})
    centric = designs.protocol(
        api, shortTitle="CENTRIC", cpSites=[{"siteName": "Odd Bank"}], specimenCentric=True
    )
    body = designs.blood({"id": None}, cpId=centric["id"], defCustomFieldValuesJson='{"Fasting": true}')
    post(api, "/specimen-requirements", body)
    put(api, f"/collection-protocols/{centric['id']}", {**centric, "activityStatus": "Closed"})


def records(api: Api, study: dict[str, Any]) -> None:
    for n in (1, 2):
        person = {
            "firstName": "Una", "lastName": FORMULA, "birthDate": "1950-02-03", "gender": "Female",
            "races": ["White", "Asian"][:n], "vitalStatus": "Alive", "empi": f"E-{n}",
            "pmis": [{"siteName": "North Clinic", "mrn": f"M-{n}"}, {"siteName": "Odd Bank", "mrn": f"@{n}"}][:n],
        }  # fmt: skip
        body = {
            "cpId": study["id"],
            "ppid": f"R-{n}",
            "registrationDate": "2024-03-11",
            "participant": person,
        }
        cpr = post(api, "/collection-protocol-registrations", {**body, "externalSubjectId": f"-X{n}"})
        answers = {
            "consentSignatureDate": "2024-03-11", "comments": TEXT,
            "responses": [{"code": "GEN", "response": "Yes"}, {"code": "FUT", "response": "No"}],
        }  # fmt: skip
        put(api, f"/collection-protocol-registrations/{cpr['id']}/consents", answers)
        form = api.upload(
            f"/collection-protocol-registrations/{cpr['id']}/consent-form", "form.pdf", b"%PDF form"
        )
        assert form.status == 200
        for number, date in ((1, MOMENT), (2, "2024-05-06")):
            visit = {
                "cprId": cpr["id"], "name": f"V{n}-{number}", "visitDate": date, "site": "North Clinic",
                "eventLabel": "Baseline" if number == 1 else None, "comments": TEXT, "surgicalPathologyNumber": "=P",
            }  # fmt: skip
            made = post(api, "/visits", visit)
            if number == 1:
                assert (
                    api.upload(f"/visits/{made['id']}/spr-file", "report.pdf", b"%PDF report").status == 200
                )
                specimens(api, made, f"S{n}")


def specimens(api: Api, visit: dict[str, Any], label: str) -> None:
    event = {"time": MOMENT, "user": {"emailAddress": "una1@example.org"}, "comments": TEXT}
    tube = post(api, "/specimens", {
        "visitId": visit["id"], "label": label, "barcode": f"+{label}", "reqCode": "BLOOD", "initialQty": 10.125,
        "specimenClass": "Fluid", "type": "Whole Blood", "comments": FORMULA, "concentration": 0.25,
        "externalIds": [{"name": "Lab", "value": "=7"}, {"name": "Box", "value": "B"}], "createdOn": MOMENT + 5000,
        "collectionEvent": {**event, "container": "EDTA Vacutainer"}, "receivedEvent": event,
    })  # fmt: skip
    plasma = post(api, "/specimens", {
        "parentId": tube["id"], "lineage": "Derived", "label": f"{label}-P", "specimenClass": "Fluid",
        "type": "Plasma", "initialQty": 4, "createdOn": MOMENT + 60_000, "reqCode": "PLASMA",
    })  # fmt: skip
    for number in (1, 2):
        aliquot = {
            "parentId": plasma["id"],
            "lineage": "Aliquot",
            "label": f"{label}-P_{number}",
            "initialQty": 1.5,
        }
        post(api, "/specimens", aliquot)
    closed = api.get(f"/specimens/{tube['id']}").json
    put(api, f"/specimens/{tube['id']}", {**closed, "availableQty": 2.5})
