"""Which stored registration a row of a file means (spec 04 §3.4); what the caller may not see is as absent."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Protocol

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from specimens.participant.detail import RegistrationDetail
from specimens.participant.reads.lookups import NamesProtocol, Protocols
from specimens.participant.reads.scopes import registrations_for

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


def registration_keys(detail: RegistrationDetail) -> Iterator[Hashable]:
    """What rows about the same registration have in common."""
    if detail.ppid:
        yield (str(Protocols.key(detail)).lower(), detail.ppid)


def pair_of(detail: NamesRegistration, protocols: Protocols) -> Pair | None:
    """Protocol and PPID that a detail names; None where it names none, or no such protocol."""
    protocol = protocols.find(detail) if detail.ppid else None
    return None if protocol is None else (protocol.pk, detail.ppid or "")


def by_pair(pairs: Collection[Pair], actor: Actor) -> Mapping[Pair, int]:
    """The registrations that the caller may see, by protocol and PPID; one query."""
    rows = registrations_for(actor).filter(
        protocol__in={protocol_id for protocol_id, _ in pairs}, ppid__in={ppid for _, ppid in pairs}
    )
    return {(protocol, ppid): pk for protocol, ppid, pk in rows.values_list("protocol_id", "ppid", "pk")}
