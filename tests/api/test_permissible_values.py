"""Reading pick lists over HTTP (spec 01 §F.1, §F.3)."""

from typing import Any

import pytest

from terminology.models import PermissibleValue
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db


def values(api: Api, query: str, path: str = "") -> list[str]:
    return [row["value"] for row in api.get(f"/permissible-values{path}?{query}").json]


def test_classes_and_types(api: Api) -> None:
    roots = "attribute=specimen_type&includeOnlyRootValue=true"
    assert values(api, roots) == values(api, roots, "/v") == ["Cell", "Fluid", "Molecular", "Tissue"]
    fluids = values(api, "parentAttribute=specimen_type&parentValue=fluid")
    assert (len(fluids), fluids[0]) == (22, "Amniotic Fluid")
    leaves = api.get(
        "/permissible-values?attribute=specimen_type&includeOnlyLeafValue=true&includeParentValue=true"
    ).json
    assert {row["parentValue"] for row in leaves} == {"Cell", "Fluid", "Molecular", "Tissue"}
    assert [row["value"] for row in leaves].count("Not Specified") == 4
    assert api.get(f"/permissible-values/count?{roots}").json == {"count": 4}
    assert (
        values(api, "attribute=specimen_type&parentAttribute=gender&includeOnlyRootValue=true")[0] == "Cell"
    )


def test_filters(api: Api) -> None:
    assert values(api, "attribute=moon") == []
    assert values(api, "attribute=gender&searchString=MALE") == ["Male", "Female"]  # by place of the match
    assert values(api, "attribute=gender&value=female&value=Male&searchString=unknown") == ["Female", "Male"]
    assert values(api, "attribute=race")[:2] == ["White", "Black or African American"]
    assert values(api, "attribute=race&startAt=1&maxResults=1") == ["Black or African American"]
    PermissibleValue.objects.filter(attribute="gender", value="Unknown").update(
        activity_status="Closed", concept_code="C17998"
    )
    assert "Unknown" not in values(api, "attribute=gender")
    assert "Unknown" in values(api, "attribute=gender&activityStatus=all")
    assert values(api, "attribute=gender&activityStatus=closed") == ["Unknown"]
    assert values(api, "attribute=gender&activityStatus=all&searchString=c17998") == ["Unknown"]


def test_one_value(api: Api, statuses: Statuses) -> None:
    plasma: Any = PermissibleValue.objects.get(attribute="specimen_type", value="Plasma")

    bare = api.get(f"/permissible-values/v/{plasma.pk}").json
    assert bare == {"id": plasma.pk, "value": "Plasma"}
    full = api.get("/permissible-values/v/plasma?attribute=specimen_type&includeProps=true").json
    assert (full["parentValue"], full["parentId"], full["props"]) == ("Fluid", plasma.parent_id, plasma.props)
    assert api.get("/permissible-values/v/Plasma").codes == ["PV_VALUE_REQUIRED"]
    for path in ("/permissible-values/v/99999999", "/permissible-values/v/Moon?attribute=gender"):
        assert (api.get(path).status, api.get(path).codes) == (statuses.not_found, ["PV_NOT_FOUND"])


def test_deleted_values_are_nowhere(api: Api) -> None:
    PermissibleValue.objects.filter(attribute="gender", value="Unknown").update(activity_status="Disabled")

    assert "Unknown" not in values(api, "attribute=gender&activityStatus=all")


def test_lists_need_a_session(anonymous: Api) -> None:
    assert anonymous.get("/permissible-values?attribute=gender").status == 401
