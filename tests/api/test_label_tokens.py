"""Labels as laboratories see them: templates of a protocol at work, from the PPID to the aliquot (spec 02 part P)."""

from typing import Any

import pytest

from specimens.protocol.models import Event, ProtocolSite
from tests import designs, factories
from tests.client import Api

pytestmark = pytest.mark.django_db


def registered(api: Api, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"cpId": of["id"], "registrationDate": "2024-03-11", "participant": {}, **more}
    answer = api.post("/collection-protocol-registrations", body)
    assert answer.status in (200, 201), answer.json
    return dict(answer.json)


def visited(api: Api, registration: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"cprId": registration["id"], "visitDate": "2024-03-12", "status": "Complete", **more}
    answer = api.post("/visits", body)
    assert answer.status in (200, 201), answer.json
    return dict(answer.json)


def drawn(api: Api, at: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"visitId": at["id"], "specimenClass": "Fluid", "type": "Whole Blood", "initialQty": 10, **more}
    answer = api.post("/specimens", body)
    assert answer.status in (200, 201), answer.json
    return dict(answer.json)


def test_the_usual_set_of_templates(api: Api) -> None:
    of = designs.protocol(
        api, shortTitle="BTC", code="BTC", ppidFmt="%CP_CODE%_%CP_UID(4)%",
        specimenLabelFmt="%PPI%.%SP_TYPE%%PPI_UID%", derivativeLabelFmt="%PPI%.%SP_TYPE%%PSPEC_UID%",
        aliquotLabelFmt="%PSPEC_LABEL%.%PSPEC_UID%",
    )  # fmt: skip
    assert registered(api, of)["ppid"] == "BTC_0001"
    second = registered(api, of)
    assert second["ppid"] == "BTC_0002"
    blood = drawn(api, visited(api, second))
    assert blood["label"] == "BTC_0002.WB1"
    plasma = {"parentId": blood["id"], "lineage": "Derived", "type": "Plasma", "initialQty": 5}
    derived = drawn(api, {"id": None}, **plasma)
    assert derived["label"] == "BTC_0002.PL1"
    part = {"parentId": derived["id"], "lineage": "Aliquot", "type": "Plasma", "initialQty": 1}
    assert [drawn(api, {"id": None}, **part)["label"] for _ in range(2)] == [
        "BTC_0002.PL1.1",
        "BTC_0002.PL1.2",
    ]


def test_where_and_how_a_visit_was(api: Api) -> None:
    lab, ward = factories.site(code="OWN"), factories.site(code="WARD")
    of = designs.protocol(
        api, cpSites=[{"siteName": lab.name, "code": "L"}, {"siteName": ward.name}],
        visitNameFmt="%PPI%.%VISIT_SITE_CODE%.%EVENT_UID(2)%", ppidFmt="%REG_SITE_CODE%P%CP_UID%",
    )  # fmt: skip
    assert ProtocolSite.objects.filter(protocol=of["id"], code="L").exists()
    who = registered(api, of, site=lab.name)
    assert who["ppid"] == "LP1"
    event = Event.objects.get(pk=designs.event(api, of, defaultSite=ward.name)["id"])
    assert visited(api, who, eventId=event.pk, site=lab.name)["name"] == "LP1.L.01"
    assert visited(api, who, eventId=event.pk)["name"] == "LP1.WARD.02"


def test_counters_by_label_and_by_id(api: Api) -> None:
    """Two protocols whose PPIDs are equal share `PPI_UID`, but not `CP_PPI_UID`."""
    labels = []
    for name in ("ONE", "TWO"):
        of = designs.protocol(
            api,
            shortTitle=name,
            labelSequenceKey="LABEL",
            specimenLabelFmt="%PPI%-%PPI_UID%-%CP_PPI_UID%-%VISIT_UID%",
        )
        labels.append(drawn(api, visited(api, registered(api, of, ppid="SAME")))["label"])
    assert labels == ["SAME-1-1-1", "SAME-2-1-1"]


def test_tokens_about_custom_fields_are_accepted_and_empty(api: Api) -> None:
    of = designs.protocol(api, specimenLabelFmt="%PPI%_%CUSTOM_FIELD(visit,weight)%_%SYS_UID%")
    label = drawn(api, visited(api, registered(api, of, ppid="P")))["label"]
    assert label.startswith("P") and label[1:].isdecimal()


def test_numbers_of_failed_requests_are_not_lost(api: Api) -> None:
    of = designs.protocol(api, specimenLabelFmt="%SPEC_CP_UID%")
    at = visited(api, registered(api, of, ppid="P"))
    refused = api.post("/specimens", {"visitId": at["id"], "specimenClass": "Fluid", "type": "None such"})
    assert refused.status == 400
    assert drawn(api, at)["label"] == "1"


def test_properties_of_coded_fields(api: Api) -> None:
    of = designs.protocol(
        api,
        specimenLabelFmt="%PPI%.%PV_PROP(type,abbreviation)%.%PV_PROP(specimenClass,value)%.%PV_PROP(laterality,value)%"
        "%PV_PROP(anatomicSite,colour)%",
    )
    at = visited(api, registered(api, of, ppid="P"))
    assert drawn(api, at, laterality="Left", anatomicSite="Liver")["label"] == "P.WB.Fluid.Left"
