"""REST, import and query agree with the table of rights, cell by cell (spec 01 §D.7, 04 §2.6, 05 §3.9)."""

from typing import Any

import pytest

from sessions_auth.resources import DEFAULT_ROLES
from tests.rights.matrix import (
    CALLERS,
    CREATE,
    DELETE,
    NEEDED,
    OPERATIONS,
    READ,
    ROLES,
    UPDATE,
    Caller,
    places_of,
    records_of,
)
from tests.rights.world import DENIALS, DOORS, World, alive

pytestmark = pytest.mark.django_db

MASK, QUERY_MASK = "###", "##########"


@pytest.fixture(params=CALLERS, ids=str)
def caller(request: pytest.FixtureRequest) -> Caller:
    found: Caller = request.param
    return found


class Notes:
    """What happened in each cell, and what the table says."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.differing: list[tuple[str, str, str, str, str]] = []
        self.cells = 0

    def note(self, way: str, record: str, operation: str, place: str, done: bool, expected: bool) -> None:
        self.cells += 1
        if done != expected:
            self.differing.append((way, record, operation, place, "went through" if done else "refused"))


def test_every_cell(caller: Caller, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 60  # nothing but the calls themselves changes what the caller may do
    world, notes = World(caller), Notes(caller)

    _reads_and_writes(world, notes)
    _imports(world, notes)
    _queries(world, notes)
    _deletions(world, notes)  # last: what is gone cannot be imported or queried

    assert notes.differing == []
    assert notes.cells >= 70


def _reads_and_writes(world: World, notes: Notes) -> None:
    may = notes.caller.may
    for record, operations in records_of(notes.caller).items():
        for name in places_of(notes.caller):
            place = world.places[name]
            if record != "consents":
                notes.note("list", record, READ, name, world.listed(record, place), may(record, READ, name))
            for operation in operations:
                if operation != DELETE:
                    answer = _went_through(world, record, operation, name)
                    notes.note("rest", record, operation, name, bool(answer), may(record, operation, name))
                    if answer and (record, operation) == ("registration", READ):
                        _names(answer, notes, name)


def _imports(world: World, notes: Notes) -> None:
    for record in DOORS:
        for operation in (CREATE, UPDATE):
            for name, done in world.import_everywhere(record, operation).items():
                expected = notes.caller.may_import(record, operation, name)
                notes.note("import", record, operation, name, done, expected)


def _queries(world: World, notes: Notes) -> None:
    for field in ("Participant.ppid", "SpecimenCollectionGroup.name", "Specimen.label"):
        for name, told in world.asked(field).items():
            notes.note("query", field, READ, name, bool(told), notes.caller.may_query(name))
            if told:
                named = told[0] != QUERY_MASK
                notes.note("query", "names", READ, name, named, notes.caller.sees_names(name))


def _deletions(world: World, notes: Notes) -> None:
    wanted = records_of(notes.caller)
    for record in ("aliquot", "primary specimen", "visit", "registration", "protocol"):
        for name in places_of(notes.caller) if record in wanted else ():
            expected = notes.caller.may(record, DELETE, name)
            done = bool(_went_through(world, record, DELETE, name))
            notes.note("rest", record, DELETE, name, done, expected)
            gone = not alive(world.places[name].record(record, doomed=True))
            notes.note("database", record, DELETE, name, gone, expected)


def _names(registration: dict[str, Any], notes: Notes, place: str) -> None:
    """Participants are shown by name where identifiers may be read, and masked elsewhere."""
    shown = registration["participant"]
    notes.note("rest", "names", READ, place, shown["lastName"] == "Quist", notes.caller.sees_names(place))
    assert shown["lastName"] in ("Quist", MASK)
    assert shown["phiAccess"] == notes.caller.sees_names(place)


def _went_through(world: World, record: str, operation: str, place: str) -> Any:
    """The answer of the call when it was carried out; None when it was refused for lack of rights."""
    answer = world.call(record, operation, world.places[place])
    if answer.status in (200, 201):
        return answer.json
    assert set(answer.codes) <= DENIALS, (record, operation, place, answer.json)
    return None


def test_the_table_is_about_the_shipped_roles() -> None:
    assert {role.name for role in DEFAULT_ROLES} == set(ROLES)
    assert set(OPERATIONS) >= {operation for needed in NEEDED.values() for operation in needed}
    assert any(caller.may("protocol", CREATE, "own site") for caller in CALLERS if caller.role)
