"""Institutes and sites over HTTP (spec 01 §E.1, §E.2)."""

import pytest

from sites.models import Institute, Site
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db


def site_body(**more: object) -> dict[str, object]:
    return {
        "name": "Lakeside Biobank",
        "instituteName": Institute.objects.order_by("pk")[0].name,
        "type": "Repository",
        **more,
    }


def test_a_site_is_created_and_read_back(api: Api, statuses: Statuses) -> None:
    answer = api.post("/sites/", site_body(code="LB", address="1 Pier Road", coordinators=[]))
    assert answer.status == statuses.created
    assert answer.json["code"] == "LB"
    assert answer.json["activityStatus"] == "Active"
    assert api.get(f"/sites/{answer.json['id']}").json == answer.json


def test_the_stored_spelling_of_the_type_is_returned(api: Api) -> None:
    assert api.post("/sites", site_body(type="  not specified ")).json["type"] == "Not Specified"


def test_every_missing_key_is_named_at_once(api: Api) -> None:
    answer = api.post("/sites", {})
    assert answer.status == 400
    assert set(answer.codes) == {"SITE_NAME_REQUIRED", "SITE_INSTITUTE_REQUIRED", "SITE_TYPE_REQUIRED"}


def test_name_and_code_are_unique_without_regard_to_case(api: Api) -> None:
    factories.site("Northgate", code="NG")
    answer = api.post("/sites", site_body(name="NORTHGATE", code="ng"))
    assert set(answer.codes) == {"SITE_DUP_NAME", "SITE_DUP_CODE"}
    assert Site.objects.filter(name__iexact="northgate").count() == 1


def test_an_unknown_site_is_not_found(api: Api, statuses: Statuses) -> None:
    answer = api.get("/sites/999999")
    assert (answer.status, answer.codes) == (statuses.not_found, ["SITE_NOT_FOUND"])


def test_an_unknown_institute_inside_the_body_is_invalid(api: Api, statuses: Statuses) -> None:
    answer = api.post("/sites", site_body(instituteName="Nowhere"))
    assert (answer.status, answer.codes) == (400, ["INSTITUTE_NOT_FOUND"])


def test_a_path_that_is_no_number_is_an_invalid_request(api: Api) -> None:
    answer = api.get("/sites/abc")
    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


def test_patch_changes_only_what_was_sent(api: Api) -> None:
    made = api.post("/sites", site_body(code="LB", address="1 Pier Road")).json
    after = api.patch(f"/sites/{made['id']}", {"address": None}).json
    assert (after["code"], after["address"], after["name"]) == ("LB", None, "Lakeside Biobank")


def test_put_replaces(api: Api, status: Statuses) -> None:
    made = api.post("/sites", site_body(code="LB", address="1 Pier Road")).json
    answer = api.put(f"/sites/{made['id']}", site_body())
    assert answer.status == status.created
    assert (answer.json["code"], answer.json["address"]) == (None, None)


def test_a_deleted_site_is_renamed_and_its_name_is_free(api: Api, statuses: Statuses) -> None:
    made = api.post("/sites", site_body(code="LB")).json
    gone = api.delete(f"/sites/{made['id']}").json
    assert gone["activityStatus"] == "Disabled"
    assert gone["name"].startswith("Lakeside Biobank_") and gone["code"].startswith("LB_")
    assert api.delete(f"/sites/{made['id']}").status == statuses.not_found
    assert api.post("/sites", site_body(code="LB")).status == statuses.created


def test_a_closed_site_keeps_its_name_and_leaves_the_list(api: Api) -> None:
    made = api.post("/sites", site_body()).json
    assert api.delete(f"/sites/{made['id']}?close=true").json["name"] == "Lakeside Biobank"
    assert made["id"] not in [row["id"] for row in api.get("/sites").json]
    assert api.get(f"/sites/{made['id']}").json["activityStatus"] == "Closed"


def test_the_list_filters_pages_and_counts(api: Api) -> None:
    for name in ("Alpha one", "alpha two", "Beta"):
        factories.site(name)
    assert [row["name"] for row in api.get("/sites?name=ALPHA").json] == ["Alpha one", "alpha two"]
    assert [row["name"] for row in api.get("/sites?name=alpha&startAt=1&maxResults=1").json] == ["alpha two"]
    assert [row["name"] for row in api.get("/sites?name=beta&exactMatch=true").json] == ["Beta"]
    assert api.get("/sites/count?name=alpha").json == {"count": 2}


def test_regular_users_may_not_create_sites_nor_institutes(as_user, statuses: Statuses) -> None:  # type: ignore[no-untyped-def]
    regular = as_user(factories.user())
    answer = regular.post("/sites", site_body())
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_INST_ADMIN_RIGHTS_REQ"])
    answer = regular.post("/institutes", {"name": "New"})
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ADMIN_RIGHTS_REQUIRED"])


