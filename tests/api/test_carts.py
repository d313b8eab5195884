"""Carts: lists of specimens that people keep and share (spec 03 §4.3)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import User, UserGroup
from specimens.cart import tasks
from specimens.cart.models import Cart
from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
AsUser = Callable[[User], Api]


def made(api: Api, name: str | None = None, **more: Any) -> Any:
    """A new cart; the answer's JSON."""
    answer = api.post("/specimen-lists", {"name": name or f"Cart {factories.number()}", **more})
    assert answer.status in (200, 201), answer.json
    return answer.json


def aliquot(api: Api, parent: Any) -> Any:
    answer = api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1})
    assert answer.status in (200, 201), answer.json
    return answer.json


def ids_in(api: Api, cart: Any, query: str = "") -> list[int]:
    return [one["id"] for one in api.get(f"/specimen-lists/{cart['id']}/specimens{query}").json]


def group(*members: User) -> UserGroup:
    found = UserGroup.objects.create(
        name=f"Group {factories.number()}", description="People", institute=members[0].institute
    )
    found.users.set(members)
    return found


@pytest.fixture
def ana() -> User:
    return factories.user()


@pytest.fixture
def ben() -> User:
    return factories.user()


# --- Creating, reading, changing ---------------------------------------------------------------------------


def test_a_cart_is_created_and_read_back(api: Api, admin: User, statuses: Statuses) -> None:
    tube = cast.saved(api, cast.visit())

    answer = api.post(
        "/specimen-lists", {"name": "For Monday", "description": "d", "specimenIds": [tube["id"]]}
    )

    assert answer.status == statuses.created
    cart = answer.json
    assert {key: cart[key] for key in ("name", "description", "defaultList", "starred", "sendDigestNotifs")} == {
        "name": "For Monday", "description": "d", "defaultList": False, "starred": False, "sendDigestNotifs": False,
    }  # fmt: skip
    assert cart["owner"]["id"] == admin.pk and isinstance(cart["createdOn"], int)
    assert (cart["sharedWith"], cart["sharedWithGroups"], cart["specimenCount"]) == ([], [], 0)
    assert "lastUpdatedOn" not in cart and "specimenIds" not in cart
    assert api.get(f"/specimen-lists/{cart['id']}").json == cart
    assert ids_in(api, cart) == [tube["id"]]


def test_replacing_clears_what_is_not_sent_keeps_the_owner_and_adds_specimens(
    api: Api, admin: User, ana: User, statuses: Statuses
) -> None:
    visit = cast.visit()
    one, two = cast.saved(api, visit), cast.saved(api, visit)
    cart = made(api, description="old", sharedWith=[{"id": ana.pk}], specimenIds=[one["id"]])

    body = {
        "name": "New",
        "owner": {"id": ana.pk},
        "specimenIds": [two["id"], one["id"]],
        "sendDigestNotifs": True,
    }
    answer = api.put(f"/specimen-lists/{cart['id']}", body)

    assert answer.status == statuses.created
    assert "description" not in answer.json
    assert (answer.json["sharedWith"], answer.json["owner"]["id"]) == ([], admin.pk)
    assert answer.json["sendDigestNotifs"] is True
    assert ids_in(api, cart) == [one["id"], two["id"]]


def test_patching_changes_only_the_keys_that_are_sent(api: Api, ana: User, ben: User) -> None:
    cart = made(api, "Kept", description="kept", sharedWith=[{"id": ana.pk}])

    patched = api.patch(
        f"/specimen-lists/{cart['id']}", {"sharedWith": [{"emailAddress": ben.email_address}]}
    )
    assert patched.status == 200
    assert [user["id"] for user in patched.json["sharedWith"]] == [ben.pk]
    assert (patched.json["name"], patched.json["description"]) == ("Kept", "kept")

    cleared = api.patch(f"/specimen-lists/{cart['id']}", {"description": None, "sharedWith": None}).json
    assert "description" not in cleared and cleared["sharedWith"] == []
    assert api.patch(f"/specimen-lists/{cart['id']}", {"name": ""}).codes == ["SPECIMEN_LIST_NAME_REQUIRED"]


