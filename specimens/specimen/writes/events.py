"""Records of the built-in event forms: each is an ordinary change of a specimen (spec 03 §4.1)."""

from collections.abc import Callable, Sequence

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Problem, Refused
from specimens.specimen import rules
from specimens.specimen.detail import (
    CollectionEvent,
    EventMap,
    ReceivedEvent,
    SpecimenDetail,
    SpecimenStatusChange,
)
from specimens.specimen.models import Specimen
from specimens.specimen.reads.scopes import known_specimens, specimens_for
from specimens.specimen.rules import forms
from specimens.specimen.writes.doors import SPECIMENS
from specimens.specimen.writes.drafts import Node

_Make = Callable[[EventMap, Specimen], Node | Problem]


def record_events(form_id: int, maps: Sequence[EventMap], actor: Actor) -> list[int]:
    """Save one record for each map, all or none; answers the ids of the specimens.

    Raises FORMS_NOT_FOUND, FORMS_SYS_REC_EDIT_NOT_ALLOWED, FORMS_INVALID_DATA, SPECIMEN_NOT_FOUND, and whatever
    the change itself is refused with.
    """
    form = forms.BUILT_IN.get(form_id)
    if form is None:
        raise Refused(forms.FORM_NOT_FOUND.missing(id=form_id))
    make = _MAKERS.get(form)
    if make is None:
        raise Refused(forms.READ_ONLY(name=form.name))
    rows = _specimens(maps, actor)
    nodes: list[Node] = []
    problems: list[Problem] = []
    for event in maps:
        made = make(event, rows[event.specimen_id or 0])
        if isinstance(made, Problem):
            problems.append(made)
        else:
            nodes.append(made)
    if problems:
        raise Refused(*problems)
    return SPECIMENS.write(nodes, actor) if nodes else []


def _specimens(maps: Sequence[EventMap], actor: Actor) -> dict[int, Specimen]:
    """The specimens that the maps name; two queries at most."""
    ids = {event.specimen_id for event in maps if event.specimen_id is not None}
    if any(event.specimen_id is None for event in maps):
        raise Refused(forms.INVALID_DATA(reason="appData.id, the specimen, is missing"))
    rows = {row.pk: row for row in known_specimens().filter(pk__in=ids)}
    missing = [pk for pk in ids if pk not in rows]
    if missing:
        raise Refused(*(rules.NOT_FOUND(key=pk) for pk in missing))
    if not actor.is_super and specimens_for(actor, "Create", "Update").filter(pk__in=ids).count() < len(ids):
        raise Refused(ACCESS_DENIED())
    return rows


def _collection(event: EventMap, row: Specimen) -> Node | Problem:
    if row.lineage != rules.NEW:
        return forms.INVALID_DATA(reason="only primary specimens are collected")
    sent = {
        name: getattr(event, name) for name in event.model_fields_set & CollectionEvent.model_fields.keys()
    }
    return Node(SpecimenDetail(status=rules.COLLECTED, collection_event=CollectionEvent(**sent)), row.pk)


def _receipt(event: EventMap, row: Specimen) -> Node | Problem:
    if row.lineage != rules.NEW:
        return forms.INVALID_DATA(reason="only primary specimens are received")
    sent = {name: getattr(event, name) for name in event.model_fields_set & ReceivedEvent.model_fields.keys()}
    if "quality" in event.model_fields_set:
        sent["received_quality"] = event.quality
    return Node(SpecimenDetail(status=rules.COLLECTED, received_event=ReceivedEvent(**sent)), row.pk)


def _transfer(event: EventMap, row: Specimen) -> Problem:
    """There are no containers that a specimen could go to."""
    if not event.to_container:
        return forms.PLACE_NOT_SPECIFIED()
    return rules.PLACE_NOT_FOUND(key=event.to_container)


def _disposal(event: EventMap, row: Specimen) -> Node:
    disposal = SpecimenStatusChange(
        reason=event.reason, user=event.user, date=event.time, comments=event.comments
    )
    return Node(SpecimenDetail(activity_status=rules.CLOSED), row.pk, disposal=disposal, amends=True)


_MAKERS: dict[forms.BuiltIn, _Make] = {
    forms.COLLECTION: _collection,
    forms.RECEIPT: _receipt,
    forms.TRANSFER: _transfer,
    forms.DISPOSAL: _disposal,
}
