"""Which stored registration or participant a row of a file means (spec 04 §3.4).

What the caller may not see is as absent.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Protocol

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from specimens.participant.detail import ParticipantRow, RegistrationDetail
from specimens.participant.reads.lookups import NamesProtocol, Protocols
from specimens.participant.reads.scopes import registrations_for
from specimens.protocol.reads import protocols_by_short_title

Pair = tuple[int, str]  # protocol, PPID


class NamesRegistration(NamesProtocol, Protocol):
    """A detail that names a registration by protocol and PPID."""

    ppid: str | None


def registrations_meant(details: Sequence[RegistrationDetail], actor: Actor) -> list[int | Refusal | None]:
    """By identifier, else by protocol and PPID; three queries at most."""
    protocols = Protocols(detail for detail in details if detail.id is None)
    rows = registrations_for(actor)
    return by_id_or_key(
        details,
        known=lambda ids: set(rows.filter(pk__in=ids).values_list("pk", flat=True)),
        key=lambda detail: pair_of(detail, protocols),
        find=lambda pairs: by_pair(pairs, actor),
    )


def participants_meant(details: Sequence[ParticipantRow], actor: Actor) -> list[int | Refusal | None]:
    """By the participant's identifier, else by protocol and PPID of a registration; three queries at most."""
    titles = (detail.cp_short_title for detail in details if detail.id is None)
    protocols = protocols_by_short_title(titles)
    rows = registrations_for(actor)

    def key(detail: ParticipantRow) -> Pair | None:
        protocol = protocols.get((detail.cp_short_title or "").lower())
        return (protocol.pk, detail.ppid) if protocol is not None and detail.ppid else None

    return by_id_or_key(
        details,
        known=lambda ids: set(rows.filter(participant__in=ids).values_list("participant_id", flat=True)),
        key=key,
        find=lambda pairs: by_pair(pairs, actor, "participant_id"),
    )


def participant_keys(detail: ParticipantRow) -> Iterator[Hashable]:
    """What rows about the same registration have in common; other rows of a person are known by the person."""
    if detail.ppid:
        yield ((detail.cp_short_title or "").lower(), detail.ppid)


def registration_keys(detail: RegistrationDetail) -> Iterator[Hashable]:
    """What rows about the same registration have in common."""
    if detail.ppid:
        yield (str(Protocols.key(detail)).lower(), detail.ppid)


def pair_of(detail: NamesRegistration, protocols: Protocols) -> Pair | None:
    """Protocol and PPID that a detail names; None where it names none, or no such protocol."""
    protocol = protocols.find(detail) if detail.ppid else None
    return None if protocol is None else (protocol.pk, detail.ppid or "")


def by_pair(pairs: Collection[Pair], actor: Actor, wanted: str = "pk") -> Mapping[Pair, int]:
    """The registrations that the caller may see (or another column of theirs), by protocol and PPID; one query."""
    rows = registrations_for(actor).filter(
        protocol__in={protocol_id for protocol_id, _ in pairs}, ppid__in={ppid for _, ppid in pairs}
    )
    return {(protocol, ppid): pk for protocol, ppid, pk in rows.values_list("protocol_id", "ppid", wanted)}
