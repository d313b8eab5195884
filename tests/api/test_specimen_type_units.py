"""What specimens are counted in (spec 02 §D3)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import User
from specimens.protocol.models import SpecimenTypeUnit
from specimens.protocol.reads import Units, units_for
from tests import designs, factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/specimen-type-units"
PLASMA = {"specimenClass": "Fluid", "type": "Plasma", "quantityUnit": "ml"}


def test_units_are_given_replaced_and_removed_for_good(api: Api, statuses: Statuses) -> None:
    of = designs.protocol(api, shortTitle="BTC")
    made = api.post(URL, {**PLASMA, "cpShortTitle": "btc", "type": "plasma"})
    assert made.status == statuses.created, made.json
    pk = made.json["id"]
    assert made.json == {
        "id": pk,
        "cpShortTitle": "BTC",
        "specimenClass": "Fluid",
        "type": "Plasma",
        "quantityUnit": "ml",
        "concentrationUnit": None,
    }
    body = {"cpId": of["id"], "specimenClass": "Molecular", "concentrationUnit": "ng/µl"}
    replaced = api.put(f"{URL}/{pk}", body)
    assert replaced.status == statuses.created
    assert replaced.json == {
        **made.json, "specimenClass": "Molecular", "type": None, "quantityUnit": None, "concentrationUnit": "ng/µl",
    }  # fmt: skip
    removed = api.delete(f"{URL}/{pk}")
    assert (removed.status, removed.json) == (200, replaced.json)
    assert not SpecimenTypeUnit.objects.filter(pk=pk).exists()
    for gone in (api.delete(f"{URL}/{pk}"), api.put(f"{URL}/{pk}", PLASMA)):
        assert (gone.status, gone.codes) == (statuses.not_found, ["SPECIMEN_TYPE_UNIT_NOT_FOUND"])


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({"quantityUnit": None}, ["SPECIMEN_TYPE_UNIT_QTY_OR_CONC_UNIT_REQ"]),
        ({"specimenClass": " "}, ["SPECIMEN_SPECIMEN_CLASS_REQUIRED"]),
        ({"specimenClass": "Plasma"}, ["SPECIMEN_INVALID_SPECIMEN_CLASS"]),
        ({"type": "DNA"}, ["SPECIMEN_INVALID_SPECIMEN_TYPE"]),
        ({"quantityUnit": "barrel"}, ["SPECIMEN_INVALID_UNIT"]),
        ({"concentrationUnit": "barrel"}, ["SPECIMEN_INVALID_UNIT"]),
        ({"cpShortTitle": "NOBODY"}, ["CP_NOT_FOUND"]),
        ({"cpId": 999999}, ["CP_NOT_FOUND"]),
        (
            {"specimenClass": None, "quantityUnit": None},
            ["SPECIMEN_SPECIMEN_CLASS_REQUIRED", "SPECIMEN_TYPE_UNIT_QTY_OR_CONC_UNIT_REQ"],
        ),
    ],
)
def test_units_that_are_refused(api: Api, sent: dict[str, Any], codes: list[str]) -> None:
    assert api.post(URL, {**PLASMA, **sent}).codes == codes


def test_a_class_or_type_has_units_once_in_each_protocol_and_once_for_all(api: Api) -> None:
    designs.protocol(api, shortTitle="ONE")
    designs.protocol(api, shortTitle="TWO")
    for of in ("ONE", "TWO", None):
        assert api.post(URL, {**PLASMA, "cpShortTitle": of}).status == 201
        assert api.post(URL, {**PLASMA, "cpShortTitle": of}).codes == ["SPECIMEN_TYPE_UNIT_DUP"]
    assert api.post(URL, {**PLASMA, "cpId": -1}).codes == ["SPECIMEN_TYPE_UNIT_DUP"]
    whole_class = api.post(URL, {**PLASMA, "cpShortTitle": "ONE", "type": None}).json
    assert api.put(f"{URL}/{whole_class['id']}", {**PLASMA, "cpShortTitle": "ONE"}).codes == [
        "SPECIMEN_TYPE_UNIT_DUP"
    ]


def test_the_list_filters_pages_and_counts(api: Api) -> None:
    designs.protocol(api, shortTitle="BTC")
    for more in ({}, {"type": "Serum"}, {"specimenClass": "Cell", "type": None}):
        api.post(URL, {**PLASMA, **more, "cpShortTitle": "BTC"})
    assert [row["type"] for row in api.get(f"{URL}?cpShortTitle=btc").json] == ["Plasma", "Serum", None]
    assert [row["type"] for row in api.get(f"{URL}?cpShortTitle=BTC&maxResults=1&startAt=1").json] == [
        "Serum"
    ]
    assert len(api.get(f"{URL}?cpShortTitle=BTC&specimenClass=Fluid").json) == 2
    assert api.get(f"{URL}/count?cpShortTitle=BTC&specimenType=Serum").json == {"count": 1}
    assert {"Fluid", "Tissue"} <= {
        row["specimenClass"] for row in api.get(URL).json if not row["cpShortTitle"]
    }


def test_a_new_server_knows_the_usual_units(api: Api) -> None:
    rows = {(row["specimenClass"], row["type"]): row for row in api.get(URL).json}
    assert rows["Fluid", None]["quantityUnit"] == "ml"
    assert rows["Molecular", None]["concentrationUnit"] == "µg/µl"
    assert rows["Tissue", "Microdissected"]["quantityUnit"] == "cells"


def test_who_may_change_units(api: Api, as_user: Callable[[User], Api], statuses: Statuses) -> None:
    site, person = factories.site(), factories.user()
    designs.protocol(api, shortTitle="MINE", cpSites=[{"siteName": site.name}])
    theirs = designs.protocol(api, shortTitle="THEIRS")
    factories.grant(person, {"CollectionProtocol": ["Read", "Update"]}, site=site)
    caller = as_user(person)

    mine = caller.post(URL, {**PLASMA, "cpShortTitle": "MINE"})
    assert mine.status == statuses.created
    for sent, code in (
        ({"cpShortTitle": "THEIRS"}, "RBAC_ACCESS_DENIED"),
        ({}, "RBAC_ADMIN_RIGHTS_REQUIRED"),
    ):
        refused = caller.post(URL, {**PLASMA, **sent})
        assert (refused.status, refused.codes) == (statuses.forbidden, [code])
        assert caller.put(f"{URL}/{mine.json['id']}", {**PLASMA, **sent}).codes == [code]
    other = api.post(URL, {**PLASMA, "cpId": theirs["id"]}).json
    everywhere = api.post(URL, PLASMA).json
    assert caller.delete(f"{URL}/{other['id']}").codes == ["RBAC_ACCESS_DENIED"]
    assert caller.delete(f"{URL}/{everywhere['id']}").codes == ["RBAC_ADMIN_RIGHTS_REQUIRED"]
    assert caller.put(f"{URL}/{other['id']}", {**PLASMA, "cpShortTitle": "MINE"}).codes == [
        "RBAC_ACCESS_DENIED"
    ]
    assert {other["id"], everywhere["id"]} <= {row["id"] for row in caller.get(URL).json}
    assert caller.delete(f"{URL}/{mine.json['id']}").status == 200


def test_the_nearest_units_hold(db: None) -> None:
    SpecimenTypeUnit.objects.all().delete()
    protocol, other = studies.protocol(), studies.protocol()

    def say(of: Any, kind: str | None, quantity: str | None, concentration: str | None) -> None:
        SpecimenTypeUnit.objects.create(
            protocol=of,
            specimen_class="Fluid",
            type=kind,
            quantity_unit=quantity,
            concentration_unit=concentration,
        )

    say(None, None, "ml", "µg/µl")
    say(None, "Plasma", "µl", None)
    say(protocol, None, "gm", None)
    say(protocol, "Serum", "mg", "ng/µl")
    fluids = [("Fluid", "Plasma"), ("Fluid", "Serum"), ("Fluid", None), ("Cell", "PBMC")]
    with CaptureQueriesContext(connection) as queries:
        found = units_for({protocol.pk: fluids, other.pk: fluids})
    assert len(queries) == 1
    assert [found[protocol.pk, *pair] for pair in fluids] == [
        Units("gm", "µg/µl"), Units("mg", "ng/µl"), Units("gm", "µg/µl"), Units(),
    ]  # fmt: skip
    assert [found[other.pk, *pair] for pair in fluids] == [
        Units("µl", "µg/µl"), Units("ml", "µg/µl"), Units("ml", "µg/µl"), Units(),
    ]  # fmt: skip


def test_requirements_say_their_units(api: Api) -> None:
    visit = designs.event(api, designs.protocol(api, shortTitle="BTC"))
    api.post(URL, {**PLASMA, "cpShortTitle": "BTC", "quantityUnit": "µl"})
    top = designs.requirement(api, visit)
    assert top["quantityUnit"] == "ml"
    assert designs.plasma(api, top)["quantityUnit"] == "µl"


def test_units_travel_with_copies_and_definitions(api: Api) -> None:
    of = designs.protocol(api, title="First", shortTitle="FIRST")
    api.post(URL, {**PLASMA, "cpShortTitle": "FIRST"})
    copied = api.post(f"/collection-protocols/{of['id']}/copy", {"title": "Second", "shortTitle": "SECOND"})
    assert copied.status == 201, copied.json
    definition = api.get(f"/collection-protocols/{of['id']}/definition").json
    assert definition["units"][0]["type"] == "Plasma" and "id" not in definition["units"][0]
    definition |= {"title": "Third", "shortTitle": "THIRD"}
    imported = api.upload("/collection-protocols/definition", "cp.json", orjson.dumps(definition))
    assert imported.status == 200, imported.json
    for name in ("SECOND", "THIRD"):
        assert [row["quantityUnit"] for row in api.get(f"{URL}?cpShortTitle={name}").json] == ["ml"]
    del definition["units"]
    definition |= {"title": "Fourth", "shortTitle": "FOURTH"}
    assert api.upload("/collection-protocols/definition", "cp.json", orjson.dumps(definition)).status == 200


def test_units_of_a_deleted_protocol_are_gone(api: Api) -> None:
    of = designs.protocol(api, shortTitle="GONE")
    made = api.post(URL, {**PLASMA, "cpShortTitle": "GONE"}).json
    assert api.delete(f"/collection-protocols/{of['id']}").status == 200
    assert made["id"] not in [row["id"] for row in api.get(URL).json]
    assert api.delete(f"{URL}/{made['id']}").codes == ["SPECIMEN_TYPE_UNIT_NOT_FOUND"]


def test_properties_of_types_fall_back_to_their_class(api: Api) -> None:
    rows = {
        (row["specimenClass"], row["specimenType"]): row["props"]
        for row in api.get("/specimen-type-props").json
    }
    assert rows["Fluid", "Plasma"] == {
        "abbreviation": "PL", "qtyUnit": "ml", "qtyHtmlDisplayCode": None, "concUnit": None,
        "concHtmlDisplayCode": None,
    }  # fmt: skip
    assert rows["Fluid", None]["abbreviation"] is None
