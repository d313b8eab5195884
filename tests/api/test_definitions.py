"""Definitions, workflows and versions of protocols (spec 02 §A7, §A8, §A11)."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from biobank.wire.errors import Refused
from sessions_auth.actor import actor_of
from sessions_auth.detail import UserSummary
from sessions_auth.models import User
from specimens.protocol.detail.versions import PublishDetail, PublishQuery
from specimens.protocol.models import CollectionProtocol, PublishedVersion
from specimens.protocol.reads import versions
from specimens.protocol.reads.protocols import workflow_data
from specimens.protocol.writes import publish_version
from tests import designs, factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocols"


def designed(api: Api) -> dict[str, Any]:
    """A protocol with consents, events, a tree of requirements and a workflow."""
    made = designs.protocol(
        api, title="Original", shortTitle="ORIG", code="O", sopDocumentUrl="https://example.org"
    )
    api.post("/consent-statements", {"code": "A", "statement": "One"})
    api.post(f"{URL}/{made['id']}/consent-tiers", {"statementCode": "A"})
    visit = designs.event(api, made, "Baseline", code="V1", eventPoint=0, eventPointUnit="DAYS")
    designs.event(api, made, "Closed", activityStatus="Closed")
    top = designs.requirement(api, visit, code="WB", collector={"id": 1})
    plasma = designs.plasma(api, top, code="PL")
    designs.aliquots(api, plasma, 2, code="A")
    api.put(f"{URL}/{made['id']}/workflows", [{"name": "common", "data": {"id": 4, "x": None}}])
    return made


def shape(api: Api, protocol_id: int) -> Any:
    """Events and trees without ids."""

    def tree(row: dict[str, Any]) -> Any:
        kept = {
            key: value
            for key, value in row.items()
            if key not in ("id", "uid", "parentUid", "eventId", "cpId")
        }
        kept.pop("cpShortTitle")
        return {**kept, "children": [tree(child) for child in row["children"]]}

    events = api.get(f"/collection-protocol-events?cpId={protocol_id}&includeClosedEvents=false").json
    return [
        (event["eventLabel"], event["code"], event["eventPoint"], [tree(row) for row in rows])
        for event in events
        for rows in [api.get(f"/specimen-requirements?eventId={event['id']}").json]
    ]


def test_a_definition_travels_to_another_server(api: Api, statuses: Statuses) -> None:
    made = designed(api)
    answer = api.get(f"{URL}/{made['id']}/definition")
    assert answer.headers["Content-Disposition"] == f'attachment;filename="CpDef_{made["id"]}.json"'
    found = orjson.loads(answer.body)
    text = answer.body.decode()
    assert '"id": 4' in text  # what workflows hold is not ours to change
    assert not {"id", "sopDocumentUrl"} & found.keys()
    assert found["consents"] == [{"statementCode": "A", "statement": "One"}]
    assert found["principalInvestigator"]["loginName"] == "admin"
    found |= {"title": "Other", "shortTitle": "OTHER", "code": None}
    copy = api.upload(f"{URL}/definition", "CpDef.json", orjson.dumps(found))
    assert copy.status == 200
    assert copy.json["title"] == "Other"
    assert shape(api, copy.json["id"]) == shape(api, made["id"])
    assert [row["statementCode"] for row in api.get(f"{URL}/{copy.json['id']}/consent-tiers").json] == ["A"]
    assert api.get(f"{URL}/{copy.json['id']}/workflows").json["workflows"]["common"]["data"] == {
        "id": 4,
        "x": None,
    }


def test_a_definition_with_ids_names_every_record(api: Api) -> None:
    made = designed(api)
    found = orjson.loads(api.get(f"{URL}/{made['id']}/definition?includeIds=true").body)
    assert found["id"] == made["id"]
    assert found["consents"][0]["statementId"]
    top = found["events"][0]["specimenRequirements"][0]
    assert top["children"][0]["children"][0]["id"]
    assert [event["eventLabel"] for event in found["events"]] == ["Baseline", "Closed"]


def test_a_definition_is_imported_whole_or_not_at_all(api: Api) -> None:
    made = designed(api)
    found = orjson.loads(api.get(f"{URL}/{made['id']}/definition").body)
    again = api.upload(f"{URL}/definition", "x.json", orjson.dumps(found))
    assert set(again.codes) == {"CP_DUP_TITLE", "CP_DUP_SHORT_TITLE", "CP_DUP_CODE"}
    found |= {"title": "Other", "shortTitle": "OTHER", "code": None}
    found["events"][0]["specimenRequirements"][0]["children"][0]["type"] = "Nectar"
    assert api.upload(f"{URL}/definition", "x.json", orjson.dumps(found)).codes == [
        "SR_INVALID_SPECIMEN_TYPE"
    ]
    assert not CollectionProtocol.objects.filter(short_title="OTHER").exists()


def test_a_definition_may_be_less_than_an_export(api: Api) -> None:
    """No units, workflows named by their keys alone, children whose lineage says how they are made."""
    body = designs.protocol_body(title="Small", shortTitle="SMALL")
    tree = designs.blood({"id": None}, children=[{**designs.blood({"id": None}), "lineage": "New"}])
    body |= {
        "workflows": {"common": {"data": {}}},
        "events": [{"eventLabel": "A", "specimenRequirements": [tree]}],
    }
    refused = api.upload(f"{URL}/definition", "cp.json", orjson.dumps(body))
    assert refused.codes == ["SR_INVALID_LINEAGE"]
    tree["children"][0] |= {"lineage": "Derived", "activityStatus": "Closed"}
    made = api.upload(f"{URL}/definition", "cp.json", orjson.dumps(body))
    assert made.status == 200, made.json
    assert set(api.get(f"{URL}/{made.json['id']}/workflows").json["workflows"]) == {"common"}
    assert api.get(f"/specimen-requirements?cpId={made.json['id']}").json[0]["children"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"events": 3}'])
def test_a_file_that_is_no_definition_is_an_invalid_request(api: Api, content: bytes) -> None:
    answer = api.upload(f"{URL}/definition", "x.json", content)
    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


# --- Workflows --------------------------------------------------------------------------------------


def test_workflows_go_in_as_a_list_and_come_out_as_a_map(api: Api, statuses: Statuses) -> None:
    made = designs.protocol(api, shortTitle="A / B")
    path = f"{URL}/{made['id']}/workflows"
    empty = {"cpId": made["id"], "shortTitle": "A / B", "workflows": {}}
    assert api.get(path).json == empty
    view = {"name": "list", "view": None, "ctrl": "x", "data": {"columns": [{"expr": "Participant.ppid"}]}}
    answer = api.put(path, [{"name": "list", "data": {}}, view, {"name": "common"}])
    assert answer.status == statuses.created
    assert answer.json["workflows"]["list"] == view
    patched = api.patch(path, [{"name": "common", "view": "v"}])
    assert patched.status == 200
    assert patched.json["workflows"].keys() == {"list", "common"}
    assert patched.json["workflows"]["common"]["view"] == "v"
    file = api.get(f"{path}-file")
    assert file.headers["Content-Disposition"] == 'attachment;filename="A___B_workflows.json"'
    assert api.put(path, []).json == empty
    restored = api.upload(f"{path}-file", "w.json", file.body)
    assert (restored.status, restored.json) == (200, patched.json)
    assert api.upload(f"{path}-file", "w.json", b"{}").codes == ["INVALID_REQUEST"]
    assert api.put(path, {"name": "x"}).codes == ["INVALID_REQUEST"]
    assert api.put(path, [{}]).codes == ["INVALID_REQUEST"]


def test_workflows_of_the_system_and_of_nobody(api: Api, statuses: Statuses) -> None:
    assert api.get(f"{URL}/-1/workflows").json == {"cpId": None, "shortTitle": None, "workflows": {}}
    unknown = api.get(f"{URL}/999999/workflows")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_NOT_FOUND"])


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    "item",
    [{"name": "x" * 256}, {"name": "x", "data": {"deep": [{"a\0": 1}]}}, {"name": "x", "data": nested(300)}],
)
def test_workflows_that_no_column_can_hold(api: Api, item: dict[str, Any]) -> None:
    for protocol in (designs.protocol(api)["id"], -1):
        answer = api.put(f"{URL}/{protocol}/workflows", json.dumps([item]).encode())
        assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])
    assert api.put(f"{URL}/-1/workflows", [{"name": "x", "data": nested(90)}]).status == 201


def test_a_definition_that_nests_too_deeply_is_refused(api: Api) -> None:
    tree = designs.blood({"id": None})
    for _ in range(300):
        tree = {**designs.blood({"id": None}), "lineage": "Derived", "children": [tree]}
    body = designs.protocol_body(events=[{"eventLabel": "A", "specimenRequirements": [tree]}])
    answer = api.upload(f"{URL}/definition", "cp.json", json.dumps(body).encode())
    assert (answer.status, answer.codes[0]) == (400, "INVALID_REQUEST")


def test_workflows_of_the_system_are_set_by_those_who_manage_them(
    api: Api, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    path = f"{URL}/-1/workflows"
    nobody, manager = as_user(factories.user()), as_user(factories.user(manage_wfs=True))
    refused = nobody.put(path, [{"name": "common"}])
    assert (refused.status, refused.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])
    view = {"name": "cp-list-view", "view": None, "ctrl": None, "data": {"columns": [1]}}
    set_up = manager.put(path, [view])
    assert set_up.status == statuses.created
    assert set_up.json == {"cpId": None, "shortTitle": None, "workflows": {"cp-list-view": view}}
    assert api.patch(path, [{"name": "common"}]).json["workflows"].keys() == {"cp-list-view", "common"}
    file = nobody.get(f"{path}-file")
    assert file.headers["Content-Disposition"] == 'attachment;filename="system_workflows.json"'
    assert api.put(path, []).json["workflows"] == {}
    assert api.upload(f"{path}-file", "w.json", file.body).json["workflows"]["cp-list-view"] == view


def test_a_protocols_workflow_goes_before_the_systems(api: Api) -> None:
    made = designs.protocol(api)
    row = CollectionProtocol.objects.get(pk=made["id"])
    assert workflow_data(row, "participant-list-view") is None
    api.put(f"{URL}/-1/workflows", [{"name": "participant-list-view", "data": {"of": "system"}}])
    assert workflow_data(row, "participant-list-view") == {"of": "system"}
    api.put(f"{URL}/{made['id']}/workflows", [{"name": "participant-list-view", "data": {"of": "protocol"}}])
    row.refresh_from_db()
    assert workflow_data(row, "participant-list-view") == {"of": "protocol"}
    assert workflow_data(None, "participant-list-view") == {"of": "system"}


# --- Versions ---------------------------------------------------------------------------------------


def request(**more: Any) -> PublishDetail:
    return PublishDetail(
        **{"changes": "All", "reason": "First", "reviewers": [UserSummary(email_address="ADMIN@x")], **more}
    )


@pytest.fixture
def reviewer(db: None) -> UserSummary:
    return UserSummary(id=factories.user().pk)


def refused(protocol_id: int, detail: PublishDetail, by: User) -> list[str]:
    with pytest.raises(Refused) as found:
        publish_version(protocol_id, detail, actor_of(by))
    return [problem.code for problem in found.value.problems]


def test_publishing_freezes_the_definition(api: Api, admin: User, reviewer: UserSummary) -> None:
    made = designed(api)
    version = publish_version(made["id"], request(reviewers=[reviewer]), actor_of(admin))
    assert (version.version, version.published_by) == ("v1", admin)
    api.put(f"{URL}/{made['id']}", designs.protocol_body(title="Changed"))
    frozen = PublishedVersion.objects.get().definition
    assert (frozen["title"], frozen["id"]) == ("Original", made["id"])
    assert frozen["events"][0]["specimenRequirements"][0]["children"][0]["code"] == "PL"
    (row,) = versions.published(made["id"], PublishQuery(), actor_of(admin))
    assert (row.changes, row.reason, row.cp_short_title) == (
        "All",
        "First",
        CollectionProtocol.objects.get().short_title,
    )
    assert [user.id for user in row.reviewers or ()] == [reviewer.id]


def test_a_protocol_is_published_again_only_when_its_definition_has_changed(
    api: Api, admin: User, reviewer: UserSummary
) -> None:
    made = designs.protocol(api)
    detail = request(reviewers=[reviewer])

    def draft() -> bool:
        return bool(api.get(f"{URL}/{made['id']}").json["draftMode"])

    assert not draft()
    publish_version(made["id"], detail, actor_of(admin))
    assert not draft()
    assert refused(made["id"], detail, admin) == ["CP_NOT_IN_DRAFT"]
    visit = designs.event(api, made)
    assert draft()
    assert publish_version(made["id"], detail, actor_of(admin)).version == "v2"
    designs.requirement(api, visit)
    assert draft()
    assert publish_version(made["id"], detail, actor_of(admin)).version == "v3"


def test_what_publishing_needs(api: Api, admin: User, reviewer: UserSummary) -> None:
    made = designs.protocol(api)
    assert refused(made["id"], PublishDetail(), admin) == [
        "CP_PUB_CHANGES_REQ", "CP_PUB_REASON_REQ", "CP_PUB_REVIEWERS_REQ",
    ]  # fmt: skip
    assert refused(made["id"], request(), admin) == ["CP_PUB_INVALID_REVIEWERS"]
    assert refused(999999, request(), admin) == ["CP_NOT_FOUND"]
    assert refused(made["id"], request(reviewers=[reviewer]), factories.user()) == ["RBAC_ACCESS_DENIED"]
    assert not PublishedVersion.objects.exists()
