"""Queries narrowed to a group of protocols (spec 05 §3.9)."""

from collections.abc import Callable
from typing import Any

from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses
from tests.queries.conftest import Biobank

AQL = "select Participant.ppid where Participant.ppid exists"


def group(api: Api, name: str, *short_titles: str) -> int:
    made = api.post(
        "/collection-protocol-groups", {"name": name, "cps": [{"shortTitle": one} for one in short_titles]}
    )
    assert made.status == 201, made.json
    return int(made.json["id"])


def ppids(api: Api, **narrowed: Any) -> set[str]:
    answer = api.post("/query", {"aql": AQL, **narrowed})
    assert answer.status == 200, answer.json
    return {row[0] for row in answer.json["rows"]}


def test_a_group_narrows_a_query_to_its_protocols(api: Api, biobank: Biobank) -> None:
    everybody = ppids(api, cpId=-1)
    lungs = ppids(api, cpId=biobank.lung.pk)
    assert set() < lungs < everybody

    one = group(api, "One", "LUNG")
    assert ppids(api, cpGroupId=one) == lungs == ppids(api, cpGroupId=one, cpId=biobank.lung.pk)
    api.put(
        f"/collection-protocol-groups/{one}",
        {"name": "Both", "cps": [{"shortTitle": "LUNG"}, {"shortTitle": "SKIN"}]},
    )
    assert ppids(api, cpGroupId=one) == everybody == ppids(api, cpGroupId=-1)


def test_groups_that_do_not_fit_are_refused(api: Api, biobank: Biobank, statuses: Statuses) -> None:
    only = api.post("/collection-protocol-groups", {"name": "L", "cps": [{"shortTitle": "LUNG"}]}).json["id"]
    outside = api.post("/query", {"aql": AQL, "cpGroupId": only, "cpId": biobank.skin.pk})
    assert (outside.status, outside.codes) == (400, ["CP_GROUP_CP_NOT_IN_GRP"])
    unknown = api.post("/query", {"aql": AQL, "cpGroupId": 999999})
    assert unknown.codes == ["CP_GROUP_NOT_FOUND"]


def test_a_group_reaches_no_further_than_the_caller(
    api: Api, biobank: Biobank, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    rights = {"ParticipantDeid": ["Read"], "Query": ["Read"]}
    factories.grant(biobank.reader, rights, protocol=biobank.lung)
    reader = as_user(biobank.reader)
    made = api.post(
        "/collection-protocol-groups", {"name": "G", "cps": [{"shortTitle": "LUNG"}, {"shortTitle": "SKIN"}]}
    ).json["id"]
    assert ppids(reader, cpGroupId=made) == ppids(api, cpId=biobank.lung.pk)

    api.put(f"/collection-protocol-groups/{made}", {"name": "G", "cps": [{"shortTitle": "SKIN"}]})
    nothing = reader.post("/query", {"aql": AQL, "cpGroupId": made})
    assert (nothing.status, nothing.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
