"""Roles, who holds them, and what they allow (spec 01 part D)."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions_auth.actor import actor_of
from sessions_auth.models import Role, SubjectRole, User
from sites.models import Site
from specimens.protocol.models import CollectionProtocol, ProtocolSite
from tests import factories
from tests.client import Answer, Api, Statuses

pytestmark = pytest.mark.django_db

AsUser = Callable[[User], Api]
READERS = {
    "name": "Readers",
    "description": "They read",
    "acl": [
        {"resourceName": "Specimen", "operations": [{"operationName": "Read"}]},
        {
            "resourceName": "Visit",
            "operations": [{"operationName": "Read"}, {"operationName": "Export Import"}],
        },
    ],
}


def protocol(*sites: Site) -> CollectionProtocol:
    n = factories.number()
    found = CollectionProtocol.objects.create(
        title=f"Cohort {n}", short_title=f"CO-{n}", principal_investigator_id=2
    )
    for site in sites:
        ProtocolSite.objects.create(protocol=found, site=site)
    return found


def assign(api: Api, user: User, role: str | None = "Technician", **scope: Any) -> Answer:
    return api.post(f"/rbac/subjects/{user.pk}/roles", {"role": {"name": role}, **scope})


def test_the_default_roles_are_there(api: Api) -> None:
    names = [role["name"] for role in api.get("/rbac/roles").json]

    assert names == sorted(names)
    assert {
        "Administrator",
        "Coordinator",
        "Technician",
        "Researcher",
        "Clinician",
        "Consent Collector",
    } <= set(names)
    assert [role["name"] for role in api.get("/rbac/roles?name=TECH").json] == ["Technician"]
    assert api.get("/rbac/roles/count?name=tech").json == {"count": 1}


def test_technicians_read_participants_without_identifiers(api: Api) -> None:
    role = api.get("/rbac/roles?name=Technician").json[0]
    rights = {
        entry["resourceName"]: [op["operationName"] for op in entry["operations"]] for entry in role["acl"]
    }

    assert rights["ParticipantDeid"] == ["Read"]
    assert rights["Specimen"] == ["Create", "Read", "Update", "Delete", "Export Import"]
    assert "ParticipantPhi" not in rights


def test_a_role_is_created_replaced_and_removed(api: Api, statuses: Statuses) -> None:
    created = api.post("/rbac/roles", READERS)
    path = f"/rbac/roles/{created.json['id']}"

    assert created.status == statuses.created
    assert [entry["resourceName"] for entry in created.json["acl"]] == ["Specimen", "Visit"]
    replaced = api.put(path, {"name": "Readers", "acl": READERS["acl"][:1]})
    assert (replaced.status, len(replaced.json["acl"])) == (statuses.created, 1)
    assert api.delete(path).json["name"] == "Readers"
    gone = api.get(path)
    assert (gone.status, gone.codes) == (statuses.not_found, ["RBAC_ROLE_NOT_FOUND"])


def test_wrong_roles(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    def refuse(**wrong: object) -> list[str]:
        return api.post("/rbac/roles", {**READERS, **wrong}).codes

    assert refuse(name="Technician") == ["RBAC_DUP_ROLE_NAME"]
    assert refuse(name="") == ["RBAC_ROLE_NAME_REQUIRED"]
    assert refuse(acl=[{"resourceName": "Moon"}]) == ["RBAC_RESOURCE_NOT_FOUND"]
    strange = [{"resourceName": "Visit", "operations": [{"operationName": "Fly"}]}]
    assert refuse(acl=strange) == ["RBAC_OPERATION_NOT_FOUND"]
    assert refuse(acl={}) == ["INVALID_REQUEST"]
    denied = as_user(factories.user("INSTITUTE")).post("/rbac/roles", READERS)
    assert (denied.status, denied.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])


def test_a_role_that_somebody_holds_stays(api: Api) -> None:
    assign(api, factories.user())

    assert api.delete(f"/rbac/roles/{Role.objects.get(name='Technician').pk}").codes == [
        "RBAC_REF_ENTITY_FOUND"
    ]


def test_a_role_is_given_changed_and_taken(api: Api, statuses: Statuses) -> None:
    site, user = factories.site(), factories.user()
    cp = protocol(site)

    given = assign(api, user, site={"name": site.name}, collectionProtocol={"shortTitle": cp.short_title})
    path = f"/rbac/subjects/{user.pk}/roles/{given.json['id']}"

    assert given.status == statuses.created
    assert (given.json["site"]["id"], given.json["collectionProtocol"]["id"]) == (site.pk, cp.pk)
    assert (given.json["role"]["name"], given.json["systemRole"]) == ("Technician", False)
    changed = api.put(path, {"role": {"name": "Researcher"}, "site": None})
    assert (changed.status, changed.json["role"]["name"]) == (statuses.created, "Researcher")
    assert changed.json["site"] is changed.json["collectionProtocol"] is None
    assert api.get(f"/rbac/subjects/{user.pk}/roles").json == [changed.json]
    assert api.delete(path).json == changed.json
    assert api.get(f"/rbac/subjects/{user.pk}/roles").json == []
    assert api.delete(path).status == statuses.not_found


def test_wrong_scopes(api: Api, statuses: Statuses) -> None:
    user, here, there = factories.user(), factories.site(), factories.site(of=factories.institute())
    local, foreign = protocol(here), protocol(there)

    def refuse(role: str | None = "Technician", **scope: Any) -> list[str]:
        return assign(api, user, role, **scope).codes

    assert refuse(None) == ["RBAC_ROLE_NAME_REQUIRED"]
    assert refuse("King") == ["RBAC_ROLE_NOT_FOUND"]
    assert refuse(site={"id": 99999999}) == ["SITE_NOT_FOUND"]
    assert refuse(site={"id": there.pk}) == ["RBAC_INV_SITE_USER"]
    assert refuse(collectionProtocol={"title": "Moon"}) == ["CP_NOT_FOUND"]
    assert refuse(collectionProtocol={"id": foreign.pk}) == ["RBAC_INV_CP_USER"]
    other = factories.site()
    assert refuse(site={"id": other.pk}, collectionProtocol={"id": local.pk}) == ["RBAC_INV_CP_SITE"]
    unknown = assign(api, User(pk=99999999))
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["RBAC_SUBJECT_NOT_FOUND"])
    assert not SubjectRole.objects.filter(user=user).exists()


def test_who_may_give_roles(as_user: AsUser) -> None:
    user, foreigner = factories.user(), factories.user(of=factories.institute())
    site, other = factories.site(), factories.site()
    manager = factories.user()
    factories.grant(manager, {"User": ["Update"]}, site=site)
    inside, local = as_user(factories.user("INSTITUTE")), as_user(manager)

    assert assign(inside, user).json["site"] is None
    assert assign(inside, foreigner).codes == ["RBAC_ACCESS_DENIED"]
    given = assign(local, user, site={"id": site.pk}).json
    assert given["site"]["id"] == site.pk
    assert assign(local, user, site={"id": other.pk}).codes == ["RBAC_ACCESS_DENIED"]
    assert assign(local, user).codes == ["RBAC_ACCESS_DENIED"]
    path = f"/rbac/subjects/{user.pk}/roles/{given['id']}"
    assert local.put(path, {"role": {"name": "Researcher"}}).codes == ["RBAC_ACCESS_DENIED"]
    assert as_user(user).delete(path).codes == ["RBAC_ACCESS_DENIED"]
    assert local.delete(path).json["id"] == given["id"]


def test_rights_count_from_the_next_call(api: Api, as_user: AsUser, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 60
    user, site = factories.user(), factories.site()
    session = as_user(user)
    assert session.get("/sites").json == []

    given = assign(api, user, "Administrator", site={"id": site.pk}).json
    assert [row["id"] for row in session.get("/sites").json] == [site.pk]
    api.delete(f"/rbac/subjects/{user.pk}/roles/{given['id']}")
    assert session.get("/sites").json == []


def test_remembered_rights_cost_no_queries(
    api: Api, as_user: AsUser, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.TOKEN_CACHE_SECONDS = 60
    session = as_user(factories.user())
    session.get("/sites/extension-form")

    with django_assert_num_queries(0):
        session.get("/sites/extension-form")


def test_grants_are_resource_operation_site_and_protocol() -> None:
    user, site = factories.user(), factories.site()
    cp = protocol(site)
    factories.grant(user, {"Specimen": ["Read", "Update"]}, site=site, protocol=cp)

    actor = actor_of(user)

    assert {
        (g.operation, g.site_id, g.protocol_id) for g in actor.grants_for("Specimen", "Read", "Update")
    } == {
        ("Read", site.pk, cp.pk),
        ("Update", site.pk, cp.pk),
    }
    assert not actor.has_any("Specimen", "Delete")
    assert actor_of(factories.user("INSTITUTE")).has_any("Specimen", "Delete")


def test_the_vocabulary_can_be_read(api: Api) -> None:
    assert {"name": "ParticipantPhi"} in api.get("/rbac/resources").json
    assert {"name": "Export Import"} in api.get("/rbac/operations").json
    assert {"resourceName": "Visit", "operationName": "Read"} in api.get("/rbac/permissions").json


def test_lists_of_roles_cost_the_same_however_long(api: Api, django_assert_num_queries: Any) -> None:
    user = factories.user()
    for _ in range(4):
        assign(api, user, site={"id": factories.site().pk})

    with django_assert_num_queries(5):  # the user; roles, their rights; sites, their coordinators
        assert len(api.get(f"/rbac/subjects/{user.pk}/roles").json) == 4


def test_coordinators_hold_the_role_administrator_on_their_site(api: Api) -> None:
    user, site = factories.user(), factories.site()

    def held() -> list[tuple[str, int, bool]]:
        roles = api.get(f"/rbac/subjects/{user.pk}/roles").json
        return [(role["role"]["name"], role["site"]["id"], role["systemRole"]) for role in roles]

    api.patch(f"/sites/{site.pk}", {"coordinators": [{"id": user.pk}]})
    assert held() == [("Administrator", site.pk, True)]
    api.patch(f"/sites/{site.pk}", {"address": "1 Pier Road"})
    assert len(held()) == 1
    api.patch(f"/sites/{site.pk}", {"coordinators": []})
    assert held() == []
    api.patch(f"/sites/{site.pk}", {"coordinators": [{"emailAddress": user.email_address}]})
    assert len(held()) == 1
    api.delete(f"/sites/{site.pk}?close=true")
    assert held() == []