def test_a_cart_is_given_away_by_its_owner_only(api: Api, as_user: AsUser, ana: User, ben: User) -> None:
    cart = made(as_user(ana), sharedWith=[{"id": ben.pk}])
    path = f"/specimen-lists/{cart['id']}"

    assert as_user(ben).patch(path, {"owner": {"id": ben.pk}}).codes == ["SPECIMEN_LIST_ACCESS_NOT_ALLOWED"]
    assert as_user(ana).patch(path, {"owner": None}).codes == ["SPECIMEN_LIST_OWNER_REQUIRED"]
    assert as_user(ana).patch(path, {"owner": {"id": 10**9}}).codes == ["SPECIMEN_LIST_OWNER_NOT_FOUND"]
    assert as_user(ana).patch(path, {"owner": {"id": ben.pk}}).json["owner"]["id"] == ben.pk
    mine = as_user(ana).get("/specimen-lists/0").json
    given = as_user(ana).patch("/specimen-lists/0", {"owner": {"id": ben.pk}})
    assert given.codes == ["COMMON_INVALID_INPUT"] and as_user(ana).get("/specimen-lists/0").json == mine


def test_deleting_renames_the_cart_and_frees_its_name(api: Api, statuses: Statuses) -> None:
    cart = made(api, "Short-lived")

    gone = api.delete(f"/specimen-lists/{cart['id']}")

    assert gone.status == 200 and gone.json["name"].startswith("Short-lived_1")
    missing = api.get(f"/specimen-lists/{cart['id']}")
    assert (missing.status, missing.codes) == (statuses.not_found, ["SPECIMEN_LIST_NOT_FOUND"])
    assert made(api, "Short-lived")["id"] != cart["id"]


