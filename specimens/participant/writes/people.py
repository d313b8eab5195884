"""The participants of a batch: found by id or by their identifiers, created, changed, saved (spec 03 §1.4, §1.7)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from biobank.batch.insert import insert
from biobank.batch.rows import Blank
from biobank.batch.update import update
from biobank.wire.errors import Problem, Refused
from specimens.participant import rules
from specimens.participant.models import MedicalRecord, Participant, Registration

Numbers = Mapping[int, str | None]  # medical record number by site id
_participant, _number = Blank(Participant), Blank(MedicalRecord)


@dataclass(slots=True, eq=False)
class Person:
    """A participant as it will be; `numbers` are its record numbers by site id, oldest first."""

    row: Participant
    is_new: bool = False
    numbers: dict[int, MedicalRecord] = field(default_factory=dict)
    protocols: set[int] = field(default_factory=set)  # where it is registered
    changed: set[str] = field(default_factory=set)
    changed_numbers: list[MedicalRecord] = field(default_factory=list)
    dropped_numbers: list[MedicalRecord] = field(default_factory=list)


class People:
    """The participants that a batch may mean. Rows of the batch see each other: accepted changes count at once."""

    def __init__(
        self,
        ids: Iterable[int],
        empis: Iterable[str | None],
        uids: Iterable[str | None],
        numbers: Iterable[tuple[int, str]],
    ) -> None:
        wanted = set(ids) | _identified(empis, uids) | _numbered(set(numbers))
        self._by_id: dict[int, Person] = {}
        self._by_empi: dict[str, Person] = {}
        self._by_uid: dict[str, Person] = {}
        self._by_number: dict[tuple[int, str], Person] = {}
        if wanted:
            self._load(wanted)

    def _load(self, ids: set[int]) -> None:
        rows = Participant.objects.exclude(activity_status="Disabled").in_bulk(ids)
        self._by_id = {pk: Person(row) for pk, row in rows.items()}
        for record in MedicalRecord.objects.filter(participant_id__in=rows).order_by("pk"):
            self._by_id[record.participant_id].numbers[record.site_id] = record
        places = Registration.objects.filter(participant_id__in=rows).exclude(activity_status="Disabled")
        for participant_id, protocol_id in places.values_list("participant_id", "protocol_id"):
            self._by_id[participant_id].protocols.add(protocol_id)
        for person in self._by_id.values():
            self._index(person)

    def _index(self, person: Person) -> None:
        if person.row.empi:
            self._by_empi[person.row.empi] = person
        if person.row.uid:
            self._by_uid[person.row.uid] = person
        for site_id, record in person.numbers.items():
            if record.mrn:
                self._by_number[site_id, record.mrn] = person

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def get(self, pk: int) -> Person | None:
        return self._by_id.get(pk)

    def matching(self, empi: str | None, uid: str | None, numbers: Numbers) -> list[Person]:
        """Everybody who has one of the identifiers."""
        found = [self._by_empi.get(empi or ""), self._by_uid.get(uid or "")]
        found += [self._by_number.get((site_id, mrn)) for site_id, mrn in numbers.items() if mrn]
        return list({id(person): person for person in found if person is not None}.values())

    def clashes(
        self, person: Person | None, values: Mapping[str, Any], numbers: Numbers, names: Mapping[int, str]
    ) -> Iterator[Problem]:
        """Identifiers that belong to somebody else; `names` are the sites' names for the message."""
        if self._by_uid.get(values.get("uid") or "", person) is not person:
            yield rules.DUP_UID()
        if self._by_empi.get(values.get("empi") or "", person) is not person:
            yield rules.DUP_EMPI()
        for site_id, mrn in numbers.items():
            if mrn and self._by_number.get((site_id, mrn), person) is not person:
                yield rules.DUP_MRN(site=names.get(site_id, site_id))

    def create(self, values: Mapping[str, Any], numbers: Numbers) -> Person:
        """A participant of this batch; stored by `save`."""
        person = Person(_participant(**values), is_new=True)
        for site_id, mrn in numbers.items():
            person.numbers[site_id] = _number(site_id=site_id, mrn=None if mrn == rules.MASK else mrn)
        self._index(person)
        return person

    def change(self, person: Person, values: Mapping[str, Any], numbers: Numbers | None) -> None:
        """Lay values over a participant; `numbers`, when given, replace all record numbers, matched by site."""
        row = person.row
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                person.changed.add(name)
        if numbers is not None:
            _replace_numbers(person, numbers)
        self._index(person)


