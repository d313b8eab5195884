"""A row of the master table, taken apart into a registration, a visit and a specimen (spec 04 §5.16)."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from biobank.access import Actor
from biobank.batch import shapes
from biobank.wire.errors import Problem
from sessions_auth.detail import UserSummary
from specimens.master import rules
from specimens.master.detail import MasterDetail
from specimens.participant.detail import ParticipantDetail, RegistrationDetail
from specimens.specimen.detail import CollectionEvent, ReceivedEvent, SpecimenDetail, SpecimenLocation
from specimens.visit.detail import VisitDetail
from specimens.visit.rules import COMPLETE

Values = dict[str, Any]
Token = tuple[Hashable, ...]

_REGISTRATION = {
    "ppid": "ppid",
    "registration_date": "registration_date",
    "reg_site": "site",
    "external_subject_id": "external_subject_id",
}
_PERSON = (
    "first_name", "last_name", "middle_name", "email_address", "email_opt_in", "phone_number", "text_opt_in",
    "birth_date", "death_date", "gender", "races", "vital_status", "ethnicities", "uid", "empi", "pmis",
)  # fmt: skip
_VISIT = {
    "event_label": "event_label",
    "visit_name": "name",
    "visit_date": "visit_date",
    "collection_site": "site",
    "status": "status",
    "clinical_diagnoses": "clinical_diagnoses",
    "clinical_status": "clinical_status",
    "surgical_pathology_number": "surgical_pathology_number",
    "visit_comments": "comments",
}
_SPECIMEN = {
    name: name
    for name in (
        "req_code", "label", "barcode", "specimen_class", "type", "lineage", "anatomic_site", "laterality",
        "pathology", "initial_qty", "available_qty", "concentration", "freeze_thaw_cycles", "created_on", "comments",
        "created_by", "external_ids", "extension_detail", "parent_label",
    )
} | {"collection_status": "status"}  # fmt: skip
_LOCATION = {
    "container": "name",
    "position_y": "position_y",
    "position_x": "position_x",
    "position": "position",
}
_COLLECTED = {
    "collection_date": "time", "collection_procedure": "procedure", "collection_container": "container",
    "collector": "user",
}  # fmt: skip
_RECEIVED = {"received_date": "time", "received_quality": "received_quality", "receiver": "user"}
_PARTS: tuple[dict[str, str], ...] = (
    _REGISTRATION, {name: name for name in _PERSON}, _VISIT, _SPECIMEN, _LOCATION, _COLLECTED, _RECEIVED,
)  # fmt: skip
_WHERE = {name: (part, target) for part, names in enumerate(_PARTS) for name, target in names.items()}


def _maker(shape: type[Any]) -> shapes.Make:
    found = shapes.maker(shape)
    assert found is not None  # noqa: S101 - the shapes have no validators of their own
    return found


_registration, _person = _maker(RegistrationDetail), _maker(ParticipantDetail)
_visit, _specimen = _maker(VisitDetail), _maker(SpecimenDetail)
_location, _collected, _received = _maker(SpecimenLocation), _maker(CollectionEvent), _maker(ReceivedEvent)


@dataclass(slots=True, eq=False)
class Row:
    """What a row says of each record, by the names of that record's detail; then what became of the row."""

    place: int
    cp: str  # the protocol's short title in lower case
    title: str | None
    primary: bool
    registration: Values
    person: Values
    visit: Values
    specimen: Values
    dated: bool  # whether it says when
    when: datetime  # of a visit it creates
    identifiers: list[Token] = field(
        default_factory=list
    )  # what may find its participant, in the order of asking
    names: list[Token] = field(default_factory=list)  # what may find its specimen
    tokens: list[Token] = field(default_factory=list)  # what it may share with other rows
    problems: tuple[Problem, ...] = ()
    later: bool = False  # is to be looked at again, once others are written
    alone: bool = False  # is to be written alone
    pk: int | None = None  # the specimen it updates

    @property
    def has_visit(self) -> bool:
        """Whether it is about more than the participant."""
        return bool(self.visit or self.specimen)

    @property
    def is_open(self) -> bool:
        return self.later or self.alone

    @property
    def is_good(self) -> bool:
        return not (self.problems or self.later or self.alone)

    @property
    def label(self) -> str | None:
        text: str | None = self.specimen.get("label")
        return text

    @property
    def parent_label(self) -> str | None:
        text: str | None = None if self.primary else self.specimen.get("parent_label")
        return text


