"""Every list costs a fixed number of queries, whatever its size; tests/query_budgets.json says how many at most."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import AuthDomain, Favorite, Notification, Permission, User, UserGroup
from sites.models import Institute
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ProtocolGroup, SpecimenTypeUnit
from terminology.models import PermissibleValue
from tests import factories, specimen_cast, studies
from tests.client import Api

pytestmark = pytest.mark.django_db

BUDGETS: dict[str, int] = json.loads((Path(__file__).parents[1] / "query_budgets.json").read_text())


class World:
    """Records that can be multiplied."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.protocol = studies.protocol("BUDGET")
        self.event = studies.event(self.protocol)
        self.registration = studies.registration(self.protocol)

    def grow(self, rows: int) -> None:
        for _ in range(rows):
            n = factories.number()
            institute = factories.institute()
            factories.site(of=institute, coordinators=[{"id": factories.user(of=institute).pk}])
            protocol = studies.protocol()
            studies.event(self.protocol, f"Event {n}", n)
            group = ProtocolGroup.objects.create(name=f"Group {n}")
            CollectionProtocol.objects.filter(pk=protocol.pk).update(group=group)
            ConsentStatement.objects.create(code=f"C{n}", statement=f"Statement {n}")
            SpecimenTypeUnit.objects.create(protocol=protocol, specimen_class="Fluid", quantity_unit="ml")
            specimen_cast.requirement(self.event, code=f"R{n}")
            studies.registration(self.protocol)
            tube = specimen_cast.saved(self.api, studies.visit(self.registration))
            self._cart(n, tube["id"])
            self._access(n, institute)
            self._query(n, protocol.pk)

    def _cart(self, n: int, tube: int) -> None:
        made = self.api.post("/specimen-lists", {"name": f"Cart {n}", "specimenIds": [tube]})
        assert made.status == 201, made.json
        self.api.put("/specimen-lists/0/specimens", [tube])
        picks = self.api.post("/specimen-lists/0/pick-lists", {"name": f"Round {n}"})
        assert picks.status == 201, picks.json
        folder = self.api.post("/specimen-list-folders", {"name": f"F {n}", "cartIds": [made.json["id"]]})
        assert folder.status == 201, folder.json

    def _access(self, n: int, institute: Institute) -> None:
        """What belongs to users, rights and pick lists."""
        member = factories.user(of=institute)
        UserGroup.objects.create(name=f"Group {n}", description="Some", institute=institute).users.add(member)
        Notification.objects.create(user_id=2, message=f"Message {n}")
        Favorite.objects.create(user_id=2, title=f"Page {n}", view_url=f"page/{n}")
        AuthDomain.objects.create(name=f"domain {n}", auth_type="ldap")
        Permission.objects.create(resource=f"Resource {n}", operation="Read")
        administrator = User.objects.get(pk=2)
        factories.grant(administrator, {"Visit": ["Read"]}, site=factories.site(of=institute))
        above = PermissibleValue.objects.create(attribute="cohort", value=f"Cohorts {n}")
        PermissibleValue.objects.create(attribute="cohort", value=f"Cohort {n}", parent=above)

    def _query(self, n: int, protocol: int) -> None:
        body = {
            "title": f"Query {n}",
            "cpId": protocol,
            "selectList": ["Participant.ppid"],
            "filters": [{"id": 1, "field": "Participant.ppid", "op": "EXISTS"}],
            "queryExpression": [{"nodeType": "FILTER", "value": 1}],
        }
        made = self.api.post("/saved-queries", body)
        assert made.status == 201, made.json
        job = {
            "name": f"Job {n}",
            "type": "QUERY",
            "savedQuery": {"id": made.json["id"]},
            "repeatSchedule": "ONDEMAND",
        }
        assert self.api.post("/scheduled-jobs", job).status == 201

    def ask(self, call: str) -> Any:
        """The answer to a budget's key, such as `GET /visits?cprId={registration}`."""
        method, path = call.split(" ", 1)
        path = path.format(protocol=self.protocol.pk, event=self.event.pk, registration=self.registration.pk)
        if method == "GET":
            return self.api.get(path)
        return self.api.post(path, {"cpId": self.protocol.pk})


@pytest.fixture
def world(api: Api) -> World:
    return World(api)


def test_no_list_asks_more_for_more_rows_nor_more_than_its_budget(world: World) -> None:
    world.grow(2)
    few = {call: _measure(world, call) for call in BUDGETS}
    world.grow(4)
    many = {call: _measure(world, call) for call in BUDGETS}

    grew = [call for call in BUDGETS if many[call][1] <= few[call][1]]
    assert grew == [], "these lists did not show the new rows, so their budget proves nothing"
    assert {call: queries for call, (queries, _) in many.items()} == {
        call: queries for call, (queries, _) in few.items()
    }
    over = {call: queries for call, (queries, _) in many.items() if queries > BUDGETS[call]}
    assert over == {}


def _measure(world: World, call: str) -> tuple[int, int]:
    """How many queries a list costs, and how many rows it answers."""
    world.ask(call)  # caches are warm: signing in is not what is measured
    with CaptureQueriesContext(connection) as captured:
        answer = world.ask(call)
    assert answer.status == 200, answer.json
    rows = answer.json["queries"] if isinstance(answer.json, dict) else answer.json
    return len(captured), len(rows)