def test_an_institute_administrator_rules_over_the_own_institute_only(as_user) -> None:  # type: ignore[no-untyped-def]
    mine, other = factories.institute(), factories.institute()
    administrator = as_user(factories.user("INSTITUTE", of=mine))
    assert administrator.post("/sites", site_body(instituteName=mine.name)).status == 201
    refused = administrator.post("/sites", site_body(name="Elsewhere", instituteName=other.name))
    assert refused.codes == ["RBAC_INST_ADMIN_RIGHTS_REQ"]


def test_institutes_are_listed_without_signing_in(anonymous: Api) -> None:
    made = factories.institute("Lakeside University")
    assert made.pk in [row["id"] for row in anonymous.get("/institutes/").json]
    assert anonymous.get("/institutes/byname?name=lakeside university").json["id"] == made.pk
    assert anonymous.get(f"/institutes/{made.pk}").status == 401


def test_an_institute_with_sites_cannot_be_deleted(api: Api) -> None:
    made = factories.institute()
    factories.site(of=made)
    assert api.get(f"/institutes/{made.pk}/dependent-entities").json == [{"name": "site", "count": 1}]
    assert api.delete(f"/institutes/{made.pk}").codes == ["INSTITUTE_REF_ENTITY_FOUND"]
    assert Institute.objects.get(pk=made.pk).activity_status == "Active"


def test_several_sites_are_deleted_closed_or_changed_at_once(api: Api, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    one, two, three = (factories.site() for _ in range(3))

    def ids(*sites: Site) -> str:
        return "&".join(f"id={site.pk}" for site in sites)

    assert api.delete(f"/sites?{ids(one)}&id=99999999").codes == ["SITE_NOT_FOUND"]
    assert api.get(f"/sites/{one.pk}").json["activityStatus"] == "Active"
    changed = api.put(
        "/sites/bulk-update",
        {
            "ids": [one.pk],
            "names": [two.name.upper()],
            "detail": {"type": "laboratory", "address": "ignored"},
        },
    ).json
    assert [(row["id"], row["type"], row["address"]) for row in changed] == [
        (one.pk, "Laboratory", None),
        (two.pk, "Laboratory", None),
    ]
    assert api.put("/sites/bulk-update", {"names": ["Nowhere"]}).codes == ["SITE_NOT_FOUND"]
    wrong = {"ids": [one.pk, two.pk], "detail": {"type": "Moon base"}}
    assert api.put("/sites/bulk-update", wrong).codes == ["SITE_INVALID_TYPE"] * 2
    closed = api.delete(f"/sites?{ids(one, two, one)}&close=true").json
    assert [row["activityStatus"] for row in closed] == ["Closed", "Closed"]
    many = [factories.site() for _ in range(10)]
    with django_assert_max_num_queries(32):
        gone = api.delete(f"/sites?{ids(three, *many)}").json
    assert {row["activityStatus"] for row in gone} == {"Disabled"}


def test_several_institutes_are_deleted_or_none(api: Api, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    made = [factories.institute() for _ in range(10)]
    ids = "&".join(f"id={row.pk}" for row in made)

    assert api.delete(f"/institutes?{ids}&id=99999999").codes == ["INSTITUTE_NOT_FOUND"]
    with django_assert_max_num_queries(15):
        gone = api.delete(f"/institutes?{ids}").json
    assert [row["id"] for row in gone] == [row.pk for row in made]
    assert {row["activityStatus"] for row in gone} == {"Disabled"}


def test_dependents_are_counted_and_deleted_ones_are_not(api: Api) -> None:
    site = factories.site()
    study = studies.protocol(at=[site])
    event = studies.event(study, default_site=site)
    registration = studies.registration(study)
    registration.participant.medical_records.create(site=site, mrn="7")
    visit = studies.visit(registration, site=site)
    path = f"/sites/{site.pk}/dependent-entities"

    assert {row["name"]: row["count"] for row in api.get(path).json} == {
        "visit": 1,
        "collection_protocol": 1,
        "participant": 1,
        "collection_protocol_event": 1,
    }
    assert api.delete(f"/sites/{site.pk}").codes == ["SITE_REF_ENTITY_FOUND"]
    for record in (visit, event, registration.participant, study):
        type(record).objects.filter(pk=record.pk).update(activity_status="Disabled")
    assert api.get(path).json == []
    assert api.delete(f"/sites/{site.pk}").status == 200


def test_coordinators_are_of_the_institute(api: Api) -> None:
    home = Institute.objects.order_by("pk")[0]
    stranger, local = factories.user(of=factories.institute()), factories.user(of=home)

    assert api.post("/sites", site_body(coordinators=[{"id": 99999999}])).codes == ["USER_NOT_FOUND"]
    assert api.post("/sites", site_body(coordinators=[{"id": stranger.pk}])).codes == [
        "SITE_INVALID_COORDINATOR"
    ]
    made = api.post(
        "/sites", site_body(coordinators=[{"emailAddress": local.email_address.upper()}, {}])
    ).json
    assert [user["id"] for user in made["coordinators"]] == [local.pk]
    assert api.patch(f"/sites/{made['id']}", {"coordinators": []}).json["coordinators"] == []


def test_lists_show_where_a_right_is_held(api: Api, as_user) -> None:  # type: ignore[no-untyped-def]
    home = factories.institute()
    here, there = factories.site(of=home), factories.site(of=home)
    user = factories.user(of=home)
    factories.grant(user, {"Visit": ["Read"]}, site=here)
    factories.grant(user, {"Order": ["Create"]}, site=there)
    session = as_user(user)

    def listed(query: str) -> list[int]:
        return [row["id"] for row in session.get(f"/sites?{query}").json]

    assert listed("") == [here.pk, there.pk]
    assert listed("resource=Visit&operation=Read") == [here.pk]
    assert listed("resource=Visit&operation=Update") == []
    assert factories.site().pk in listed("listAll=true")
    assert session.get("/sites?resource=Moon&operation=Fly").codes == [
        "RBAC_RESOURCE_NOT_FOUND",
        "RBAC_OPERATION_NOT_FOUND",
    ]
    assert session.get(f"/sites/{factories.site().pk}").codes == ["RBAC_ACCESS_DENIED"]
    api.post("/rbac/resources", {"name": "Moon"})
    assert listed("resource=Moon&operation=Read") == []


def test_a_site_that_moves_leaves_the_old_institutes_people(api: Api, as_user) -> None:  # type: ignore[no-untyped-def]
    old, new = factories.institute(), factories.institute()
    site = factories.site(of=old)
    user = factories.user(of=old, primary_site=site)
    factories.grant(user, {"Specimen": ["Read"]}, site=site)

    api.patch(f"/sites/{site.pk}", {"instituteName": new.name})

    assert api.get(f"/rbac/subjects/{user.pk}/roles").json == []
    assert "primarySite" not in api.get(f"/users/{user.pk}").json


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"activityStatus": "Sleepy"}, "ACTIVITY_STATUS_INVALID"),
        ({"code": "x" * 51}, "COMMON_VALUE_TOO_LONG"),
        ({"type": "Moon base"}, "SITE_INVALID_TYPE"),
    ],
)
def test_wrong_sites(api: Api, wrong: dict[str, object], code: str) -> None:
    assert api.post("/sites", site_body(**wrong)).codes == [code]


