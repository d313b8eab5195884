"""Specimens in the admin."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from sessions_auth.models import User
from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api

pytestmark = pytest.mark.django_db
PAGE = "/admin/specimen/specimen/"


@pytest.fixture
def page(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def form(visit: Any, **more: Any) -> dict[str, Any]:
    values = {
        "visit": visit.pk,
        "lineage": "New",
        "label": f"S{factories.number()}",
        "status": "Collected",
        "activity_status": "Active",
        "specimen_class": "Fluid",
        "type": "Plasma",
        "initial_qty": "10",
    }
    return {**values, **more}


def as_shown(response: Any) -> dict[str, Any]:
    """What a browser would send back of an opened form."""
    shown = response.context["adminform"].form
    found: dict[str, Any] = {}
    for bound in shown:
        value = bound.value()
        if hasattr(value, "isoformat"):
            found |= {f"{bound.name}_0": f"{value:%Y-%m-%d}", f"{bound.name}_1": f"{value:%H:%M:%S}"}
        elif value not in (None, ""):
            found[bound.name] = value
    return found


def test_a_label_is_found_by_a_part_of_it_and_its_records_are_linked(page: Client, api: Api) -> None:
    visit = cast.visit(ppid="PPID-1")
    parent = cast.saved(api, visit, "LUNG-77")
    api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1})
    cast.saved(api, visit, "OTHER")

    text = page.get(PAGE, {"q": "ung-7"}).content.decode()

    assert "LUNG-77" in text and "LUNG-77_1" in text and "OTHER" not in text
    assert f"/admin/participant/registration/{visit.registration_id}/change/" in text
    assert f"/admin/visit/visit/{visit.pk}/change/" in text
    assert f"{PAGE}{parent['id']}/change/" in text


def test_a_specimen_shows_the_tree_it_stands_in(page: Client, api: Api) -> None:
    parent = cast.saved(api, cast.visit(), "TOP")
    child = api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1}).json

    text = page.get(f"{PAGE}{child['id']}/change/").content.decode()

    assert f"{PAGE}{parent['id']}/change/" in text and 'aria-current="true"' in text and "TOP_1" in text
    assert (
        "9 of 10" in text
        and "1 of 1" in text
        and "0000" not in text.split('id="panel-tree"')[1].split("</section>")[0]
    )


def test_a_specimen_is_created_through_the_door(page: Client) -> None:
    visit = cast.visit()

    assert page.get(f"{PAGE}add/").status_code == 200
    response = page.post(f"{PAGE}add/", form(visit, label="NEW-1"))

    assert response.status_code == 302, response.context["errors"]
    row = Specimen.objects.get(label="NEW-1")
    assert (row.available_qty, row.received_quality, row.protocol) == (
        Decimal(10),
        "Acceptable",
        visit.protocol,
    )


def test_the_rules_speak_in_the_form(page: Client, api: Api) -> None:
    visit = cast.visit()
    cast.saved(api, visit, "TWICE")

    response = page.post(f"{PAGE}add/", form(visit, label="TWICE"))

    assert "SPECIMEN_DUP_LABEL" in response.content.decode()


def test_only_what_was_edited_is_changed(page: Client, api: Api) -> None:
    created = cast.saved(
        api, cast.visit(), biohazards=["Toxic"], receivedEvent={"receivedQuality": "Clotted"}
    )
    before = api.get(f"/specimens/{created['id']}").json
    opened = page.get(f"{PAGE}{created['id']}/change/")

    response = page.post(f"{PAGE}{created['id']}/change/", as_shown(opened) | {"comments": "edited"})

    assert response.status_code == 302, response.context["errors"]
    assert api.get(f"/specimens/{created['id']}").json == {**before, "comments": "edited"}


def test_the_history_tells_who_and_how(page: Client, api: Api) -> None:
    created = cast.saved(api, cast.visit())
    api.put(f"/specimens/{created['id']}", {"comments": "a remark"})

    text = page.get(f"{PAGE}{created['id']}/history/").content.decode()

    assert "a remark" in text and "admin" in text and "rest" in text


def test_people_see_the_specimens_of_their_protocols(api: Api) -> None:
    visit = cast.visit(studies.protocol())
    cast.saved(api, visit, "MINE")
    cast.saved(api, cast.visit(), "THEIRS")
    person = factories.user(of=visit.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"Specimen": ["Read"]}, protocol=visit.protocol)
    client = Client()
    client.force_login(person)

    text = client.get(PAGE).content.decode()

    assert "MINE" in text and "THEIRS" not in text
    assert client.get(f"{PAGE}add/").status_code == 403