@pytest.mark.parametrize(
    "body, codes",
    [
        ({}, ["SPECIMEN_LIST_NAME_REQUIRED"]),
        ({"name": "  "}, ["SPECIMEN_LIST_NAME_REQUIRED"]),
        ({"name": "x" * 256}, ["COMMON_VALUE_TOO_LONG"]),
        ({"name": "$$$$user_999"}, ["SPECIMEN_LIST_DUP_NAME"]),
        ({"name": "$$$$USER_999"}, ["SPECIMEN_LIST_DUP_NAME"]),
        ({"name": "a", "specimenIds": [10**9]}, ["SPECIMEN_LIST_INVALID_SPECIMENS"]),
        ({"name": "a", "specimenIds": "1"}, ["INVALID_REQUEST"]),
        ({"name": "a", "sharedWith": [{"id": 10**9}, {}]}, ["SPECIMEN_LIST_INVALID_USERS_LIST"]),
        ({"name": "a", "sharedWithGroups": [{"id": 10**9}]}, ["SPECIMEN_LIST_INVALID_GROUPS_LIST"]),
        (
            {"sharedWith": [{"id": 10**9}], "sharedWithGroups": [{"name": "nobody"}], "specimenIds": [-1]},
            [
                "SPECIMEN_LIST_NAME_REQUIRED", "SPECIMEN_LIST_INVALID_USERS_LIST",
                "SPECIMEN_LIST_INVALID_GROUPS_LIST", "SPECIMEN_LIST_INVALID_SPECIMENS",
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_cart_is_told_at_once(api: Api, body: Any, codes: list[str]) -> None:
    answer = api.post("/specimen-lists", body)

    assert (answer.status, answer.codes) == (400, codes)
    assert not Cart.objects.filter(name__in=["a", "x" * 256]).exists()


def test_names_are_unique_among_all_users(as_user: AsUser, ana: User, ben: User) -> None:
    made(as_user(ana), "Ours")

    assert as_user(ben).post("/specimen-lists", {"name": "ours"}).codes == ["SPECIMEN_LIST_DUP_NAME"]
    mine = made(as_user(ben), "Mine")
    assert as_user(ben).put(f"/specimen-lists/{mine['id']}", {"name": "MINE"}).json["name"] == "MINE"
    assert as_user(ben).patch(f"/specimen-lists/{mine['id']}", {"name": "Ours"}).codes == [
        "SPECIMEN_LIST_DUP_NAME"
    ]


# --- The default cart --------------------------------------------------------------------------------------


def test_cart_zero_is_the_callers_own_and_made_on_demand(as_user: AsUser, ana: User, ben: User) -> None:
    cart = as_user(ana).get("/specimen-lists/0").json

    assert (cart["name"], cart["defaultList"], cart["owner"]["id"]) == (f"$$$$user_{ana.pk}", True, ana.pk)
    assert as_user(ana).get("/specimen-lists/0").json == cart
    assert as_user(ben).get("/specimen-lists/0").json["id"] != cart["id"]
    assert Cart.objects.filter(owner=ana).count() == 1


def test_two_first_requests_at_once_make_one_default_cart(
    as_user: AsUser, ana: User, monkeypatch: Any
) -> None:
    def other_request(actor: Any) -> None:
        Cart.objects.create(name=f"$$$$user_{ana.pk}", owner=ana)

    monkeypatch.setattr(
        "specimens.cart.reads.scopes.stamp", other_request
    )  # after the look, before the insert

    cart = as_user(ana).get("/specimen-lists/0")

    assert (cart.status, cart.json["id"]) == (200, Cart.objects.get(owner=ana).pk)


def test_cart_zero_takes_every_call(api: Api) -> None:
    parent = cast.saved(api, cast.visit())
    child = aliquot(api, parent)

    assert api.put("/specimen-lists/0/specimens", [parent["id"]]).json == {"count": 1}
    assert api.post("/specimen-lists/0/add-child-specimens").json == {"status": "true"}
    assert [one["id"] for one in api.get("/specimen-lists/0/specimens").json] == [parent["id"], child["id"]]
    assert api.get("/specimen-lists/0/specimens-count").json == {"count": 2}
    assert api.post("/specimen-lists/0/labels").json == {"status": True}
    assert api.put("/specimen-lists/0/users", []).json == []
    cart = api.get("/specimen-lists/0").json
    assert api.put("/specimen-lists/0", {"name": cart["name"]}).json["defaultList"] is True


def test_a_deleted_default_cart_is_followed_by_a_new_one(api: Api) -> None:
    first = api.get("/specimen-lists/0").json

    api.delete("/specimen-lists/0")

    assert api.get("/specimen-lists/0").json["id"] != first["id"]


# --- Lists -------------------------------------------------------------------------------------------------


def test_the_list_shows_own_and_shared_carts_and_admins_all(
    api: Api, as_user: AsUser, ana: User, ben: User
) -> None:
    made(as_user(ana), "b of ana")
    made(as_user(ben), "a for ana", sharedWith=[{"id": ana.pk}])
    made(as_user(ben), "c for her group", sharedWithGroups=[{"id": group(ana).pk}])
    made(as_user(ben), "only ben's")

    def names(user: Api, query: str = "") -> list[str]:
        return [cart["name"] for cart in user.get(f"/specimen-lists{query}").json]

    assert names(as_user(ana)) == ["a for ana", "b of ana", "c for her group"]
    assert as_user(ana).get("/specimen-lists/count").json == {"count": 3}
    assert names(as_user(ana), "?name=FOR") == ["a for ana", "c for her group"]
    assert as_user(ana).get("/specimen-lists/count?name=FOR").json == {"count": 2}
    assert names(as_user(ana), "?startAt=1&maxResults=1") == ["b of ana"]
    assert names(as_user(ana), "?startAt=-3&maxResults=0") == names(as_user(ana))
    assert set(names(api)) >= {"a for ana", "b of ana", "c for her group", "only ben's"}


def test_counts_are_told_on_demand_and_leave_deleted_specimens_out(api: Api) -> None:
    visit = cast.visit()
    ids = [cast.saved(api, visit)["id"] for _ in range(3)]
    cart = made(api, "Counted", specimenIds=ids)
    api.delete(f"/specimens/{ids[0]}")

    def row(query: str) -> Any:
        return api.get(f"/specimen-lists?name=Counted{query}").json[0]

    assert row("")["specimenCount"] == 0
    assert row("&includeStats=true")["specimenCount"] == 2
    assert isinstance(row("")["lastUpdatedOn"], int) and "sharedWith" not in row("")
    assert ids_in(api, cart) == ids[1:]


def test_stars_are_everybodys_own_and_may_come_first(as_user: AsUser, ana: User, ben: User) -> None:
    made(as_user(ana), "Star A", sharedWith=[{"id": ben.pk}])
    wanted = made(as_user(ana), "Star B", sharedWith=[{"id": ben.pk}])

    for _ in range(2):
        answer = as_user(ben).post(f"/specimen-lists/{wanted['id']}/labels")
        assert (answer.status, answer.json) == (200, {"status": True})

    listed = as_user(ben).get("/specimen-lists?orderByStarred=true").json
    assert [(cart["name"], cart["starred"]) for cart in listed] == [("Star B", True), ("Star A", False)]
    assert [cart["starred"] for cart in as_user(ana).get("/specimen-lists").json] == [False, False]
    assert as_user(ben).get(f"/specimen-lists/{wanted['id']}").json["starred"] is True
    assert as_user(ben).delete(f"/specimen-lists/{wanted['id']}/labels").json == {"status": True}
    assert as_user(ben).get(f"/specimen-lists/{wanted['id']}").json["starred"] is False


# --- Specimens ---------------------------------------------------------------------------------------------


def test_adding_counts_what_is_new_and_removing_what_was_there(api: Api, statuses: Statuses) -> None:
    visit = cast.visit()
    one, two, three = (cast.saved(api, visit)["id"] for _ in range(3))
    cart = made(api, specimenIds=[one])
    path = f"/specimen-lists/{cart['id']}/specimens"

    added = api.put(path, [one, two, str(three), two])
    assert (added.status, added.json) == (statuses.created, {"count": 2})
    assert ids_in(api, cart) == [one, two, three]
    assert api.put(f"{path}?operation=ADD", [one]).json == {"count": 0}
    assert api.put(f"{path}?operation=REMOVE", [two, three]).json == {"count": 2}
    assert api.put(f"{path}?operation=REMOVE", [two]).json == {"count": 0}
    assert ids_in(api, cart) == [one]
    assert api.put(path, []).json == {"count": 0}


@pytest.mark.parametrize(
    "query, body, code",
    [
        ("", [10**9], "SPECIMEN_LIST_INVALID_SPECIMENS"),
        ("?operation=REMOVE", [10**9], "SPECIMEN_LIST_INVALID_SPECIMENS"),
        ("?operation=TOSS", [], "COMMON_INVALID_INPUT"),
        ("", {"id": 1}, "INVALID_REQUEST"),
        ("", ["one"], "INVALID_REQUEST"),
        ("", [str(2**70)], "INVALID_REQUEST"),
        ("", None, "INVALID_REQUEST"),
    ],
)
def test_bad_changes_of_the_contents_are_refused(api: Api, query: str, body: Any, code: str) -> None:
    answer = api.put(f"/specimen-lists/0/specimens{query}", body)

    assert (answer.status, answer.codes) == (400, [code])


def test_a_thousand_specimens_go_in_and_out_by_a_few_statements(api: Api) -> None:
    visit = cast.visit()
    Specimen.objects.bulk_create(
        Specimen(
            visit=visit, protocol=visit.protocol, specimen_class="Fluid", type="Plasma", label=f"BULK-{n}"
        )
        for n in range(1_000)
    )
    ids = list(Specimen.objects.filter(label__startswith="BULK-").order_by("pk").values_list("pk", flat=True))
    api.get("/specimen-lists/0")

    with CaptureQueriesContext(connection) as asked:
        assert api.put("/specimen-lists/0/specimens", ids).json == {"count": 1_000}
    assert len(asked) < 15
    assert api.put("/specimen-lists/0/specimens", ids).json == {"count": 0}
    assert api.get("/specimen-lists/0/specimens-count").json == {"count": 1_000}
    assert api.put("/specimen-lists/0/specimens?operation=REMOVE", ids).json == {"count": 1_000}


def test_the_contents_are_paged_by_fifty(api: Api) -> None:
    visit = cast.visit()
    Specimen.objects.bulk_create(
        Specimen(
            visit=visit, protocol=visit.protocol, specimen_class="Fluid", type="Plasma", label=f"PAGE-{n}"
        )
        for n in range(60)
    )
    ids = list(Specimen.objects.filter(label__startswith="PAGE-").order_by("pk").values_list("pk", flat=True))
    cart = made(api, specimenIds=ids)

    assert ids_in(api, cart) == ids_in(api, cart, "?maxResults=0") == ids[:50]
    assert ids_in(api, cart, "?startAt=50") == ids[50:]
    assert ids_in(api, cart, "?startAt=2&maxResults=3&includeListCount=true") == ids[2:5]
    assert ids_in(api, cart, "?maxResults=1000") == ids


def test_the_contents_are_filtered(api: Api) -> None:
    here, there = cast.visit(ppid="HERE-1"), cast.visit(ppid="THERE-1")
    blood = cast.saved(api, here, "BLOOD-1", type="Whole Blood", anatomicSite=None)
    plasma = cast.saved(api, there, "PLASMA-1", initialQty=0)
    part = aliquot(api, blood)
    cart = made(api, specimenIds=[blood["id"], plasma["id"], part["id"]])

    for query, wanted in {
        "label=lasma": [plasma],
        f"cpId={here.protocol_id}": [blood, part],
        "ppid=there": [plasma],
        "lineage=Aliquot": [part],
        "type=Plasma": [plasma],
        "anatomicSite=Lung": [],
        "container=Box": [],
        "available=true": [blood, part],
        "noQty=true": [plasma],
    }.items():
        assert ids_in(api, cart, f"?{query}") == [one["id"] for one in wanted], query
        count = api.get(f"/specimen-lists/{cart['id']}/specimens-count?{query}").json
        assert count == {"count": len(wanted)}, query


def test_relatives_stand_together_parents_first(api: Api) -> None:
    visit = cast.visit()
    mother, other = cast.saved(api, visit), cast.saved(api, visit)
    child, sibling = aliquot(api, mother), aliquot(api, mother)
    grandchild = aliquot(api, child)
    order = [grandchild, other, sibling, mother, child]
    cart = made(api, specimenIds=[one["id"] for one in order])

    answer = api.get(f"/specimen-lists/{cart['id']}/specimens-sorted-by-rel")

    assert [one["id"] for one in answer.json] == [
        one["id"] for one in (mother, child, grandchild, sibling, other)
    ]


def test_at_most_250_specimens_are_sorted_by_relationship(api: Api) -> None:
    visit = cast.visit()
    rows = Specimen.objects.bulk_create(
        Specimen(
            visit=visit, protocol=visit.protocol, specimen_class="Fluid", type="Plasma", label=f"REL-{n}"
        )
        for n in range(251)
    )
    cart = made(api, specimenIds=[row.pk for row in rows])
    path = f"/specimen-lists/{cart['id']}"

    assert api.get(f"{path}/specimens-sorted-by-rel").codes == ["SPECIMEN_LIST_EXCEEDS_REL_SORT_SIZE"]
    api.put(f"{path}/specimens?operation=REMOVE", [rows[0].pk])
    assert len(api.get(f"{path}/specimens-sorted-by-rel").json) == 250


def test_all_descendants_are_added(api: Api, statuses: Statuses) -> None:
    visit = cast.visit()
    mother, other = cast.saved(api, visit), cast.saved(api, visit)
    child = aliquot(api, mother)
    grandchild, gone = aliquot(api, child), aliquot(api, child)
    aliquot(api, other)
    api.delete(f"/specimens/{gone['id']}")
    cart = made(api, specimenIds=[mother["id"], grandchild["id"]])

    answer = api.post(f"/specimen-lists/{cart['id']}/add-child-specimens")

    assert (answer.status, answer.json) == (statuses.created, {"status": "true"})
    assert ids_in(api, cart) == [mother["id"], grandchild["id"], child["id"]]


def test_a_cart_shows_only_what_its_reader_may_see(api: Api, as_user: AsUser, ana: User) -> None:
    mine, theirs = cast.visit(studies.protocol(at=[factories.site(of=ana.institute)])), cast.visit()
    factories.grant(ana, {"PrimarySpecimen": ["Read"]}, protocol=mine.protocol)
    tube, secret = cast.saved(api, mine), cast.saved(api, theirs)
    part = aliquot(api, tube)
    cart = made(api, sharedWith=[{"id": ana.pk}], specimenIds=[secret["id"], tube["id"]])
    reader, path = as_user(ana), f"/specimen-lists/{cart['id']}"

    assert ids_in(reader, cart) == [tube["id"]]
    assert reader.get(f"{path}/specimens-count").json == {"count": 1}
    assert [one["id"] for one in reader.get(f"{path}/specimens-sorted-by-rel").json] == [tube["id"]]
    for change in ("ADD", "REMOVE"):
        refused = reader.put(f"{path}/specimens?operation={change}", [tube["id"], secret["id"]])
        assert refused.codes == ["SPECIMEN_LIST_INVALID_SPECIMENS"]
    assert reader.post("/specimen-lists", {"name": "n", "specimenIds": [part["id"]]}).codes == [
        "SPECIMEN_LIST_INVALID_SPECIMENS"
    ]
    reader.post(f"{path}/add-child-specimens")
    assert ids_in(api, cart) == [secret["id"], tube["id"]]


# --- Sharing -----------------------------------------------------------------------------------------------


def test_users_are_set_added_and_removed(
    api: Api, ana: User, ben: User, admin: User, statuses: Statuses
) -> None:
    cart = made(api)
    path = f"/specimen-lists/{cart['id']}/users"

    def share(operation: str, *users: User) -> list[int]:
        answer = api.put(f"{path}{operation}", [user.pk for user in users])
        assert answer.status == statuses.created
        return [user["id"] for user in answer.json]

    assert share("", ana, admin) == [ana.pk]  # the owner needs no share
    assert share("?operation=ADD", ben) == [ana.pk, ben.pk]
    assert share("?operation=REMOVE", ana) == [ben.pk]
    assert share("?operation=UPDATE", ana) == [ana.pk]
    assert api.put(path, [10**9]).codes == ["SPECIMEN_LIST_INVALID_USERS_LIST"]
    assert api.put(f"{path}?operation=GIVE", []).codes == ["COMMON_INVALID_INPUT"]
    assert [user["id"] for user in api.get(f"/specimen-lists/{cart['id']}").json["sharedWith"]] == [ana.pk]


def test_everybody_with_access_may_change_and_delete(as_user: AsUser, ana: User, ben: User) -> None:
    cart = made(as_user(ana), sharedWithGroups=[{"id": group(ben).pk}])
    path = f"/specimen-lists/{cart['id']}"

    assert as_user(ben).patch(path, {"description": "by Ben"}).json["description"] == "by Ben"
    assert as_user(ben).delete(path).status == 200


def test_carts_of_others_are_refused_everywhere(
    as_user: AsUser, ana: User, ben: User, statuses: Statuses
) -> None:
    cart = made(as_user(ana), sharedWithGroups=[{"id": group(ana).pk}])
    stranger, path = as_user(ben), f"/specimen-lists/{cart['id']}"
    attempts = [
        stranger.get(path),
        stranger.put(path, {"name": "Mine now"}),
        stranger.patch(path, {"sharedWith": [{"id": ben.pk}]}),
        stranger.delete(path),
        stranger.get(f"{path}/specimens"),
        stranger.get(f"{path}/specimens-count"),
        stranger.get(f"{path}/specimens-sorted-by-rel"),
        stranger.put(f"{path}/specimens", []),
        stranger.post(f"{path}/add-child-specimens"),
        stranger.put(f"{path}/users", [ben.pk]),
        stranger.post(f"{path}/labels"),
        stranger.delete(f"{path}/labels"),
        stranger.get(f"{path}/pick-lists"),
        stranger.post(f"{path}/pick-lists", {"name": "p"}),
    ]

    assert {(one.status, *one.codes) for one in attempts} == {
        (statuses.forbidden, "SPECIMEN_LIST_ACCESS_NOT_ALLOWED")
    }
    assert as_user(ana).get(path).json == cart
    assert stranger.get("/specimen-lists/count").json == {"count": 0}


def test_carts_that_do_not_exist_are_not_found(api: Api, statuses: Statuses) -> None:
    for path in ("/specimen-lists/999999999", "/specimen-lists/-1", "/specimen-lists/999999999/specimens"):
        answer = api.get(path)
        assert (answer.status, answer.codes) == (statuses.not_found, ["SPECIMEN_LIST_NOT_FOUND"])
    assert api.get("/specimen-lists/x").codes == ["INVALID_REQUEST"]


def test_members_who_left_the_group_lose_access(as_user: AsUser, ana: User, ben: User) -> None:
    team = group(ben)
    cart = made(as_user(ana), sharedWithGroups=[{"name": team.name}])
    assert cart["sharedWithGroups"][0]["id"] == team.pk
    assert as_user(ben).get(f"/specimen-lists/{cart['id']}").status == 200

    team.users.clear()

    assert as_user(ben).get(f"/specimen-lists/{cart['id']}").status == 403


def test_those_whom_it_concerns_are_told_about_sharing(
    as_user: AsUser, ana: User, ben: User, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr("celery.app.base.Celery.send_task", _at_once)
    cat, quiet = factories.user(), factories.user(dnd=True)
    team = group(cat, ana, quiet)

    with django_capture_on_commit_callbacks(execute=True):
        cart = made(as_user(ana), "Tumours", sharedWith=[{"id": ben.pk}], sharedWithGroups=[{"id": team.pk}])
    assert sorted(one.to[0] for one in mail.outbox) == sorted([ben.email_address, cat.email_address])
    assert all("Tumours" in one.subject for one in mail.outbox)

    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        as_user(ana).put(f"/specimen-lists/{cart['id']}/users?operation=REMOVE", [ben.pk])
        as_user(ana).patch(f"/specimen-lists/{cart['id']}", {"description": "no news"})
    assert [(one.to, "no longer" in one.subject) for one in mail.outbox] == [([ben.email_address], True)]


def _at_once(app: Any, name: str, args: Any, **options: Any) -> None:
    """What a worker would do on the message."""
    assert name == tasks.tell.name
    tasks.tell(*args)


def test_sharing_works_while_nobody_can_be_told(
    as_user: AsUser, ana: User, ben: User, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise OSError("the broker is away")

    monkeypatch.setattr("celery.app.base.Celery.send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        cart = made(as_user(ana), sharedWith=[{"id": ben.pk}])

    assert as_user(ben).get(f"/specimen-lists/{cart['id']}").status == 200


# --- Where else carts count ----------------------------------------------------------------------------------


def test_a_search_can_be_narrowed_to_a_cart(api: Api, as_user: AsUser, ana: User) -> None:
    visit = cast.visit()
    one, two = cast.saved(api, visit, "SRCH-1"), cast.saved(api, visit, "SRCH-2")
    cart = made(api, specimenIds=[two["id"]])

    for key in ("listId", "specimenListId"):
        found = api.post("/specimens/search", {"label": "SRCH-", key: cart["id"]}).json
        assert [row["id"] for row in found] == [two["id"]]
        assert api.post("/specimens/search", {key: 0}).json == []
        refused = as_user(ana).post("/specimens/search", {key: cart["id"]})
        assert (refused.status, refused.codes) == (403, ["SPECIMEN_LIST_ACCESS_NOT_ALLOWED"])
        missing = api.post("/specimens/search", {key: 10**9})
        assert (missing.status, missing.codes) == (400, ["SPECIMEN_LIST_NOT_FOUND"])
    api.put("/specimen-lists/0/specimens", [one["id"]])
    assert [row["id"] for row in api.post("/specimens/search", {"listId": 0}).json] == [one["id"]]


def test_queries_tell_the_carts_that_their_reader_may_use(
    api: Api, as_user: AsUser, ana: User, ben: User
) -> None:
    visit = cast.visit(studies.protocol(at=[factories.site(of=ana.institute)]))
    rights = {"Specimen": ["Read"], "Visit": ["Read"], "Query": ["Read"], "CollectionProtocol": ["Read"]}
    factories.grant(ana, {**rights, "ParticipantDeid": ["Read"]}, protocol=visit.protocol)
    tube = cast.saved(api, visit, "QRY-1")
    for name, person, sharing in (
        ("own", ana, {}),
        ("shared", ben, {"sharedWith": [{"id": ana.pk}]}),
        ("of the group", ben, {"sharedWithGroups": [{"id": group(ana).pk}]}),
        ("secret", ben, {}),
    ):
        factories.grant(person, {"Specimen": ["Read"]}, protocol=visit.protocol)
        made(as_user(person), name, specimenIds=[tube["id"]], **sharing)

    def carts(user: Api) -> set[str]:
        aql = 'select Specimen.label, Specimen.specimenCarts.name where Specimen.label = "QRY-1"'
        answer = user.post(
            "/query", {"cpId": -1, "aql": aql, "drivingForm": "Participant", "wideRowMode": "OFF"}
        )
        assert answer.status == 200, answer.json
        return {row[1] for row in answer.json["rows"]}

    assert carts(as_user(ana)) == {"own", "shared", "of the group"}
    assert carts(api) == {"own", "shared", "of the group", "secret"}