def _replace_numbers(person: Person, numbers: Numbers) -> None:
    kept: dict[int, MedicalRecord] = {}
    for site_id, record in person.numbers.items():
        if site_id in numbers:
            kept[site_id] = record
            if numbers[site_id] not in (rules.MASK, record.mrn):
                record.mrn = numbers[site_id]
                person.changed_numbers.append(record)
        elif not record._state.adding:
            person.dropped_numbers.append(record)
    for site_id, mrn in numbers.items():
        if site_id not in kept:
            kept[site_id] = _number(site_id=site_id, mrn=None if mrn == rules.MASK else mrn)
    person.numbers = kept


def _identified(empis: Iterable[str | None], uids: Iterable[str | None]) -> set[int]:
    found: set[int] = set()
    for attribute, values in (("empi", set(empis)), ("uid", set(uids))):
        wanted = values - {None, ""}
        if wanted:
            rows = Participant.objects.exclude(activity_status="Disabled").filter(
                **{f"{attribute}__in": wanted}
            )
            found.update(rows.values_list("pk", flat=True))
    return found


_NUMBERED = (
    "SELECT participant_id, site_id, mrn FROM participant_medicalrecord "
    "WHERE site_id = ANY(%s) AND mrn = ANY(%s)"
)


def _numbered(pairs: set[tuple[int, str]]) -> set[int]:
    """The participants with these (site id, record number)."""
    if not pairs:
        return set()
    with connection.cursor() as cursor:  # thousands of numbers go as one array
        cursor.execute(_NUMBERED, [list({site for site, _ in pairs}), list({mrn for _, mrn in pairs})])
        return {pk for pk, site_id, mrn in cursor.fetchall() if (site_id, mrn) in pairs}


def hold(pks: Iterable[int]) -> None:
    """Lock stored participants until the transaction ends, so that nobody deletes or merges them meanwhile.

    Raises `Refused(PARTICIPANT_NOT_FOUND)` when somebody just did. One query, none for nobody.
    """
    wanted = set(pks)
    if not wanted:
        return
    rows = Participant.objects.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True)
    active = {pk for pk, status in rows.values_list("pk", "activity_status") if status != "Disabled"}
    if gone := sorted(wanted - active):
        raise Refused(*(rules.PARTICIPANT_NOT_FOUND(key=pk) for pk in gone))


def save(people: Iterable[Person]) -> None:
    """Store what is new or changed; a fixed number of statements whatever the number of people."""
    unique = list({id(person): person for person in people}.values())
    insert([person.row for person in unique if person.is_new])
    changed = [person for person in unique if person.changed and not person.is_new]
    if changed:
        update([person.row for person in changed], set().union(*(person.changed for person in changed)))
    _save_numbers(unique)
    for person in unique:
        person.is_new = False
        person.changed.clear()
        person.changed_numbers.clear()
        person.dropped_numbers.clear()


def _save_numbers(people: Sequence[Person]) -> None:
    dropped = [record.pk for person in people for record in person.dropped_numbers]
    if dropped:
        MedicalRecord.objects.filter(pk__in=dropped).delete()
    changed = [record for person in people for record in person.changed_numbers if not record._state.adding]
    update(changed, ["mrn"])
    fresh: list[MedicalRecord] = []
    for person in people:
        for record in person.numbers.values():
            if record._state.adding:
                record.participant_id = person.row.id
                fresh.append(record)
    insert(fresh)
