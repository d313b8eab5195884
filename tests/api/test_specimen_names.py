"""Labels, additional labels and barcodes: made, and unique everywhere or by protocol (spec 03 §3.6)."""

import threading
from typing import Any

import pytest
from django.db import connections

from biobank import memory
from biobank.configuration.models import SettingValue
from sessions_auth.tokens import issue
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses

NAMES = {
    "label": ("uniq_spmn_labels_per_cp", "SPECIMEN_DUP_LABEL"),
    "additionalLabel": ("uniq_spmn_addl_labels_per_cp", "SPECIMEN_DUP_ADDL_LABEL"),
    "barcode": ("uniq_spmn_barcodes_per_cp", "SPECIMEN_DUP_BARCODE"),
}


@pytest.fixture
def here(db: None) -> Any:
    return cast.visit(studies.protocol())


@pytest.fixture
def there(db: None) -> Any:
    return cast.visit(studies.protocol())


def switch(api: Api, name: str, *, on: bool = True) -> None:
    sent = {"module": "biospecimen", "name": name, "value": str(on).lower()}
    assert api.put("/config-settings", sent).status < 300


# --- Unique everywhere, or by protocol -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_names_are_unique_everywhere_unless_the_settings_say_otherwise(
    api: Api, here: Any, there: Any, name: str
) -> None:
    setting, code = NAMES[name]
    cast.saved(api, here, **{name: "SAME-1"})
    assert api.post("/specimens", cast.body(there, **{name: "SAME-1"})).codes == [code]

    switch(api, setting)

    cast.saved(api, there, **{name: "SAME-1"})
    assert api.post("/specimens", cast.body(there, **{name: "SAME-1"})).codes == [f"{code}_IN_CP"]
    assert api.post("/specimens", cast.body(here, **{name: "SAME-1"})).codes == [f"{code}_IN_CP"]


@pytest.mark.parametrize("name", NAMES)
def test_two_of_one_request_cannot_share_a_name(api: Api, here: Any, there: Any, name: str) -> None:
    setting, code = NAMES[name]
    pair = [cast.body(here, **{name: "TWIN"}), cast.body(there, **{name: "TWIN"})]
    assert api.post("/specimens/collect", pair).codes == [code]

    switch(api, setting)

    assert len(api.post("/specimens/collect", pair).json) == 2
    again = [cast.body(here, **{name: "TWINS"}), cast.body(here, **{name: "TWINS"})]
    assert api.post("/specimens/collect", again).codes == [f"{code}_IN_CP"]


def test_after_switching_back_new_names_are_unique_everywhere_again(api: Api, here: Any, there: Any) -> None:
    switch(api, "uniq_spmn_labels_per_cp")
    cast.saved(api, here, "OLD")
    switch(api, "uniq_spmn_labels_per_cp", on=False)

    assert api.post("/specimens", cast.body(there, "OLD")).codes == ["SPECIMEN_DUP_LABEL"]


def test_a_specimen_cannot_move_to_a_protocol_where_its_label_is_taken(
    api: Api, here: Any, there: Any
) -> None:
    switch(api, "uniq_spmn_labels_per_cp")
    moving = cast.saved(api, here, "SAME")
    cast.saved(api, there, "SAME")

    answer = api.put(f"/specimens/{moving['id']}", {"visitId": there.pk})

    assert answer.codes == ["SPECIMEN_DUP_LABEL_IN_CP"]


def test_names_of_both_rules_never_meet_in_one_protocol(api: Api, here: Any, there: Any) -> None:
    old = cast.saved(api, here, "SAME", barcode="B", additionalLabel="A")
    for setting, _ in NAMES.values():
        switch(api, setting)
    cast.saved(api, there, "SAME", barcode="B", additionalLabel="A")
    codes = ["SPECIMEN_DUP_LABEL_IN_CP", "SPECIMEN_DUP_ADDL_LABEL_IN_CP", "SPECIMEN_DUP_BARCODE_IN_CP"]

    assert api.put(f"/specimens/{old['id']}", {"visitId": there.pk}).codes == codes
    whole = {**api.get(f"/visits/{here.pk}").json, "cprId": there.registration_id, "cpId": there.protocol_id}
    assert api.put(f"/visits/{here.pk}", whole).codes == codes
    assert api.get(f"/specimens/{old['id']}").json["cpId"] == here.protocol_id


# --- Finding by name -------------------------------------------------------------------------------------


