"""Which stored registration or participant a row of a file means (spec 04 §3.4).

What the caller may not see is as absent.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence

from biobank.access import Actor
from specimens.participant.detail import RegistrationDetail
from specimens.participant.reads.lookups import Protocols
from specimens.participant.reads.scopes import registrations_for


def registrations_meant(details: Sequence[RegistrationDetail], actor: Actor) -> list[int | None]:
    """By identifier, else by protocol and PPID; three queries at most."""
    ids = {detail.id for detail in details if detail.id is not None}
    known = set(registrations_for(actor).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    named = _Named([detail for detail in details if detail.id is None], actor)
    return [
        named.registration(detail) if detail.id is None else detail.id if detail.id in known else None
        for detail in details
    ]


def registration_keys(detail: RegistrationDetail) -> Iterator[Hashable]:
    """What rows about the same registration have in common."""
    if detail.ppid:
        yield (str(Protocols.key(detail)).lower(), detail.ppid)


class _Named:
    """Registrations that the caller may see by what details call protocol and PPID."""

    def __init__(self, details: Sequence[RegistrationDetail], actor: Actor) -> None:
        self._protocols = Protocols(details)
        pairs = {pair for detail in details if (pair := self._pair(detail)) is not None}
        self._found = _by_pair(pairs, actor)

    def _pair(self, detail: RegistrationDetail) -> tuple[int, str] | None:
        protocol = self._protocols.find(detail) if detail.ppid else None
        return None if protocol is None else (protocol.pk, detail.ppid or "")

    def registration(self, detail: RegistrationDetail) -> int | None:
        pair = self._pair(detail)
        return None if pair is None else self._found.get(pair)


def _by_pair(pairs: Iterable[tuple[int, str]], actor: Actor) -> dict[tuple[int, str], int]:
    wanted = set(pairs)
    if not wanted:
        return {}
    rows = registrations_for(actor).filter(
        protocol__in={protocol_id for protocol_id, _ in wanted}, ppid__in={ppid for _, ppid in wanted}
    )
    return {(protocol, ppid): pk for protocol, ppid, pk in rows.values_list("protocol_id", "ppid", "pk")}
