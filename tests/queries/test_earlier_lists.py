"""List views under the paths of earlier releases answer as those of today."""

from tests.client import Api
from tests.queries.conftest import Biobank

NAME = "participant-list-view"


def test_both_paths_tell_the_same(api: Api, biobank: Biobank) -> None:
    pk = biobank.lung.pk
    today, earlier = f"/collection-protocols/{pk}/list-", "/lists/"
    asked = f"?listName={NAME}"

    page = api.post(f"{earlier}data{asked}&maxResults=10&objectId={pk}", [])
    assert page.status == 200
    assert page.json["rows"] and page.json == api.post(f"{today}detail{asked}&maxResults=10", []).json
    assert api.get(f"{earlier}config{asked}&objectId={pk}").json == api.get(f"{today}config{asked}").json
    assert api.post(f"{earlier}size{asked}&objectId={pk}", []).json == {"size": len(page.json["rows"])}
    values = f"{asked}&expr=Participant.ppid"
    assert (
        api.get(f"{earlier}expression-values{values}&objectId={pk}").json
        == api.get(f"/collection-protocols/{pk}/expression-values{values}").json
        != []
    )


def test_without_an_id_the_list_of_protocols_is_meant(api: Api, biobank: Biobank) -> None:
    listed = api.post("/lists/data?listName=cp-list-view", [])
    assert listed.status == 200 and len(listed.json["rows"]) >= 2
