"""Pick lists through their door: what may be on them, what may leave them (spec 01 part F)."""

from typing import Any

import pytest

from biobank.access import Actor
from biobank.batch.door import Change
from biobank.wire.errors import Refused
from terminology.detail import PvWish
from terminology.models import PermissibleValue
from terminology.writes import VALUES
from tests import factories, specimen_cast, studies
from tests.client import Api

pytestmark = pytest.mark.django_db


def write(pk: int | None = None, actor: Actor = factories.SYSTEM, **wish: Any) -> int:
    return VALUES.write_one(PvWish(**wish), actor, pk)


def refused(pk: int | None = None, actor: Actor = factories.SYSTEM, **wish: Any) -> list[str]:
    with pytest.raises(Refused) as caught:
        write(pk, actor, **wish)
    return [problem.code for problem in caught.value.problems]


def the(attribute: str, value: str) -> PermissibleValue:
    return PermissibleValue.objects.get(attribute=attribute, value=value)


def wish_of(row: PermissibleValue, **more: Any) -> dict[str, Any]:
    kept = {"attribute": row.attribute, "value": row.value, "parent_id": row.parent_id}
    return {
        **kept,
        "concept_code": row.concept_code,
        "sort_order": row.sort_order,
        "props": row.props,
        **more,
    }


def test_a_list_of_ones_own_has_two_levels(api: Api) -> None:
    region = write(attribute="freezer_room", value="Basement", sort_order=1)
    write(attribute="freezer_room", value="Left corner", parent_value="basement", props={"door": "2"})

    found = api.get("/permissible-values?parentAttribute=freezer_room&parentValue=Basement&includeProps=true")

    assert [(row["value"], row["props"]) for row in found.json] == [("Left corner", {"door": "2"})]
    leaf = api.get(
        "/permissible-values?attribute=freezer_room&includeOnlyLeafValue=true&includeParentValue=true"
    )
    assert [(row["value"], row["parentId"]) for row in leaf.json] == [("Left corner", region)]


def test_wrong_values() -> None:
    write(attribute="freezer_room", value="Basement")

    assert refused(value="x") == ["PV_ATTR_NAME_REQUIRED"]
    assert refused(attribute="freezer_room") == ["PV_VALUE_REQUIRED"]
    assert refused(attribute="freezer_room", value="BASEMENT") == ["PV_DUP_VALUE"]
    assert refused(attribute="freezer_room", value="x", parent_value="Attic") == ["PV_PARENT_ATTR_NOT_FOUND"]
    assert refused(attribute="freezer_room", value="x", parent_id=99999999) == ["PV_PARENT_ATTR_NOT_FOUND"]
    assert refused(attribute="freezer_room", value="x" * 256) == ["COMMON_VALUE_TOO_LONG"]
    assert refused(attribute="freezer_room", value="x", activity_status="?") == ["ACTIVITY_STATUS_INVALID"]
    assert refused(attribute="freezer_room", value="x", props={"a": 1}) == ["COMMON_INVALID_INPUT"]
    assert refused(99999999, attribute="freezer_room", value="x") == ["PV_NOT_FOUND"]
    local = Actor(2, "local", "INSTITUTE", 1)
    assert refused(None, local, attribute="freezer_room", value="x") == ["RBAC_ADMIN_RIGHTS_REQUIRED"]


def test_rows_of_a_batch_see_each_other() -> None:
    twice = [Change(PvWish(attribute="freezer_room", value=value)) for value in ("Attic", "attic")]

    outcomes = VALUES.write_each(twice, factories.SYSTEM)

    assert [outcome.ok for outcome in outcomes] == [True, False]


def test_a_value_cannot_stand_below_itself() -> None:
    top = write(attribute="freezer_room", value="Basement")
    below = write(attribute="freezer_room", value="Corner", parent_id=top)

    assert refused(top, attribute="freezer_room", value="Basement", parent_id=below) == [
        "PV_PARENT_ATTR_NOT_FOUND"
    ]
    assert refused(top, attribute="freezer_room", value="Basement", parent_id=top) == [
        "PV_PARENT_ATTR_NOT_FOUND"
    ]


def test_values_that_records_hold_can_be_closed_but_not_renamed_or_deleted() -> None:
    visit = specimen_cast.visit(cohort=None, clinical_diagnoses=["Carcinoma of test"])
    person = visit.registration.participant
    person.gender, person.races = "Female", ["Asian"]
    person.save()
    factories.site()
    diagnosis = write(attribute="clinical_diagnosis", value="Carcinoma of test")
    used = [the("gender", "Female"), the("race", "Asian"), the("site_type", "Collection Site")]

    for row in [*used, PermissibleValue.objects.get(pk=diagnosis)]:
        assert refused(row.pk, **wish_of(row, activity_status="Disabled")) == ["PV_IN_USE"], row
        assert refused(row.pk, **wish_of(row, value=f"{row.value}?")) == ["PV_IN_USE"], row
        write(row.pk, **wish_of(row, activity_status="Closed", sort_order=77))


def test_types_are_used_below_their_class_only(api: Api) -> None:
    at = studies.visit(studies.registration(studies.protocol()))
    specimen_cast.saved(api, at, type="Not Specified")
    rows = PermissibleValue.objects.filter(attribute="specimen_type", value="Not Specified")
    fluid, tissue = (rows.get(parent__value=name) for name in ("Fluid", "Tissue"))

    assert refused(fluid.pk, **wish_of(fluid, activity_status="Disabled")) == ["PV_IN_USE"]
    assert refused(fluid.parent_id, **wish_of(fluid.parent, value="Liquid")) == ["PV_IN_USE"]  # type: ignore[arg-type]
    write(tissue.pk, **wish_of(tissue, activity_status="Disabled"))
    tissue.refresh_from_db()
    assert tissue.value.startswith("Not Specified_")


def test_a_deleted_value_frees_its_text(api: Api) -> None:
    pk = write(attribute="freezer_room", value="Attic")

    write(pk, attribute="freezer_room", value="Attic", activity_status="Disabled")

    assert api.get("/permissible-values?attribute=freezer_room").json == []
    assert api.get(f"/permissible-values/v/{pk}").codes == ["PV_NOT_FOUND"]
    write(attribute="freezer_room", value="Attic")
