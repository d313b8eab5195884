"""Carts, folders, print rules and print jobs in the admin."""

from typing import Any

import pytest
from django.test import Client

from sessions_auth.models import User, UserGroup
from specimens.cart.models import Cart, CartFolder
from specimens.printing.models import PrintRule
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api

pytestmark = pytest.mark.django_db
CARTS, FOLDERS, RULES, JOBS = (
    "/admin/cart/cart/", "/admin/cart/cartfolder/", "/admin/printing/printrule/", "/admin/printing/printjob/",
)  # fmt: skip


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def page(admin: User) -> Client:
    return signed_in(admin)


def as_shown(response: Any) -> dict[str, Any]:
    """What a browser would send back of an opened form, with the records shown below it."""
    found: dict[str, Any] = {}
    for formset in response.context["inline_admin_formsets"]:
        for bound in formset.formset.management_form:
            found[bound.html_name] = bound.value()
    for bound in response.context["adminform"].form:
        value = bound.value()
        if value not in (None, "", False):
            found[bound.html_name] = value
    return found


def saved(client: Client, path: str, **values: Any) -> Any:
    """Open a form, fill it in, send it."""
    return client.post(path, as_shown(client.get(path)) | values)


def test_a_cart_is_made_shared_and_deleted_through_its_door(page: Client, admin: User) -> None:
    friend = factories.user()
    group = UserGroup.objects.create(name="Friends", description="f", institute=friend.institute)

    answer = saved(
        page, f"{CARTS}add/", name="By hand", shared_with=[friend.pk], shared_with_groups=[group.pk]
    )
    assert answer.status_code == 302, answer.context["errors"]
    row = Cart.objects.get(name="By hand")
    assert (row.owner, row.shared_with.get(), row.shared_with_groups.get()) == (admin, friend, group)

    assert "SPECIMEN_LIST_DUP_NAME" in saved(page, f"{CARTS}add/", name="by HAND").content.decode()
    assert "SPECIMEN_LIST_DUP_NAME" in saved(page, f"{CARTS}add/", name="$$$$user_7").content.decode()
    answer = saved(
        page, f"{CARTS}{row.pk}/change/", name="By hand", description="d", activity_status="Disabled"
    )
    assert answer.status_code == 302, answer.context["errors"]
    row.refresh_from_db()
    assert row.activity_status == "Disabled" and row.name.startswith("By hand_")


def test_a_cart_shows_what_its_reader_may_see(page: Client, api: Api) -> None:
    person = factories.user()
    mine = cast.visit(studies.protocol(at=[factories.site(of=person.institute)]))
    factories.grant(person, {"Specimen": ["Read"]}, protocol=mine.protocol)
    tubes = [cast.saved(api, mine, "SEEN-1"), cast.saved(api, cast.visit(), "UNSEEN-1")]
    shared = api.post(
        "/specimen-lists",
        {"name": "Shared", "specimenIds": [one["id"] for one in tubes], "sharedWith": [{"id": person.pk}]},
    ).json
    api.post("/specimen-lists", {"name": "Private"})
    api.post(f"/specimen-lists/{shared['id']}/pick-lists", {"name": "First round"})
    client = signed_in(person)

    listed = client.get(CARTS).content.decode()
    assert "Shared" in listed and "Private" not in listed
    text = client.get(f"{CARTS}{shared['id']}/change/").content.decode()
    assert "SEEN-1" in text and "UNSEEN-1" not in text and "First round" in text
    assert "UNSEEN-1" in page.get(f"{CARTS}{shared['id']}/change/").content.decode()


def test_a_folder_goes_through_its_door(page: Client, admin: User, api: Api) -> None:
    cart = api.post("/specimen-lists", {"name": "In it"}).json
    assert saved(page, f"{FOLDERS}add/", name="Studies").status_code == 302
    row = CartFolder.objects.get(name="Studies")
    api.put(f"/specimen-list-folders/{row.pk}/carts", [cart["id"]])

    assert "In it" in page.get(f"{FOLDERS}{row.pk}/change/").content.decode()
    assert saved(page, f"{FOLDERS}{row.pk}/change/", name="Others").status_code == 302
    assert api.get(f"/specimen-list-folders/{row.pk}").json["name"] == "Others"
    assert api.get(f"/specimen-list-folders/{row.pk}").json["cartsCount"] == 1
    assert saved(page, f"{FOLDERS}{row.pk}/change/", activity_status="Disabled").status_code == 302
    assert api.get(f"/specimen-list-folders/{row.pk}").status == 404


def test_a_print_rule_is_made_and_used(page: Client, api: Api) -> None:
    study = studies.protocol()
    values = {
        "name": "Study",
        "position": "1",
        "protocol": study.pk,
        "printer": "p1",
        "template": "L: %LABEL%",
    }

    answer = saved(page, f"{RULES}add/", **values, specimen_type="plasma")

    assert answer.status_code == 302, answer.context["errors"]
    assert PrintRule.objects.get(name="Study").specimen_type == "Plasma"
    tube = cast.saved(api, cast.visit(study), "PR-1")
    job = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).json
    assert job["files"][0].startswith("p1_")
    text = page.get(f"{JOBS}{job['id']}/change/").content.decode()
    assert "PR-1" in text and job["files"][0] in text


@pytest.mark.parametrize(
    "values, code",
    [
        ({"template": "L: %NOTHING%"}, "PRINT_RULE_INVALID_TEMPLATE"),
        ({"template": "no columns"}, "PRINT_RULE_INVALID_TEMPLATE"),
        ({"output": "ZPL", "template": "%LABEL%"}, "PRINT_RULE_INVALID_TEMPLATE"),
        ({"output": "ZPL", "template": "^XA%LABEL%^XZ"}, "PRINT_RULE_INVALID_TEMPLATE"),
        ({"specimen_type": "Stone"}, "COMMON_INVALID_INPUT"),
        ({"position": "99999999"}, "COMMON_INVALID_INPUT"),
    ],
)
def test_bad_print_rules_are_refused(page: Client, values: dict[str, Any], code: str) -> None:
    given = {"name": "Bad", "printer": "p1", "template": "L: %LABEL%", **values}

    assert code in saved(page, f"{RULES}add/", **given).content.decode()
    assert not PrintRule.objects.filter(name="Bad").exists()


def test_print_rules_are_written_for_the_protocols_one_may_manage(page: Client) -> None:
    person = factories.user()
    mine = studies.protocol(at=[factories.site(of=person.institute)])
    other = studies.protocol()
    factories.grant(person, {"PrintRule": ["Create", "Read", "Update"]}, protocol=mine)
    client = signed_in(person)
    values = {"printer": "p1", "template": "L: %LABEL%"}

    assert saved(client, f"{RULES}add/", name="Mine", protocol=mine.pk, **values).status_code == 302
    assert "RBAC_ACCESS_DENIED" in saved(client, f"{RULES}add/", name="All", **values).content.decode()
    refused = saved(client, f"{RULES}add/", name="Theirs", protocol=other.pk, **values)
    assert refused.status_code == 200
    assert set(PrintRule.objects.filter(printer="p1").values_list("name", flat=True)) == {"Mine"}
