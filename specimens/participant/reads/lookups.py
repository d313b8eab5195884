"""From what bodies and files call protocols and registrations to rows: one query per kind of key per batch."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from django.db import connection

from biobank.batch.rows import Part
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import protocols_by_id, protocols_by_short_title, protocols_by_title


class NamesProtocol(Protocol):
    """A detail that names a protocol in one of three ways."""

    cp_id: int | None
    cp_title: str | None
    cp_short_title: str | None


class Protocols:
    """The protocols a batch names; the id wins over the title, the title over the short title (spec 03 §1.3)."""

    def __init__(self, refs: Iterable[NamesProtocol]) -> None:
        ids: set[int | None] = set()
        titles: set[str] = set()
        short_titles: set[str] = set()
        for ref in refs:
            if ref.cp_id is not None:
                ids.add(ref.cp_id)
            elif ref.cp_title:
                titles.add(ref.cp_title)
            elif ref.cp_short_title:
                short_titles.add(ref.cp_short_title)
        self._by_id = protocols_by_id(ids)
        self._by_title = protocols_by_title(titles)
        self._by_short_title = protocols_by_short_title(short_titles)

    def find(self, ref: NamesProtocol) -> CollectionProtocol | None:
        if ref.cp_id is not None:
            return self._by_id.get(ref.cp_id)
        if ref.cp_title:
            return self._by_title.get(ref.cp_title.lower())
        return self._by_short_title.get((ref.cp_short_title or "").lower())

    @staticmethod
    def key(ref: NamesProtocol) -> object:
        """What the detail calls the protocol; None when it names none."""
        return ref.cp_id if ref.cp_id is not None else ref.cp_title or ref.cp_short_title or None


_PART = ("id", "protocol_id", "participant_id", "ppid", "activity_status")
_part = Part(Registration, _PART)
_BY_PPID = (
    f"SELECT {', '.join(_PART)} FROM participant_registration "  # noqa: S608
    "WHERE protocol_id = ANY(%s) AND ppid = ANY(%s) AND activity_status <> 'Disabled'"
)


def registrations_by_ppid(pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Registration]:
    """Registrations that were not deleted by (protocol id, PPID), as far as writes of visits ask; one query."""
    wanted = set(pairs)
    if not wanted:
        return {}
    with (
        connection.cursor() as cursor
    ):  # thousands of PPIDs go as one array; the ORM would take each by itself
        cursor.execute(_BY_PPID, [list({pk for pk, _ in wanted}), list({ppid for _, ppid in wanted})])
        rows = [_part(values) for values in cursor.fetchall()]
    return {key: row for row in rows if (key := (row.protocol_id, row.ppid)) in wanted}


def registrations_by_id(ids: Iterable[int | None]) -> dict[int, Registration]:
    """Registrations that were not deleted; one query."""
    wanted = {pk for pk in ids if pk is not None}
    return Registration.objects.exclude(activity_status="Disabled").in_bulk(wanted) if wanted else {}


_IN_USE = "SELECT protocol_id, ppid, id FROM participant_registration WHERE protocol_id = ANY(%s) AND ppid = ANY(%s)"


def ppids_in_use(pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Which (protocol id, PPID) are taken, and by which registration; one query."""
    wanted = set(pairs)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE, [list({pk for pk, _ in wanted}), list({ppid for _, ppid in wanted})])
        return {(protocol_id, ppid): pk for protocol_id, ppid, pk in cursor.fetchall()}


def barcodes_in_use(barcodes: Iterable[str | None]) -> Mapping[str | None, int]:
    """Which barcodes are taken, and by which registration; one query, none when there is nothing to ask."""
    wanted = {barcode for barcode in barcodes if barcode}
    if not wanted:
        return {}
    return dict(Registration.objects.filter(barcode__in=wanted).values_list("barcode", "pk"))
