"""Bodies of protocols, events and requirements, and posting them."""

from typing import Any

from tests import factories
from tests.client import Api

ADMIN = {"loginName": "admin", "domain": "openspecimen"}


def protocol_body(**more: Any) -> dict[str, Any]:
    """The least that makes a protocol; makes a site when none is named."""
    n = factories.number()
    body: dict[str, Any] = {
        "title": f"Study number {n}",
        "shortTitle": f"S{n}",
        "principalInvestigator": ADMIN,
        "cpSites": more.pop("cpSites", None) or [{"siteName": factories.site().name}],
    }
    return {**body, **more}


def protocol(api: Api, **more: Any) -> dict[str, Any]:
    return _made(api, "/collection-protocols", protocol_body(**more))


def event_body(of: dict[str, Any], label: str = "Baseline", **more: Any) -> dict[str, Any]:
    return {"eventLabel": label, "cpShortTitle": of["shortTitle"], **more}


def event(api: Api, of: dict[str, Any], label: str = "Baseline", **more: Any) -> dict[str, Any]:
    return _made(api, "/collection-protocol-events", event_body(of, label, **more))


def blood(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A requirement for 10 ml of whole blood."""
    return {
        "eventId": of["id"],
        "name": "EDTA blood",
        "specimenClass": "Fluid",
        "type": "Whole Blood",
        "anatomicSite": "Not Specified",
        "laterality": "Not Specified",
        "pathology": "Not Specified",
        "storageType": "Virtual",
        "initialQty": 10,
        "collectionProcedure": "Not Specified",
        "collectionContainer": "EDTA Vacutainer",
        **more,
    }


def requirement(api: Api, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _made(api, "/specimen-requirements", blood(of, **more))


def plasma(api: Api, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What is derived from a requirement: 5 ml of plasma."""
    spec = {
        "name": "Plasma",
        "specimenClass": "Fluid",
        "type": "Plasma",
        "quantity": 5,
        "storageType": "Manual",
    }
    return _made(api, f"/specimen-requirements/{of['id']}/derived", {**spec, **more})


def aliquots(
    api: Api, of: dict[str, Any], number: int = 2, each: float = 1, **more: Any
) -> list[dict[str, Any]]:
    spec = {"noOfAliquots": number, "qtyPerAliquot": each, "storageType": "Manual", **more}
    answer = api.post(f"/specimen-requirements/{of['id']}/aliquots", spec)
    assert answer.status in (200, 201), answer.json
    return list(answer.json)


def _made(api: Api, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(path, body)
    assert answer.status in (200, 201), answer.json
    return dict(answer.json)
