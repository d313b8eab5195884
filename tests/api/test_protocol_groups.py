"""Groups of protocols that are configured together (spec 02 §D2)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol
from tests import designs, factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocol-groups"


def group(api: Api, name: str, *short_titles: str) -> dict[str, Any]:
    answer = api.post(URL, {"name": name, "cps": [{"shortTitle": title} for title in short_titles]})
    assert answer.status in (200, 201), answer.json
    return dict(answer.json)


def titles(found: dict[str, Any]) -> list[str]:
    return [one["shortTitle"] for one in found["cps"]]


def test_a_group_is_made_read_and_replaced(api: Api, statuses: Statuses) -> None:
    one, two, three = (studies.protocol(name) for name in ("ONE", "TWO", "THREE"))
    made = api.post(URL, {"name": " Oncology ", "cps": [{"shortTitle": "two"}, {"id": one.pk}]})
    assert made.status == statuses.created, made.json
    pk = made.json["id"]
    assert made.json.keys() == {"id", "name", "cps", "activityStatus"}
    assert (made.json["name"], made.json["activityStatus"]) == ("Oncology", "Active")
    assert titles(made.json) == ["ONE", "TWO"]
    assert api.get(f"{URL}/{pk}").json == made.json
    replaced = api.put(f"{URL}/{pk}", {"name": "Onco", "cps": [{"id": three.pk}, {"id": two.pk}]})
    assert (replaced.status, titles(replaced.json)) == (statuses.created, ["THREE", "TWO"])
    assert group(api, "Free again", "ONE")
    unknown = api.get(f"{URL}/999999")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_GROUP_NOT_FOUND"])
    assert api.put(f"{URL}/999999", {"name": "x"}).codes == ["CP_GROUP_NOT_FOUND"]


def test_what_a_group_needs(api: Api) -> None:
    studies.protocol("ONE")
    studies.protocol("TWO")
    first = group(api, "First", "ONE")
    assert api.post(URL, {}).codes == ["CP_GROUP_NAME_REQ", "CP_GROUP_CP_REQ"]
    assert api.post(URL, {"name": "FIRST", "cps": [{"shortTitle": "TWO"}]}).codes == ["CP_GROUP_DUP_NAME"]
    assert api.post(URL, {"name": "x", "cps": [{"shortTitle": "NOBODY"}, {"id": 999999}]}).codes == [
        "CP_GROUP_CP_NOT_FOUND",
        "CP_GROUP_CP_NOT_FOUND",
    ]
    assert api.post(URL, {"name": "x", "cps": [{"shortTitle": "ONE"}]}).codes == ["CP_GROUP_CP_IN_OTH_GRPS"]
    assert (
        api.put(f"{URL}/{first['id']}", {"name": "first", "cps": [{"shortTitle": "ONE"}]}).json["name"]
        == "first"
    )


def test_groups_are_listed_by_name(api: Api) -> None:
    for name in ("ONE", "TWO", "THREE"):
        studies.protocol(name)
    group(api, "beta", "ONE", "TWO")
    group(api, "Alpha", "THREE")
    assert [row["name"] for row in api.get(URL).json] == ["Alpha", "beta"]
    assert api.get(f"{URL}?query=ET").json == [{"id": api.get(URL).json[1]["id"], "name": "beta"}]
    assert [row["name"] for row in api.get(f"{URL}?cpShortTitle=three").json] == ["Alpha"]
    assert [row["cpsCount"] for row in api.get(f"{URL}?includeStats=true").json] == [1, 2]
    assert [row["name"] for row in api.get(f"{URL}?startAt=1&maxResults=1").json] == ["beta"]


def test_deleting_frees_name_and_protocols(api: Api, statuses: Statuses) -> None:
    for name in ("ONE", "TWO", "THREE"):
        studies.protocol(name)
    first, second, third = (group(api, name, name) for name in ("ONE", "TWO", "THREE"))
    deleted = api.delete(f"{URL}/{first['id']}?reason=over")
    assert deleted.status == 200
    assert deleted.json["id"] == first["id"] and deleted.json["name"].startswith("ONE_")
    gone = api.delete(f"{URL}?id={second['id']}&id={first['id']}")
    assert (gone.status, gone.codes) == (statuses.not_found, ["CP_GROUP_NOT_FOUND"])
    both = api.delete(f"{URL}?id={second['id']}&id={third['id']}")
    assert [row["id"] for row in both.json] == [second["id"], third["id"]]
    assert api.delete(URL).codes == ["INVALID_REQUEST"]
    assert titles(group(api, "ONE", "ONE", "TWO")) == ["ONE", "TWO"]


def test_workflows_reach_every_protocol_of_the_group_and_those_that_join(
    api: Api, statuses: Statuses
) -> None:
    one, two = (designs.protocol(api, shortTitle=name) for name in ("ONE", "TWO"))
    late = designs.protocol(api, shortTitle="LATE")
    own = [{"name": "own"}]
    for each in (one, late):
        api.put(f"/collection-protocols/{each['id']}/workflows", own)
    made = group(api, "A/B", "ONE", "TWO")
    path = f"{URL}/{made['id']}/workflows"
    assert api.get(path).json == {"groupId": made["id"], "groupName": "A/B", "workflows": {}}
    assert set(api.get(f"/collection-protocols/{one['id']}/workflows").json["workflows"]) == {"own"}

    saved = api.put(path, [{"name": "common", "data": {"x": 1}}])
    assert saved.status == statuses.created
    assert saved.json["workflows"]["common"]["data"] == {"x": 1}
    for each in (one, two):
        assert set(api.get(f"/collection-protocols/{each['id']}/workflows").json["workflows"]) == {"common"}
    file = api.get(f"{path}-file")
    assert file.headers["Content-Disposition"] == 'attachment;filename="A_B_workflows.json"'
    members = [{"shortTitle": name} for name in ("ONE", "TWO", "LATE")]
    api.put(f"{URL}/{made['id']}", {"name": "A/B", "cps": members})
    assert set(api.get(f"/collection-protocols/{late['id']}/workflows").json["workflows"]) == {"common"}
    assert api.put(path, []).json["workflows"] == {}
    assert api.get(f"/collection-protocols/{two['id']}/workflows").json["workflows"] == {}
    assert api.upload(f"{path}-file", "w.json", file.body).json == saved.json
    assert api.upload(f"{path}-file", "w.json", b'{"a":').codes == ["INVALID_REQUEST"]


def test_no_form_can_be_attached_yet(api: Api, statuses: Statuses) -> None:
    studies.protocol("ONE")
    path = f"{URL}/{group(api, 'G', 'ONE')['id']}/forms"
    assert api.get(f"{path}?level=Participant").json == []
    nothing = api.post(path, {"level": "Participant", "forms": []})
    assert (nothing.status, nothing.json) == (statuses.created, {"status": False})
    form = {"formId": 5, "multipleRecords": True}
    assert api.post(path, {"level": "Participant", "forms": [form]}).codes == ["FORMS_NOT_FOUND"]
    assert api.post(path, {"level": "Participant", "forms": [form, form]}).codes == ["CP_GROUP_DUP_FORM"]
    unknown = api.delete(f"{path}?level=Participant&formId=5")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["FORMS_NOT_FOUND"])
    assert api.delete(path).codes == ["INVALID_REQUEST"]


def test_reading_needs_one_protocol_and_changing_all(
    api: Api, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    site, other = factories.site(), factories.site()
    studies.protocol("MINE", at=[site])
    studies.protocol("THEIRS", at=[other])
    studies.protocol("FAR", at=[other])
    person = factories.user()
    factories.grant(person, {"CollectionProtocol": ["Read", "Update"]}, site=site)
    caller = as_user(person)
    mixed, far = group(api, "Mixed", "MINE", "THEIRS"), group(api, "Far", "FAR")

    assert [row["name"] for row in caller.get(URL).json] == ["Mixed"]
    assert titles(caller.get(f"{URL}/{mixed['id']}").json) == ["MINE"]
    hidden = caller.get(f"{URL}/{far['id']}")
    assert (hidden.status, hidden.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    body = {"name": "Mixed", "cps": [{"shortTitle": "MINE"}]}
    path = f"{URL}/{mixed['id']}"
    for refused in (
        caller.put(path, body),
        caller.delete(path),
        caller.put(f"{path}/workflows", []),
        caller.post(f"{path}/forms", {"forms": []}),
        caller.delete(f"{path}/forms?level=Specimen&formId=1"),
        caller.post(URL, {"name": "New", "cps": [{"shortTitle": "THEIRS"}]}),
    ):
        assert (refused.status, refused.codes) == (statuses.forbidden, ["CP_GROUP_CP_UPDATE_REQ"])
    api.put(path, {"name": "Mixed", "cps": [{"shortTitle": "THEIRS"}]})
    assert caller.post(URL, {"name": "Own", "cps": [{"shortTitle": "MINE"}]}).status == statuses.created


def test_a_deleted_protocol_leaves_its_group(api: Api) -> None:
    one = studies.protocol("ONE")
    studies.protocol("TWO")
    made = group(api, "G", "ONE", "TWO")
    assert api.delete(f"/collection-protocols/{one.pk}").status == 200
    assert titles(api.get(f"{URL}/{made['id']}").json) == ["TWO"]
    assert api.get(f"{URL}?includeStats=true").json[0]["cpsCount"] == 1
    assert CollectionProtocol.objects.get(pk=one.pk).group_id == made["id"]
