"""Which stored specimen a row of a file means (spec 04 §3.4); a fixed number of queries for a batch."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from django.db import connection

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.configuration.reads import flag_of_every_write
from biobank.wire.errors import Problem
from specimens.protocol.reads import protocols_by_short_title
from specimens.specimen import rules
from specimens.specimen.reads.scopes import specimens_for

# Thousands of keys go in as one array each; the ORM would take them one by one.
_FIND = " UNION ALL ".join(
    f"SELECT '{column}', {column}::text, protocol_id, id FROM specimen_specimen "  # noqa: S608
    f"WHERE {column} = ANY(%s) AND activity_status <> 'Disabled'"
    for column in ("id", "label", "barcode")
)
_VISITS = "SELECT name, protocol_id FROM visit_visit WHERE name = ANY(%s) AND activity_status <> 'Disabled'"
NOWHERE = -1  # a protocol or visit that is not there


class NamesPerProtocol(NamedTuple):
    """Which names need be unique in their protocol only."""

    labels: bool
    additional_labels: bool
    barcodes: bool


def names_per_protocol() -> NamesPerProtocol:
    """As the settings say (spec 03 §3.6)."""
    names = ("uniq_spmn_labels_per_cp", "uniq_spmn_addl_labels_per_cp", "uniq_spmn_barcodes_per_cp")
    return NamesPerProtocol._make(flag_of_every_write("biospecimen", name) for name in names)


class Named(Protocol):
    """A row that says which specimen it is about."""

    @property
    def id(self) -> int | None: ...
    @property
    def cp_short_title(self) -> str | None: ...
    @property
    def barcode(self) -> str | None: ...


def label_of(row: Named) -> str | None:
    """The label a row names; disposals call it `name`."""
    found: str | None = getattr(row, "label", None) or getattr(row, "name", None)
    return found


def keys(row: Named) -> Iterator[Hashable]:
    """The names in a row: two rows with one in common may mean the same specimen."""
    if label := label_of(row):
        yield "label", label
    if row.barcode:
        yield "barcode", row.barcode


def missing(row: Named) -> Problem:
    """What is said of a row that means no specimen."""
    if row.id is not None:
        return rules.NOT_FOUND(key=row.id)
    key = label_of(row) or row.barcode
    if not key:
        return rules.LABEL_REQUIRED()
    return (rules.NOT_FOUND_IN_CP if row.cp_short_title else rules.NOT_FOUND)(key=key)


def meant(rows: Sequence[Named], actor: Actor) -> list[int | Refusal | None]:
    """The specimens that rows mean: by id, else by label, else by barcode; None where there is none.

    A name is looked up in the protocol that the row names, or else its visit; where neither is named and several
    specimens may have it, the row is refused. What the caller may not see is not there.
    """
    stored = _stored(rows, actor)
    protocols = _Protocols(rows)
    per_cp = names_per_protocol()
    found: list[int | Refusal | None] = []
    for row in rows:
        label = label_of(row)
        if row.id is not None:
            found.append(row.id if ("id", str(row.id)) in stored else Refusal((missing(row),)))
        elif label:
            found.append(_owner(stored, ("label", label), protocols.of(row), per_cp=per_cp.labels))
        elif row.barcode:
            found.append(_owner(stored, ("barcode", row.barcode), protocols.of(row), per_cp=per_cp.barcodes))
        else:
            found.append(None)
    return found


_Key = tuple[str, str]
_Stored = Mapping[_Key, Sequence[tuple[int, int]]]


def _owner(stored: _Stored, key: _Key, protocol_id: int | None, *, per_cp: bool) -> int | Refusal | None:
    owners = stored.get(key, ())
    if protocol_id is None and (per_cp or len(owners) > 1):
        return Refusal((rules.SHORT_TITLE_REQUIRED(label=key[1]),))
    return next((pk for cp, pk in owners if protocol_id in (None, cp)), None)


def _stored(rows: Sequence[Named], actor: Actor) -> _Stored:
    """The specimens that the caller sees, by the keys in the rows: (protocol, id). Two queries at most."""
    ids = [row.id for row in rows if row.id is not None]
    rest = [row for row in rows if row.id is None]
    labels = [label for row in rest if (label := label_of(row))]
    barcodes = [row.barcode for row in rest if row.barcode and not label_of(row)]
    if not ids and not labels and not barcodes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [ids, labels, barcodes])
        found = cursor.fetchall()
    seen = _seen(actor, {pk for _, _, _, pk in found})
    stored: dict[_Key, list[tuple[int, int]]] = {}
    for column, value, cp, pk in found:
        if seen is None or pk in seen:
            stored.setdefault((column, value), []).append((cp, pk))
    return stored


def _seen(actor: Actor, ids: Collection[int]) -> set[int] | None:
    """Those of the specimens that the caller may see; None: all."""
    if actor.is_super:
        return None
    return set(specimens_for(actor).filter(pk__in=ids).values_list("pk", flat=True))


class _Protocols:
    """The protocols in which the names of rows are looked up."""

    def __init__(self, rows: Sequence[Named]) -> None:
        self._titles = protocols_by_short_title(row.cp_short_title for row in rows)
        names = [
            name for row in rows if not row.cp_short_title and (name := getattr(row, "visit_name", None))
        ]
        self._visits: dict[str, int] = {}
        if names:
            with connection.cursor() as cursor:
                cursor.execute(_VISITS, [names])
                self._visits = dict(cursor.fetchall())

    def of(self, row: Named) -> int | None:
        """The protocol that a row names, or else its visit; None: it names neither."""
        if row.cp_short_title:
            named = self._titles.get(row.cp_short_title.lower())
            return named.pk if named is not None else NOWHERE
        visit: str | None = getattr(row, "visit_name", None)
        return self._visits.get(visit, NOWHERE) if visit else None
