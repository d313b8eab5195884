"""Consent statements, and the consent tiers of protocols (spec 02 §A9, §D1)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.participant.models import ConsentResponse, Registration
from specimens.protocol.models import ConsentTier
from tests import designs, factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/consent-statements"


def statement(api: Api, code: str, text: str = "Blood may be stored") -> dict[str, Any]:
    answer = api.post(URL, {"code": code, "statement": text})
    assert answer.status in (200, 201)
    return dict(answer.json)


def test_a_statement_is_created_changed_and_disabled(api: Api, statuses: Statuses) -> None:
    answer = api.post(URL, {"code": " BLOOD ", "statement": "Blood may be stored"})
    assert answer.status == statuses.created
    made = answer.json
    assert made == {
        "id": made["id"], "code": "BLOOD", "statement": "Blood may be stored", "activityStatus": "Active",
    }  # fmt: skip
    path = f"{URL}/{made['id']}"
    changed = api.put(path, {"id": 7, "code": "BLOOD", "statement": "Blood may be kept"})
    assert (changed.status, changed.json) == (statuses.created, {**made, "statement": "Blood may be kept"})
    assert api.get(path).json == changed.json
    api.put(path, {"code": "BLOOD", "statement": "Gone", "activityStatus": "Disabled"})
    gone = api.get(path)
    assert (gone.status, gone.codes) == (statuses.not_found, ["CONSENT_STATEMENTNOT_FOUND"])


def test_what_a_statement_needs(api: Api) -> None:
    assert api.post(URL, {}).codes == ["CONSENT_STATEMENTCODE_REQUIRED", "CONSENT_STATEMENTREQUIRED"]
    statement(api, "A")
    assert api.post(URL, {"code": "A", "statement": "Other"}).codes == ["CONSENT_STATEMENTDUP_CODE"]
    statement(api, "a", "Blood may be stored")


def test_statements_are_found_by_parts_of_code_and_text(api: Api) -> None:
    for code, text in (("B1", "Blood"), ("B2", "Blood and urine"), ("G", "Genes")):
        statement(api, code, text)
    assert [row["code"] for row in api.get(f"{URL}?statement=URINE").json] == ["B2"]
    assert [row["code"] for row in api.get(f"{URL}?code=b&startAt=1").json] == ["B2"]


def test_only_administrators_change_statements(as_user: Callable[[User], Api], statuses: Statuses) -> None:
    answer = as_user(factories.user()).post(URL, {"code": "A", "statement": "A"})
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])
    assert (
        as_user(factories.user("INSTITUTE")).post(URL, {"code": "A", "statement": "A"}).status
        == statuses.created
    )


# --- Tiers ------------------------------------------------------------------------------------------


def test_tiers_name_their_statement_by_id_code_or_text(api: Api, statuses: Statuses) -> None:
    by_id, _, _ = statement(api, "A", "One"), statement(api, "B", "Two"), statement(api, "C", "Three")
    path = f"/collection-protocols/{designs.protocol(api)['id']}/consent-tiers"
    for sent in ({"statementId": by_id["id"]}, {"statementCode": "B", "cpId": 1}, {"statement": "Three"}):
        assert api.post(path, sent).status == statuses.created
    rows = api.get(path).json
    assert [(row["statementCode"], row["statement"]) for row in rows] == [
        ("A", "One"),
        ("B", "Two"),
        ("C", "Three"),
    ]
    assert rows[0].keys() == {"id", "statementId", "statementCode", "statement"}
    assert api.post(path, {"statementCode": "A"}).codes == ["CP_DUP_CONSENT"]
    assert api.post(path, {}).codes == ["CONSENT_STATEMENTCODE_REQUIRED"]
    unknown = api.post(path, {"statementCode": "Z"})
    assert (unknown.status, unknown.codes) == (400, ["CONSENT_STATEMENTNOT_FOUND"])


def test_a_tier_gets_another_statement_and_is_removed(api: Api, statuses: Statuses) -> None:
    statement(api, "A"), statement(api, "B")
    path = f"/collection-protocols/{designs.protocol(api)['id']}/consent-tiers"
    first = api.post(path, {"statementCode": "A"}).json
    changed = api.put(f"{path}/{first['id']}", {"statementCode": "B"})
    assert (changed.status, changed.json["statementCode"]) == (statuses.created, "B")
    assert api.post(path, {"statementCode": "B"}).codes == ["CP_DUP_CONSENT"]
    assert api.delete(f"{path}/{first['id']}").json["id"] == first["id"]
    assert api.get(path).json == []
    gone = api.delete(f"{path}/{first['id']}")
    assert (gone.status, gone.codes) == (statuses.not_found, ["CP_CONSENT_TIER_NOT_FOUND"])
    assert api.post(path, {"statementCode": "B"}).status == statuses.created


def test_a_tier_with_responses_stays(api: Api) -> None:
    statement(api, "A")
    of = studies.protocol()
    path = f"/collection-protocols/{of.pk}/consent-tiers"
    tier = api.post(path, {"statementCode": "A"}).json
    made = api.post("/collection-protocol-registrations", studies.registration_body(of)).json
    response = ConsentResponse(
        registration=Registration.objects.get(pk=made["id"]),
        tier=ConsentTier.objects.get(pk=tier["id"]),
        response="Yes",
    )
    response.save()
    assert api.get(f"{path}/{tier['id']}/dependent-entities").json == [
        {"name": "consent_tier_response", "count": 1}
    ]
    assert api.delete(f"{path}/{tier['id']}").codes == ["CP_CONSENT_REF_ENTITY_FOUND"]


def test_waived_consents_have_no_tiers(api: Api, statuses: Statuses) -> None:
    statement(api, "A")
    body = designs.protocol_body()
    made = api.post("/collection-protocols", body).json
    path = f"/collection-protocols/{made['id']}"
    tier = api.post(f"{path}/consent-tiers", {"statementCode": "A"}).json
    assert api.put(f"{path}/consents-waived", {"consentsWaived": "TRUE"}).codes == ["CP_CONSENT_TIER_FOUND"]
    assert api.put(path, {**body, "consentsWaived": True}).codes == ["CP_CONSENT_TIER_FOUND"]
    api.delete(f"{path}/consent-tiers/{tier['id']}")
    answer = api.put(f"{path}/consents-waived", {"consentsWaived": True})
    assert (answer.status, answer.json["consentsWaived"]) == (statuses.created, True)
    assert api.post(f"{path}/consent-tiers", {"statementCode": "A"}).codes == ["CP_CONSENTS_WAIVED"]
    assert api.put(f"{path}/consents-waived", {"consentsWaived": "maybe"}).json["consentsWaived"] is False
    unknown = api.put("/collection-protocols/999999/consents-waived", {"consentsWaived": "true"})
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_NOT_FOUND"])


def test_tiers_are_taken_from_another_protocol(api: Api) -> None:
    statement(api, "A")
    source, made = designs.protocol(api), designs.protocol(api)
    api.post(f"/collection-protocols/{source['id']}/consent-tiers", {"statementCode": "A"})
    path = f"/collection-protocols/{made['id']}"
    answer = api.put(f"{path}/consents-source", {"shortTitle": source["shortTitle"]}).json
    assert answer["consentsSource"]["id"] == source["id"]
    assert [row["statementCode"] for row in api.get(f"{path}/consent-tiers").json] == ["A"]
    assert api.post(f"{path}/consent-tiers", {"statementCode": "A"}).codes == ["CP_CONSENTS_SOURCED"]
    assert "consentsSource" not in api.put(f"{path}/consents-source", {}).json
    assert api.get(f"{path}/consent-tiers").json == []
    assert api.put(f"{path}/consents-source", {"id": 999999}).codes == ["CP_CONSENTS_SOURCE_NOT_FOUND"]
    assert api.put(f"/collection-protocols/{source['id']}/consents-source", {"id": made["id"]}).codes == [
        "CP_CONSENT_TIER_FOUND"
    ]
    assert api.put(f"{path}/consents-source", {"id": made["id"]}).codes == ["CP_CONSENTS_SOURCE_NOT_FOUND"]
    visits = designs.protocol(api, visitLevelConsents=True)
    new = designs.protocol_body(consentsSource={"id": visits["id"]})
    assert api.post("/collection-protocols", new).codes == ["CP_VISIT_CONSENTS_ENABLED"]
    assert api.put(f"{path}/consents-source", {"id": visits["id"]}).codes == ["CP_VISIT_CONSENTS_ENABLED"]


def test_the_source_of_tiers_must_be_readable(api: Api, as_user: Callable[[User], Api]) -> None:
    site, person = factories.site(), factories.user()
    factories.grant(person, {"CollectionProtocol": ["Read", "Update"]}, site=site)
    mine, theirs = studies.protocol(at=[site]), studies.protocol()
    path = f"/collection-protocols/{mine.pk}/consents-source"
    assert as_user(person).put(path, {"id": theirs.pk}).codes == ["RBAC_ACCESS_DENIED"]