def row_of(place: int, detail: MasterDetail, actor: Actor, now: datetime) -> Row:
    """Take a row apart; blank markers of collector and receiver mean the importing user."""
    parts: tuple[Values, ...] = tuple({} for _ in _PARTS)
    for name in detail.model_fields_set:
        where = _WHERE.get(name)
        if where is not None:
            parts[where[0]][where[1]] = getattr(detail, name)
    registration, person, visit, specimen, location, collected, received = parts
    primary = rules.is_primary(detail.lineage)
    if location:
        specimen["storage_location"] = _location(location)
    for name, event, make in (
        ("collection_event", collected, _collected),
        ("received_event", received, _received),
    ):
        if event:
            if "user" in event:
                email = event["user"]
                event["user"] = UserSummary(email_address=email) if email else UserSummary(id=actor.user_id)
            specimen[name] = make(event)
    row = Row(
        place,
        (detail.cp_short_title or "").lower(),
        detail.cp_short_title,
        primary,
        registration,
        person,
        visit,
        specimen,
        dated=bool(detail.visit_date or detail.collection_date),
        when=detail.visit_date or detail.collection_date or now,
    )
    row.names = list(_names(row))
    row.identifiers = list(_identifiers(row)) if primary else []
    row.tokens += _tokens(row)
    return row


def _tokens(row: Row) -> Iterator[Token]:
    if row.primary:
        yield from row.identifiers
        if name := row.visit.get("name"):
            yield "visit", name
    elif row.parent_label:
        yield "label", row.parent_label
    yield from row.names


def _identifiers(row: Row) -> Iterator[Token]:
    if ppid := row.registration.get("ppid"):
        yield "ppid", row.cp, ppid
    for name in ("empi", "uid"):
        if text := row.person.get(name):
            yield name, text
    for pmi in row.person.get("pmis") or ():
        if pmi.site_name and pmi.mrn:
            yield "mrn", pmi.site_name.lower(), pmi.mrn


def _names(row: Row) -> Iterator[Token]:
    if label := row.label:
        yield "label", label
    if barcode := row.specimen.get("barcode"):
        yield "barcode", barcode


def registration_detail(row: Row) -> RegistrationDetail:
    """What the row says of the registration and its participant."""
    values = {**row.registration, "cp_short_title": row.title}
    if row.person:
        values["participant"] = _person(dict(row.person))
    found: RegistrationDetail = _registration(values)
    return found


def new_visit(row: Row, registration_id: int, event_id: int | None) -> VisitDetail:
    """The visit that the row creates; `event_id` where it names no event."""
    values = {**row.visit, "cpr_id": registration_id, "visit_date": row.when}
    values["status"] = row.visit.get("status") or COMPLETE
    if not row.visit.get("event_label"):
        values["event_id"] = event_id
    found: VisitDetail = _visit(values)
    return found


def changed_visit(row: Row, registration_id: int) -> VisitDetail:
    """What the row says of a stored visit."""
    found: VisitDetail = _visit({**row.visit, "cpr_id": registration_id})
    return found


def specimen_detail(row: Row, visit_id: int | None) -> SpecimenDetail:
    """What the row says of the specimen: of a primary one the visit and its events, of others the parent."""
    values = dict(row.specimen)
    if row.primary:
        values["visit_id"] = visit_id
        values.pop("parent_label", None)
    else:
        values.pop("collection_event", None)
        values.pop("received_event", None)
        if row.title:
            values["cp_short_title"] = row.title
    found: SpecimenDetail = _specimen(values)
    return found