def test_institutes_are_created_renamed_and_refused(api: Api, anonymous: Api, statuses: Statuses) -> None:
    made = api.post("/institutes", {"name": " Lakeside University "})
    assert (made.status, set(made.json)) == (statuses.created, {"id", "name", "activityStatus", "usersCount"})
    path = f"/institutes/{made.json['id']}"
    assert api.put(path, {"name": "Hillside University"}).json["name"] == "Hillside University"
    assert api.post("/institutes", {"name": "HILLSIDE university"}).codes == ["INSTITUTE_DUP_NAME"]
    assert api.post("/institutes", {"name": ""}).codes == ["INSTITUTE_NAME_REQUIRED"]
    assert api.post("/institutes", {"name": "x", "activityStatus": "?"}).codes == ["ACTIVITY_STATUS_INVALID"]
    for answer in (api.get("/institutes/999999"), anonymous.get("/institutes/byname?name=Moon")):
        assert (answer.status, answer.codes) == (statuses.not_found, ["INSTITUTE_NOT_FOUND"])
    assert anonymous.get("/institutes/sites").codes == ["INSTITUTE_NAME_REQUIRED"]
    site = factories.site(of=Institute.objects.get(pk=made.json["id"]))
    found = anonymous.get(f"/institutes/sites?name=hillside university&siteName={site.name[:3]}").json
    assert [row["id"] for row in found] == [site.pk]
    assert api.get("/institutes?name=hillside&includeStats=true").json[0]["usersCount"] == 0
    assert api.get("/institutes/count?name=hillside").json == {"count": 1}


def test_history_tells_who_wrote_and_through_which_door(api: Api, admin) -> None:  # type: ignore[no-untyped-def]
    made = api.post("/sites", site_body()).json
    api.patch(f"/sites/{made['id']}", {"address": "2 Pier Road"})
    rows = list(Site.objects.get(pk=made["id"]).history.order_by("pgh_id"))  # type: ignore[attr-defined]
    assert [row.pgh_label for row in rows] == ["insert", "update"]
    assert rows[1].address == "2 Pier Road"
    assert rows[0].pgh_context.metadata["login"] == "admin" and rows[0].pgh_context.metadata["via"] == "rest"
