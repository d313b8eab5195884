"""A data freeze: participants, visits and specimens without identifiers, as JSON made by the database (spec 06 §5).

Names, record numbers, labels, comments and other free text stay out. Records are known by pseudonyms; dates are
days since the registration; ages stop at 90.
"""

import hashlib
import hmac
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from django.conf import settings
from django.db import connection

from biobank.files import folder
from exports.models import Snapshot, SnapshotBlock
from sites.models import Site
from specimens.participant.models import ConsentResponse, Participant, Registration
from specimens.protocol.models import ConsentStatement, ConsentTier, Event, Requirement
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit

OLDEST = 90

# A keyed hash cut short: the same record has the same pseudonym in every freeze of its protocol, and nobody
# without the key of this server gets back from it to the record.
_PSEUDONYM = "left(encode(sha256(%(key)s || '{}'::bytea || int8send({})), 'hex'), 20)"

_DAY = "(({} AT TIME ZONE %(zone)s)::date - {}.registration_date)"

_PARTICIPANTS = f"""
SELECT
    {_PSEUDONYM.format("p", "cpr.id")} AS id,
    p.gender,
    p.sex_genotype,
    p.races,
    p.ethnicities,
    p.vital_status,
    least(date_part('year', age(cpr.registration_date, p.birth_date))::int, {OLDEST}) AS age_at_registration,
    p.death_date - cpr.registration_date AS death_day,
    s.name AS site,
    coalesce(c.responses, '[]'::json) AS consents,
    cpr.activity_status = 'Closed' AS retired
FROM {Registration._meta.db_table} cpr
JOIN {Participant._meta.db_table} p ON p.id = cpr.participant_id
LEFT JOIN {Site._meta.db_table} s ON s.id = cpr.site_id
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('code', cs.code, 'response', cr.response) ORDER BY cs.code) AS responses
    FROM {ConsentResponse._meta.db_table} cr
    JOIN {ConsentTier._meta.db_table} ct ON ct.id = cr.tier_id
    JOIN {ConsentStatement._meta.db_table} cs ON cs.id = ct.statement_id
    WHERE cr.registration_id = cpr.id) c ON true
WHERE cpr.protocol_id = %(protocol)s AND cpr.activity_status <> 'Disabled'
ORDER BY cpr.id
"""  # noqa: S608 - the names of tables

_VISITS = f"""
SELECT
    {_PSEUDONYM.format("v", "v.id")} AS id,
    {_PSEUDONYM.format("p", "cpr.id")} AS participant,
    coalesce(e.code, e.label) AS event,
    {_DAY.format("v.visit_date", "cpr")} AS day,
    v.status,
    s.name AS site,
    v.clinical_diagnoses,
    v.clinical_status,
    v.cohort,
    v.missed_reason,
    v.activity_status = 'Closed' AS retired
FROM {Visit._meta.db_table} v
JOIN {Registration._meta.db_table} cpr ON cpr.id = v.registration_id AND cpr.activity_status <> 'Disabled'
LEFT JOIN {Event._meta.db_table} e ON e.id = v.event_id
LEFT JOIN {Site._meta.db_table} s ON s.id = v.site_id
WHERE v.protocol_id = %(protocol)s AND v.activity_status <> 'Disabled'
ORDER BY v.id
"""  # noqa: S608 - the names of tables

_SPECIMENS = f"""
SELECT
    {_PSEUDONYM.format("s", "sp.id")} AS id,
    visit.pseudonym AS visit,
    {_PSEUDONYM.format("s", "sp.parent_id")} AS parent,
    coalesce(sr.code, sr.id::text) AS requirement,
    sp.lineage,
    sp.specimen_class,
    sp.type AS specimen_type,
    sp.anatomic_site,
    sp.laterality,
    sp.pathology,
    sp.status,
    trim_scale(sp.initial_qty) AS initial_quantity,
    trim_scale(sp.available_qty) AS available_quantity,
    trim_scale(sp.concentration) AS concentration,
    sp.freeze_thaw_cycles,
    sp.biohazards,
    {_DAY.format("sp.created_on", "visit")} AS created_day,
    {_DAY.format("sp.collection_time", "visit")} AS collection_day,
    sp.collection_procedure,
    sp.collection_container,
    {_DAY.format("sp.received_time", "visit")} AS received_day,
    sp.received_quality,
    {_DAY.format("sp.disposal_time", "visit")} AS disposal_day,
    sp.disposal_reason,
    sp.activity_status = 'Closed' AS retired
FROM {Specimen._meta.db_table} sp
JOIN (
    SELECT v.id, {_PSEUDONYM.format("v", "v.id")} AS pseudonym, cpr.registration_date
    FROM {Visit._meta.db_table} v
    JOIN {Registration._meta.db_table} cpr ON cpr.id = v.registration_id AND cpr.activity_status <> 'Disabled'
    WHERE v.protocol_id = %(protocol)s AND v.activity_status <> 'Disabled'
    OFFSET 0) visit ON visit.id = sp.visit_id -- once for a visit, not for each of its specimens
LEFT JOIN {Requirement._meta.db_table} sr ON sr.id = sp.requirement_id
WHERE sp.protocol_id = %(protocol)s AND sp.activity_status <> 'Disabled'
ORDER BY sp.id
"""  # noqa: S608 - the names of tables

