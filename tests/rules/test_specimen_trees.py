"""Whatever is done to a tree of specimens, in whatever order: quantities, lineage and statuses stay sound."""

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specimens.protocol.models import SpecimenTypeUnit
from specimens.protocol.reads import units_for
from tests import specimen_cast as cast
from tests import studies
from tests.client import Api

AGAIN = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
LIKE_PARENT = ("specimenClass", "type", "anatomicSite", "laterality", "pathology", "biohazards")

quantities = st.decimals(min_value=0, max_value=50, places=2)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ("aliquot", "aliquot", "derive", "close", "reopen", "delete", "edit", "pend", "collect")
        ),
        st.integers(0, 20),
        quantities,
    ),
    min_size=1,
    max_size=9,
)


class Tree:
    """A tree that is worked on by REST, and what its quantities should come to."""

    def __init__(self, api: Api, visit: Any, initial: Decimal | None) -> None:
        self.api = api
        top = cast.saved(api, visit, initialQty=None if initial is None else str(initial))
        self.root: int = top["id"]
        self.left: dict[int, Decimal | None] = {self.root: initial}

    def nodes(self) -> dict[int, dict[str, Any]]:
        """All specimens that are there, by id; each knows its parent's id."""
        answer = self.api.get(f"/specimens/{self.root}")
        found: dict[int, dict[str, Any]] = {}
        queue = [answer.json] if answer.status == 200 else []
        while queue:
            node = queue.pop()
            if node["id"] is not None:
                found[node["id"]] = node
            queue += node["children"]
        return found

    def do(self, what: str, target: int, quantity: Decimal) -> None:
        """One step; whether it is allowed is the server's business, what it comes to is checked."""
        path = f"/specimens/{target}"
        before = self.nodes()[target]
        if what in ("aliquot", "derive"):
            self._make(what, before, quantity)
        elif what in ("close", "reopen"):
            status = "Closed" if what == "close" else "Active"
            assert self.api.put(f"{path}/status", {"status": status}).status < 300
        elif what == "delete":
            self.api.delete(path)
        elif what == "edit":
            sent = {"anatomicSite": "Blood", "pathology": "Non-Malignant", "comments": str(quantity)}
            assert self.api.put(path, sent).status < 300
        elif what == "pend":
            if self.api.put(path, {"status": "Pending"}).status < 300 and before["status"] == "Collected":
                for pk in [target, *self._below(target)]:
                    self.left[pk] = None  # what was there is gone; how it comes back is not followed here
        else:
            self.api.put(path, {"status": "Collected"})
            self._collected_anew(before)

    def _collected_anew(self, node: dict[str, Any]) -> None:
        """Collecting what was pending collects what is above it, and aliquots are taken from their parents again."""
        if node["status"] == "Collected":
            return
        nodes = self.nodes()
        for pk in (node["id"], *_ancestors(nodes, node["id"])):
            self.left[pk] = None

    def _below(self, target: int) -> list[int]:
        nodes = self.nodes()
        return [pk for pk in nodes if pk != target and target in _ancestors(nodes, pk)]

    def _make(self, what: str, parent: dict[str, Any], quantity: Decimal) -> None:
        body = {"parentId": parent["id"], "initialQty": str(quantity), "lineage": what.title()}
        if what == "derive":
            body |= {"lineage": "Derived", "specimenClass": "Molecular", "type": "DNA"}
            body["label"] = f"D-{parent['id']}-{len(self.left)}"
        answer = self.api.post("/specimens", body)
        if parent["activityStatus"] != "Active":
            assert answer.codes == ["SPECIMEN_PROC_NOT_ALLOWED"]
            return
        assert answer.status < 300, answer.json
        collected = parent["status"] == "Collected"
        self._collected_anew(parent)
        self.left[answer.json["id"]] = quantity if collected else None
        had = self.left[parent["id"]]
        if what == "aliquot" and had:
            self.left[parent["id"]] = max(had - quantity, Decimal(0))


def _ancestors(nodes: dict[int, dict[str, Any]], pk: int) -> list[int]:
    found: list[int] = []
    above = nodes[pk]["parentId"]
    while above is not None:
        found.append(above)
        above = nodes[above]["parentId"]
    return found


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol())


@given(initial=st.none() | quantities, work=steps)
@AGAIN
def test_a_tree_stays_sound_whatever_is_done_to_it(api: Api, visit: Any, initial: Any, work: Any) -> None:
    tree = Tree(api, visit, initial)
    for what, place, quantity in work:
        there = sorted(tree.nodes())
        if not there:
            break
        tree.do(what, there[place % len(there)], quantity)
        nodes = tree.nodes()
        for pk, node in nodes.items():
            available, most = node["availableQty"], node["initialQty"]
            assert available is None or 0 <= available <= (most if most is not None else available)
            expected = tree.left[pk]
            if expected is not None:
                assert available == float(expected)
            for above in _ancestors(nodes, pk):
                assert node["status"] != "Collected" or nodes[above]["status"] == "Collected"
            if node["lineage"] == "Aliquot":
                parent = nodes[node["parentId"]]
                assert {key: node[key] for key in LIKE_PARENT} == {key: parent[key] for key in LIKE_PARENT}
            assert (node["createdOn"] is None) == (node["status"] != "Collected")


@given(amount=st.decimals(min_value=0, max_value=999_999_999, places=8), as_text=st.booleans())
@AGAIN
def test_a_quantity_comes_back_as_it_was_sent(api: Api, visit: Any, amount: Decimal, as_text: bool) -> None:
    sent = str(amount) if as_text else float(amount)
    found = cast.saved(api, visit, initialQty=sent, concentration=sent)

    assert float(found["initialQty"]) == float(found["availableQty"]) == float(amount)
    assert float(found["concentration"]) == float(amount)
    assert isinstance(found["initialQty"], int | float)


def test_the_statement_and_the_rule_agree_on_units(api: Api, visit: Any) -> None:
    found = cast.saved(api, visit)
    cp = visit.protocol_id
    scopes = list(product((cp, None), ("Plasma", None)))
    for chosen in product((False, True), repeat=4):
        SpecimenTypeUnit.objects.all().delete()
        for number, (is_there, (protocol_id, kind)) in enumerate(zip(chosen, scopes, strict=True)):
            if is_there:
                SpecimenTypeUnit.objects.create(
                    protocol_id=protocol_id,
                    specimen_class="Fluid",
                    type=kind,
                    quantity_unit=f"q{number}",
                    concentration_unit=f"c{number}" if number % 2 else None,
                )
        [told] = api.get(f"/specimens?id={found['id']}").json
        rule = units_for({cp: [("Fluid", "Plasma")]})[cp, "Fluid", "Plasma"]
        assert (told["quantityUnit"], told["concentrationUnit"]) == rule
