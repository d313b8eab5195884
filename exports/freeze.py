"""A data freeze: participants, visits and specimens without identifiers, as JSON made by the database (spec 06 §5).

Names, record numbers, labels, comments and other free text stay out. Records are known by pseudonyms; dates are
days since the registration; ages stop at 90.
"""

import hashlib
import hmac

from django.conf import settings
from django.db import connection

from exports.models import Snapshot, SnapshotRow
from sites.models import Site
from specimens.participant.models import ConsentResponse, Participant, Registration
from specimens.protocol.models import ConsentStatement, ConsentTier, Event, Requirement
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit

OLDEST = 90

# A keyed hash cut short: the same record has the same pseudonym in every freeze of its protocol, and nobody
# without the key of this server gets back from it to the record.
_PSEUDONYM = "left(encode(sha256(%(key)s || '{}'::bytea || int8send({})), 'hex'), 20)"

_DAY = "(({} AT TIME ZONE %(zone)s)::date - cpr.registration_date)"

_PARTICIPANTS = f"""
SELECT cpr.id, json_build_object(
    'id', {_PSEUDONYM.format("p", "cpr.id")},
    'gender', p.gender,
    'sex_genotype', p.sex_genotype,
    'races', p.races,
    'ethnicities', p.ethnicities,
    'vital_status', p.vital_status,
    'age_at_registration',
        least(date_part('year', age(cpr.registration_date, p.birth_date))::int, {OLDEST}),
    'death_day', p.death_date - cpr.registration_date,
    'site', s.name,
    'consents', coalesce(c.responses, '[]'::json),
    'retired', cpr.activity_status = 'Closed')
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
"""  # noqa: S608 - the names of tables

_VISITS = f"""
SELECT v.id, json_build_object(
    'id', {_PSEUDONYM.format("v", "v.id")},
    'participant', {_PSEUDONYM.format("p", "cpr.id")},
    'event', coalesce(e.code, e.label),
    'day', {_DAY.format("v.visit_date")},
    'status', v.status,
    'site', s.name,
    'clinical_diagnoses', v.clinical_diagnoses,
    'clinical_status', v.clinical_status,
    'cohort', v.cohort,
    'missed_reason', v.missed_reason,
    'retired', v.activity_status = 'Closed')
FROM {Visit._meta.db_table} v
JOIN {Registration._meta.db_table} cpr ON cpr.id = v.registration_id AND cpr.activity_status <> 'Disabled'
LEFT JOIN {Event._meta.db_table} e ON e.id = v.event_id
LEFT JOIN {Site._meta.db_table} s ON s.id = v.site_id
WHERE v.protocol_id = %(protocol)s AND v.activity_status <> 'Disabled'
"""  # noqa: S608 - the names of tables

_SPECIMENS = f"""
SELECT sp.id, json_build_object(
    'id', {_PSEUDONYM.format("s", "sp.id")},
    'visit', {_PSEUDONYM.format("v", "sp.visit_id")},
    'parent', {_PSEUDONYM.format("s", "sp.parent_id")},
    'requirement', coalesce(sr.code, sr.id::text),
    'lineage', sp.lineage,
    'specimen_class', sp.specimen_class,
    'specimen_type', sp.type,
    'anatomic_site', sp.anatomic_site,
    'laterality', sp.laterality,
    'pathology', sp.pathology,
    'status', sp.status,
    'initial_quantity', trim_scale(sp.initial_qty),
    'available_quantity', trim_scale(sp.available_qty),
    'concentration', trim_scale(sp.concentration),
    'freeze_thaw_cycles', sp.freeze_thaw_cycles,
    'biohazards', sp.biohazards,
    'created_day', {_DAY.format("sp.created_on")},
    'collection_day', {_DAY.format("sp.collection_time")},
    'collection_procedure', sp.collection_procedure,
    'collection_container', sp.collection_container,
    'received_day', {_DAY.format("sp.received_time")},
    'received_quality', sp.received_quality,
    'disposal_day', {_DAY.format("sp.disposal_time")},
    'disposal_reason', sp.disposal_reason,
    'retired', sp.activity_status = 'Closed')
FROM {Specimen._meta.db_table} sp
JOIN {Visit._meta.db_table} v ON v.id = sp.visit_id AND v.activity_status <> 'Disabled'
JOIN {Registration._meta.db_table} cpr ON cpr.id = v.registration_id AND cpr.activity_status <> 'Disabled'
LEFT JOIN {Requirement._meta.db_table} sr ON sr.id = sp.requirement_id
WHERE sp.protocol_id = %(protocol)s AND sp.activity_status <> 'Disabled'
"""  # noqa: S608 - the names of tables

SECTIONS = {"participants": _PARTICIPANTS, "visits": _VISITS, "specimens": _SPECIMENS}

_STORE = f"""
WITH kept AS (
    INSERT INTO {SnapshotRow._meta.db_table} (snapshot_id, section, body)
    SELECT %(snapshot)s, %(section)s, found.body::text
    FROM ({{}}) AS found (key, body) ORDER BY found.key
    RETURNING octet_length(body) AS size)
SELECT count(*), coalesce(sum(size), 0)::bigint FROM kept
"""  # noqa: S608 - the names of tables


def take(snapshot: Snapshot, protocol_id: int) -> None:
    """Copy the protocol's records into the snapshot, in the current transaction; one statement a section."""
    for section, select in SECTIONS.items():
        with connection.cursor() as cursor:
            cursor.execute(
                _STORE.format(select),
                {
                    "snapshot": snapshot.pk,
                    "section": section,
                    "protocol": protocol_id,
                    "zone": settings.TIME_ZONE,
                    "key": pseudonym_key(protocol_id),
                },
            )
            count, size = cursor.fetchone()
        snapshot.counts[section] = count
        snapshot.size += size
    snapshot.save(update_fields=["counts", "size"])


def pseudonym_key(protocol_id: int) -> bytes:
    """The key of a protocol's pseudonyms, derived from the server's secret."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"exports.freeze:{protocol_id}".encode(), hashlib.sha256)