SECTIONS = {"participants": _PARTICIPANTS, "visits": _VISITS, "specimens": _SPECIMENS}

BLOCK = 1024 * 1024  # bytes of JSON, before it is compressed
# Separators of units and records never stand in JSON, so COPY's CSV format neither quotes nor escapes anything.
_COPY = """
COPY (SELECT row_to_json(found) FROM ({}) AS found) TO STDOUT WITH (FORMAT csv, DELIMITER E'\\x1e', QUOTE E'\\x1f')
"""


def take(snapshot: Snapshot, protocol_id: int) -> None:
    """Copy the protocol's records into the snapshot, in the current transaction; one query a section.

    PostgreSQL makes the JSON and streams it out; the blocks wait in a temporary file until it is done.
    """
    parameters = {"protocol": protocol_id, "zone": settings.TIME_ZONE, "key": pseudonym_key(protocol_id)}
    for section, select in SECTIONS.items():
        with TemporaryFile(dir=folder("exports")) as spool, ThreadPoolExecutor(1) as thread:
            blocks = _Blocks(spool, thread)
            with connection.cursor() as cursor:
                cursor.copy_expert(_COPY.format(cursor.mogrify(select, parameters).decode()), blocks)
            blocks.end()
            _insert(SnapshotBlock(snapshot=snapshot, section=section, body=body) for body in blocks)
        snapshot.counts[section] = blocks.rows
        snapshot.size += blocks.size
    snapshot.save(update_fields=["counts", "size"])


def _insert(blocks: Iterator[SnapshotBlock]) -> None:
    while some := list(islice(blocks, 16)):
        SnapshotBlock.objects.bulk_create(some)


class _Blocks:
    """What COPY writes to, one call a row: blocks of rows, joined by commas, go to a file.

    A thread compresses one block while the next one comes in.
    """

    def __init__(self, spool: IO[bytes], thread: ThreadPoolExecutor) -> None:
        self.rows = 0
        self.size = 0  # bytes of JSON
        self._spool = spool
        self._thread = thread
        self._lengths: list[int] = []
        self._rows: list[bytes] = []
        self._rows_size = 0
        self._compressed: Future[bytes] | None = None

    def write(self, row: bytes) -> int:
        self._rows.append(row)
        self._rows_size += len(row)
        if self._rows_size >= BLOCK:
            self._close()
        return len(row)

    def end(self) -> None:
        """All rows have come."""
        self._close()
        self._store()

    def __iter__(self) -> Iterator[bytes]:
        self._spool.seek(0)
        for length in self._lengths:
            yield self._spool.read(length)

    def _close(self) -> None:
        if self._rows:
            self._store()
            self._compressed = self._thread.submit(zlib.compress, b",".join(self._rows), 1)
            self.rows += len(self._rows)
            self.size += self._rows_size
            self._rows, self._rows_size = [], 0

    def _store(self) -> None:
        if self._compressed is not None:
            self._lengths.append(self._spool.write(self._compressed.result()))
            self._compressed = None


def fragments(version_id: int, section: str) -> Iterator[bytes]:
    """The frozen records of one section, a block at a time."""
    blocks = SnapshotBlock.objects.filter(snapshot__version=version_id, section=section).order_by("pk")
    for body in blocks.values_list("body", flat=True).iterator(chunk_size=4):
        yield zlib.decompress(body)


def pseudonym_key(protocol_id: int) -> bytes:
    """The key of a protocol's pseudonyms, derived from the server's secret."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"exports.freeze:{protocol_id}".encode(), hashlib.sha256)
