"""A protocol with everything that belongs to it, as one document (spec 02 §A7)."""

from typing import Any, cast

from specimens.protocol.detail.protocols import Workflow
from specimens.protocol.detail.versions import Definition, EventDefinition
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads.consents import tier_details, tiers
from specimens.protocol.reads.events import event_detail, events_of
from specimens.protocol.reads.protocols import protocol_details
from specimens.protocol.reads.requirements import requirement_trees
from specimens.protocol.reads.units import unit_details, units_of

_IDS = frozenset({"id", "statementId", "uid", "parentUid", "eventId", "cpId", "siteId"})
_PEOPLE = frozenset({"principalInvestigator", "coordinators", "collector", "receiver"})


def definition(protocol: CollectionProtocol) -> Definition:
    """The whole definition, with ids; a fixed number of queries."""
    events = events_of([protocol.pk])
    trees = requirement_trees(events)
    detail = protocol_details([protocol.pk])[0]
    return Definition.model_construct(
        **{**dict(detail), "sop_document_url": None, "sop_document_name": None},
        consents=tier_details(tiers(protocol)),
        events=[
            EventDefinition.model_construct(**dict(event_detail(row)), specimen_requirements=trees[row.pk])
            for row in events
        ],
        workflows={name: Workflow.model_construct(**item) for name, item in protocol.workflows.items()},
        units=unit_details(units_of(protocol.pk)),
    )


def document(protocol: CollectionProtocol, *, ids: bool) -> dict[str, Any]:
    """The definition as JSON values.

    Without ids nothing in it points into this server but the people, who are found by login or e-mail
    address, and the consent statements, by code.
    """
    found = definition(protocol).model_dump(mode="json", by_alias=True)
    return found if ids else cast(dict[str, Any], _without_ids(found))


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key in ("workflows", "defaultCustomFieldValues") else _portable(key, item)
            for key, item in value.items()
            if key not in _IDS
        }
    return value


def _portable(key: str, item: Any) -> Any:
    """People keep only what identifies them on another server."""
    if key not in _PEOPLE:
        return _without_ids(item)
    many = item if isinstance(item, list) else [item]
    kept = [
        {name: person[name] for name in person if name not in ("id", "instituteId")}
        for person in many
        if person is not None
    ]
    return kept if isinstance(item, list) else (kept[0] if kept else None)
