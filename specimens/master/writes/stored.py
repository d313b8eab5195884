"""What the database knows of a batch of rows: which records they mean (spec 04 §5.16, steps 2-5)."""

from collections.abc import Sequence
from datetime import tzinfo

from biobank.wire.errors import Problem
from specimens.master import rules
from specimens.master.reads import People, Specimens, Visits, first_events, registrations_by_ppid
from specimens.master.writes.groups import Group, Unit
from specimens.master.writes.rows import Row, Token
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import protocols_by_short_title
from specimens.specimen.rules import SHORT_TITLE_REQUIRED


def find_registrations(groups: Sequence[Group]) -> dict[str, CollectionProtocol]:
    """Set the protocol of each group, and the registration it means or what is wrong with it.

    Answers the protocols by short title in lower case.
    """
    protocols = protocols_by_short_title({group.leader.title for group in groups if group.leader.title})
    tokens = {id(group): group.leader.identifiers for group in groups}
    pairs: set[tuple[int, str]] = set()
    for group in groups:
        group.protocol = protocols.get(group.leader.cp)
        if not group.leader.title:
            group.problems = (rules.CP_REQUIRED(),)
        elif group.protocol is not None and (ppid := group.leader.registration.get("ppid")):
            pairs.add((group.protocol.pk, ppid))
    by_ppid = registrations_by_ppid(pairs)
    named = [token for every in tokens.values() for token in every]
    people = People.of(named, (one.pk for one in protocols.values()))
    for group in groups:
        if group.protocol is not None:
            found = _registration(group, group.protocol, tokens[id(group)], by_ppid, people)
            if isinstance(found, Problem):
                group.problems = (found,)
            else:
                group.pk = found
    return protocols


def _registration(
    group: Group,
    protocol: CollectionProtocol,
    tokens: Sequence[Token],
    by_ppid: dict[tuple[int, str], int],
    people: People,
) -> int | Problem | None:
    """By PPID alone where there is one, else by eMPI, else National ID, else medical record numbers."""
    numbers = [token for token in tokens if token[0] == "mrn"]
    others = [token for token in tokens if token[0] in ("empi", "uid")]
    ppid = group.leader.registration.get("ppid")
    if ppid:
        if (found := by_ppid.get((protocol.pk, ppid))) is not None:
            return found
    else:
        for token in others:
            if hits := people.registrations(protocol.pk, [token]):
                return min(hits)
        hits = people.registrations(protocol.pk, numbers)
        if len(hits) > 1:
            return rules.SEVERAL_REGISTRATIONS(protocol=protocol.short_title)
        if hits:
            return min(hits)
    if not people.owners(others) and len(people.owners(numbers)) > 1:
        return rules.DIFFERENT_PEOPLE()
    return None


def find_visits(units: Sequence[tuple[Group, Unit]], zone: tzinfo) -> dict[int, int]:
    """Set the visit that each unit means; answers the first event of each protocol, where one is needed."""
    visits = Visits({group.pk for group, _ in units if group.pk is not None})
    needed: set[int] = set()
    for group, unit in units:
        if group.pk is not None:
            unit.pk = visits.find(group.pk, unit.key, zone)
        if unit.pk is None and group.protocol is not None and not unit.leader.visit.get("event_label"):
            needed.add(group.protocol.pk)
    return {protocol_id: event.pk for protocol_id, event in first_events(needed).items()}


def find_specimens(rows: Sequence[Row], protocols: dict[str, CollectionProtocol]) -> None:
    """Set the specimen that each row means, or what is wrong with the row."""
    titles = {row.title for row in rows if row.title and row.cp not in protocols}
    protocols = protocols | (protocols_by_short_title(titles) if titles else {})
    stored = Specimens(
        [row.label for row in rows if row.label],
        [barcode for row in rows if (barcode := row.specimen.get("barcode"))],
    )
    for row in rows:
        protocol = protocols.get(row.cp)
        hits = stored.find(
            protocol.pk if protocol is not None else None, row.label, row.specimen.get("barcode")
        )
        if len(hits) > 1:
            row.problems = (SHORT_TITLE_REQUIRED(label=row.label or row.specimen.get("barcode")),)
        row.pk = hits[0] if hits else None
        if row.pk is None and row.primary and not row.dated:
            row.problems = (rules.DATE_REQUIRED(),)
