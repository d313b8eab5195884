"""Whom a registration is about: the participant described, found, checked (spec 03 §1.4, §1.7, §1.8)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from biobank.wire.errors import ACCESS_DENIED, Problem
from specimens.participant import rules
from specimens.participant.detail import ParticipantDetail
from specimens.participant.reads.scopes import PHI, writable
from specimens.participant.writes.known import UPDATE, Known, pmis_of
from specimens.participant.writes.people import Numbers, Person


@dataclass(slots=True)
class Identity:
    """What a detail says about the participant, in columns; `wrong` is what cannot be understood of it.

    `new_numbers`: the record numbers that replace the stored ones; None leaves those alone.
    """

    values: dict[str, Any]
    numbers: Numbers
    new_numbers: Numbers | None
    wrong: list[Problem]


def identity_of(sent: ParticipantDetail, known: Known) -> Identity:
    """The columns that the keys of the detail set."""
    keys = sent.model_fields_set
    if not keys:
        return Identity({}, {}, None, [])
    values, wrong = rules.person_values(sent, known.terms)
    numbers: Numbers = {}
    if pmis := pmis_of(sent):
        numbers, unknown = rules.record_numbers(pmis, known.site_ids)
        wrong += unknown
    return Identity(values, numbers, numbers if "pmis" in keys else None, wrong)


def people_meant(
    sent: ParticipantDetail, identity: Identity, known: Known
) -> tuple[list[Person], list[Problem]]:
    """The stored participants that the detail may mean: by id exactly one, else by any identifier."""
    if is_named(sent) and sent.id is not None:
        person = known.people.get(sent.id)
        return ([], [rules.PARTICIPANT_NOT_FOUND(key=sent.id)]) if person is None else ([person], [])
    values = identity.values
    return known.people.matching(values.get("empi"), values.get("uid"), identity.numbers), []


def is_named(sent: ParticipantDetail) -> bool:
    return sent.id is not None and sent.id != rules.FROM_OUTSIDE


def settled(identity: Identity, person: Person | None, known: Known) -> Iterator[Problem]:
    """Patterns, dates and opt-ins, checked against what stays stored of the participant."""
    values = identity.values
    if not values and not (known.uid_mandatory and person is None):
        return
    stored = {} if person is None else person.row.__dict__
    problem = rules.empi_problem(values, stored, generated=known.mpi_generated)
    if problem is not None:
        yield problem
    yield from rules.pattern_problems(
        values,
        uid_pattern=known.uid_pattern,
        mpi_pattern=known.mpi_pattern,
        uid_mandatory=known.uid_mandatory,
        creating=person is None,
    )
    status = values["vital_status"] if "vital_status" in values else stored.get("vital_status")
    dead = known.is_dead(status) if status else False
    yield from rules.settle(values, stored, dead=dead, today=known.today)


def uniqueness(
    identity: Identity, found: Sequence[Person], person: Person | None, known: Known
) -> Iterator[Problem]:
    """Identifiers of several participants, or of another one than the one that is meant."""
    if len(found) > 1:
        yield rules.MULTI_MATCHES()
    else:
        yield from known.people.clashes(person, identity.values, identity.numbers, known.site_names)


def new_owner(
    sent: ParticipantDetail | None, identity: Identity, stored: Person, known: Known
) -> tuple[Person, list[Problem]]:
    """Whose registration it is to be: the stored participant's, or another one's; then the two are merged."""
    if sent is None or sent.id == stored.row.pk:
        return stored, []
    found, problems = people_meant(sent, identity, known)
    if len(found) > 1:
        problems.append(rules.MULTI_MATCHES())
    if problems or not found or found[0] is stored:
        return stored, problems
    if is_named(sent) and not known.knows(found[0]):
        problems.append(ACCESS_DENIED())
    elif writable(known.actor, stored.protocols, PHI, UPDATE) != stored.protocols:
        problems.append(rules.CANNOT_MERGE())
    return found[0], problems


def accept(identity: Identity, person: Person | None, known: Known) -> Person:
    """The participant as of this row on: a new one, or the stored one with the sent keys laid over it."""
    if person is None:
        return known.people.create(identity.values, identity.numbers)
    known.people.change(person, identity.values, identity.new_numbers)
    return person