def test_labels_name_specimens_with_their_protocol(
    api: Api, here: Any, there: Any, statuses: Statuses
) -> None:
    switch(api, "uniq_spmn_labels_per_cp")
    cast.saved(api, here, "SAME")
    mine = cast.saved(api, there, "SAME")
    title = there.protocol.short_title

    assert api.put("/specimens", [{"label": "SAME", "comments": "x"}]).codes == ["CP_SHORT_TITLE_REQUIRED"]
    unknown = [{"label": "ELSE", "cpShortTitle": title, "comments": "x"}]
    assert api.put("/specimens", unknown).codes == ["SPECIMEN_NOT_FOUND_IN_CP"]
    [changed] = api.put("/specimens", [{"label": "SAME", "cpShortTitle": title, "comments": "x"}]).json
    assert changed["id"] == mine["id"]

    closing = {"name": "SAME", "status": "Closed"}
    assert api.put("/specimens/status", [closing]).codes == ["CP_SHORT_TITLE_REQUIRED"]
    [closed] = api.put("/specimens/status", [{**closing, "cpShortTitle": title}]).json
    assert closed["id"] == mine["id"]

    assert api.head("/specimens?label=SAME").status == 400
    assert api.head(f"/specimens?label=SAME&cpShortTitle={title}").status == 200
    assert api.head("/specimens?label=SAME&cpShortTitle=Nowhere").status == statuses.not_found


def test_a_parents_label_is_looked_for_in_the_protocol(api: Api, here: Any, there: Any) -> None:
    switch(api, "uniq_spmn_labels_per_cp")
    cast.saved(api, here, "SAME")
    parent = cast.saved(api, there, "SAME")
    child = {"lineage": "Aliquot", "parentLabel": "SAME", "initialQty": 1}

    assert api.post("/specimens", child).codes == ["CP_SHORT_TITLE_REQUIRED"]
    by_title = api.post("/specimens", {**child, "cpShortTitle": there.protocol.short_title}).json
    by_visit = api.post("/specimens", {**child, "visitId": there.pk}).json

    assert by_title["parentId"] == by_visit["parentId"] == parent["id"]
    assert api.post("/specimens", {**child, "cpId": 987654}).codes == ["SPECIMEN_NOT_FOUND_IN_CP"]


def test_equal_labels_of_two_protocols_are_both_listed(api: Api, here: Any, there: Any) -> None:
    switch(api, "uniq_spmn_labels_per_cp")
    ids = [cast.saved(api, visit, "SAME")["id"] for visit in (here, there)]

    assert [one["id"] for one in api.get("/specimens?label=SAME&exactMatch=true").json] == ids
    only = api.get(f"/specimens?label=SAME&exactMatch=true&cpShortTitle={there.protocol.short_title}").json
    assert [one["id"] for one in only] == ids[1:]


# --- Made by a format --------------------------------------------------------------------------------------


def test_additional_labels_are_made_where_the_protocol_says_how(api: Api) -> None:
    at = cast.visit(studies.protocol(additional_label_fmt="X-%SYS_UID%"))

    made, given = cast.saved(api, at), cast.saved(api, at, additionalLabel="MINE")

    assert made["additionalLabel"].startswith("X-")
    assert given["additionalLabel"] == "MINE"
    kept = api.put(f"/specimens/{made['id']}", {"additionalLabel": ""}).json
    assert kept["additionalLabel"] == made["additionalLabel"]


def test_nothing_is_made_for_what_will_not_be_collected(api: Api) -> None:
    at = cast.visit(studies.protocol(additional_label_fmt="X-%SYS_UID%", specimen_barcode_fmt="B-%SYS_UID%"))

    found = cast.saved(api, at, "", status="Missed Collection")

    assert (found["label"], found["additionalLabel"], found["barcode"]) == (None, None, None)


# --- At the same time ----------------------------------------------------------------------------------------


def test_of_two_who_take_a_label_at_once_one_is_refused(committed: None) -> None:
    protocol = studies.protocol()
    visits = [cast.visit(protocol), cast.visit(protocol)]
    users = [factories.user("SUPER"), factories.user("SUPER")]

    assert race(users, visits, "WIDE") == [[]] * 5 + [["SPECIMEN_DUP_LABEL"]] * 5
    SettingValue.objects.create(module="biospecimen", name="uniq_spmn_labels_per_cp", value="true")
    memory.forget(["setting:biospecimen:uniq_spmn_labels_per_cp"])
    assert race(users, visits, "NARROW") == [[]] * 5 + [["SPECIMEN_DUP_LABEL_IN_CP"]] * 5


def race(users: list[Any], visits: list[Any], stem: str) -> list[list[str]]:
    """Both users save five specimens with the same labels, each pair at the same moment; the codes they get."""
    together = threading.Barrier(2)
    codes: list[list[str]] = []

    def take(user: Any, visit: Any) -> None:
        try:
            api = Api(issue(user))
            for turn in range(5):
                together.wait(10)
                answer = api.post("/specimens", cast.body(visit, f"{stem}-{turn}"))
                codes.append(answer.codes if answer.status == 400 else [])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take, args=pair) for pair in zip(users, visits, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(codes)
