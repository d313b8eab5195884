"""Which stored records the rows of a master table mean (spec 04 §5.16); a fixed number of queries for a batch."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from django.db import connection
from django.db.models.functions import Lower

from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.reads import known_registrations
from specimens.protocol.models import Event
from specimens.protocol.reads.events import events_of
from specimens.visit.reads.scopes import known_visits

Number = tuple[str, str]  # site name in lower case, medical record number

_SPECIMENS = """
    SELECT id, protocol_id, label, NULL FROM specimen_specimen
    WHERE label = ANY(%s) AND activity_status <> 'Disabled'
    UNION ALL
    SELECT id, protocol_id, NULL, barcode FROM specimen_specimen
    WHERE barcode = ANY(%s) AND activity_status <> 'Disabled'
"""
_LABELS = """
    SELECT barcode, label FROM specimen_specimen
    WHERE barcode = ANY(%s) AND label IS NOT NULL AND activity_status <> 'Disabled'
"""


class People:
    """Participants, and their registrations in some protocols, by identifiers."""

    def __init__(self, protocol_ids: set[int], empis: set[str], uids: set[str], numbers: set[Number]) -> None:
        self._owners: dict[tuple[object, ...], set[int]] = {}
        for attribute, values in (("empi", empis), ("uid", uids)):
            if values:
                rows = Participant.objects.exclude(activity_status="Disabled").filter(
                    **{f"{attribute}__in": values}
                )
                for pk, value in rows.values_list("pk", attribute):
                    self._owners.setdefault((attribute, value), set()).add(pk)
        if numbers:
            records = MedicalRecord.objects.exclude(participant__activity_status="Disabled")
            records = records.annotate(where=Lower("site__name")).filter(
                where__in={where for where, _ in numbers}, mrn__in={mrn for _, mrn in numbers}
            )
            for pk, where, mrn in records.values_list("participant_id", "where", "mrn"):
                self._owners.setdefault(("mrn", where, mrn), set()).add(pk)
        self._registered: dict[tuple[int, int], int] = {}
        found = {pk for owners in self._owners.values() for pk in owners}
        if found and protocol_ids:
            registered = known_registrations().filter(protocol__in=protocol_ids, participant__in=found)
            for pk, protocol_id, participant_id in registered.values_list(
                "pk", "protocol_id", "participant_id"
            ):
                self._registered[protocol_id, participant_id] = pk

    @classmethod
    def of(cls, tokens: Iterable[tuple[object, ...]], protocol_ids: Iterable[int] = ()) -> "People":
        """Those whom identifiers such as ("empi", text) and ("mrn", site, number) name."""
        empis = {str(token[1]) for token in tokens if token[0] == "empi"}
        uids = {str(token[1]) for token in tokens if token[0] == "uid"}
        numbers = {(str(token[1]), str(token[2])) for token in tokens if token[0] == "mrn"}
        return cls(set(protocol_ids), empis, uids, numbers)

    def owners(self, tokens: Iterable[tuple[object, ...]]) -> set[int]:
        """The participants who have one of the identifiers."""
        return set().union(*(self._owners.get(token, ()) for token in tokens))

    def registrations(self, protocol_id: int, tokens: Iterable[tuple[object, ...]]) -> set[int]:
        """The registrations in the protocol of those participants."""
        found = {self._registered.get((protocol_id, pk)) for pk in self.owners(tokens)}
        return {pk for pk in found if pk is not None}


class StoredVisit(NamedTuple):
    pk: int
    name: str
    event: str | None  # its label in lower case
    when: datetime | None


class Visits:
    """The visits of registrations, oldest first."""

    def __init__(self, registration_ids: set[int]) -> None:
        self._of: dict[int, list[StoredVisit]] = {}
        if not registration_ids:
            return
        rows = known_visits().filter(registration__in=registration_ids).order_by("pk")
        for registration_id, pk, name, event, when in rows.values_list(
            "registration_id", "pk", "name", "event__label", "visit_date"
        ):
            found = StoredVisit(pk, name, event.lower() if event else None, when)
            self._of.setdefault(registration_id, []).append(found)

    def find(self, registration_id: int, key: tuple[object, ...], zone: tzinfo) -> int | None:
        """A visit by name, or by event (None: any) and calendar day."""
        for one in self._of.get(registration_id, ()):
            if key[0] == "name":
                if one.name == key[1]:
                    return one.pk
            elif (
                key[1] in (None, one.event)
                and one.when is not None
                and one.when.astimezone(zone).date() == key[2]
            ):
                return one.pk
        return None


class Specimens:
    """Stored specimens by label and barcode."""

    def __init__(self, labels: Sequence[str], barcodes: Sequence[str]) -> None:
        self._labels: dict[str, list[tuple[int, int]]] = {}
        self._barcodes: dict[str, list[tuple[int, int]]] = {}
        if not labels and not barcodes:
            return
        with connection.cursor() as cursor:
            cursor.execute(_SPECIMENS, [list(labels), list(barcodes)])
            for pk, protocol_id, label, barcode in cursor.fetchall():
                if label is not None:
                    self._labels.setdefault(label, []).append((protocol_id, pk))
                else:
                    self._barcodes.setdefault(barcode, []).append((protocol_id, pk))

    def find(self, protocol_id: int | None, label: str | None, barcode: str | None) -> list[int]:
        """The specimens with the label, else those with the barcode; in the protocol, if one is given."""
        for known, text in ((self._labels, label), (self._barcodes, barcode)):
            found = known.get(text or "", ())
            hits = [pk for owner, pk in found if protocol_id is None or owner == protocol_id]
            if hits:
                return hits
        return []


def first_events(protocol_ids: set[int]) -> dict[int, Event]:
    """The first open event of each protocol that has one."""
    found: dict[int, Event] = {}
    for event in events_of(list(protocol_ids), closed=False) if protocol_ids else ():
        found.setdefault(event.protocol_id, event)
    return found


def participants_by_ppid(pairs: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Participants by (protocol, PPID)."""
    if not pairs:
        return {}
    rows = Registration.objects.exclude(activity_status="Disabled").filter(
        protocol_id__in={pk for pk, _ in pairs}, ppid__in={ppid for _, ppid in pairs}
    )
    columns = ("participant_id", "protocol_id", "ppid")
    found = {(protocol_id, ppid): pk for pk, protocol_id, ppid in rows.values_list(*columns)}
    return {pair: pk for pair, pk in found.items() if pair in pairs}


def labels_of_barcodes(barcodes: set[str]) -> list[tuple[str, str]]:
    """The labels of stored specimens, by their barcodes."""
    if not barcodes:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, [list(barcodes)])
        return list(cursor.fetchall())


def registrations_by_ppid(pairs: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Registrations by (protocol, PPID)."""
    if not pairs:
        return {}
    rows = Registration.objects.exclude(activity_status="Disabled").filter(
        protocol_id__in={pk for pk, _ in pairs}, ppid__in={ppid for _, ppid in pairs}
    )
    found = {
        (protocol_id, ppid): pk for pk, protocol_id, ppid in rows.values_list("pk", "protocol_id", "ppid")
    }
    return {pair: pk for pair, pk in found.items() if pair in pairs}
