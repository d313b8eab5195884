"""Specimens as they go over the wire, built from one statement's rows (spec 03 §3.3).

Answers are plain dicts in the shape of `SpecimenInfo` and `SpecimenDetail`: a list of a hundred costs hardly
more than its SQL.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from biobank.batch.prepared import fetch
from biobank.wire.detail import plain_number
from sessions_auth.reads import summaries
from specimens.protocol.reads.units import unit_sql
from specimens.specimen.rules import availability

Json = dict[str, Any]

_MILLIS = "(extract(epoch FROM {}) * 1000)::bigint"
_NOT_STORED: Json = {
    "id": -1, "name": None, "barcode": None, "mode": None, "positionX": None, "positionY": None, "position": None,
    "reservationId": None,
}  # fmt: skip
NOWHERE: Json = {**_NOT_STORED, "id": None}


class Row(NamedTuple):
    """One specimen with what is told of the records around it; times are epoch milliseconds."""

    id: int | None
    cp_id: int
    cp_short_title: str
    cpr_id: int | None
    ppid: str | None
    event_id: int | None
    event_code: str | None
    event_label: str | None
    visit_id: int | None
    visit_name: str | None
    visit_status: str | None
    visit_date: int | None
    spr_no: str | None
    req_id: int | None
    req_code: str | None
    req_label: str | None
    sort_order: int | None
    storage_type: str | None
    pre_barcoded_tube: bool | None
    label_auto_print_mode: str | None
    req_label_fmt: str | None
    specimen_label_fmt: str | None
    derivative_label_fmt: str | None
    aliquot_label_fmt: str | None
    label: str | None
    additional_label: str | None
    barcode: str | None
    specimen_class: str
    type: str
    lineage: str
    anatomic_site: str | None
    laterality: str | None
    pathology: str | None
    status: str | None
    initial_qty: Any
    available_qty: Any
    concentration: Any
    parent_id: int | None
    parent_label: str | None
    primary_id: int | None
    activity_status: str
    created_on: int | None
    created_by: int | None
    freeze_thaw_cycles: int | None
    image_id: str | None
    external_ids: str | list[Json]  # JSON as the database gives it
    biohazards: list[str]
    comments: str | None
    event_key: int | None
    collection_time: int | None
    collector: int | None
    collection_procedure: str | None
    collection_container: str | None
    collection_comments: str | None
    received_time: int | None
    receiver: int | None
    received_quality: str | None
    received_comments: str | None
    pooled: bool | None  # is in a pool, or is one
    quantity_unit: str | None
    concentration_unit: str | None


# Collection and receipt are the primary specimen's; `root` is the specimen itself when it is one.
_SELECT = f"""
    SELECT s.id, cp.id, cp.short_title, r.id, r.ppid, e.id, e.code, e.label, v.id, v.name, v.status,
      {_MILLIS.format("v.visit_date")}, v.surgical_pathology_number, q.id, q.code, q.name, q.sort_order,
      q.storage_type, q.pre_barcoded_tube,
      coalesce(q.label_auto_print_mode, (
        SELECT one->>'printMode' FROM jsonb_array_elements(cp.spmn_label_print_settings) AS one
        WHERE one->>'lineage' = s.lineage LIMIT 1)),
      q.label_fmt, cp.specimen_label_fmt, cp.derivative_label_fmt, cp.aliquot_label_fmt,
      s.label, s.additional_label, s.barcode, s.specimen_class, s.type, s.lineage, s.anatomic_site,
      s.laterality, s.pathology, s.status, s.initial_qty, s.available_qty, s.concentration, s.parent_id, p.label,
      s.primary_id, s.activity_status, {_MILLIS.format("s.created_on")}, s.created_by_id, s.freeze_thaw_cycles,
      s.image_id, s.external_ids, s.biohazards, s.comments,
      CASE WHEN root.collection_time IS NULL AND root.received_quality IS NULL THEN NULL ELSE root.id END,
      {_MILLIS.format("root.collection_time")}, root.collector_id, root.collection_procedure,
      root.collection_container, root.collection_comments, {_MILLIS.format("root.received_time")},
      root.receiver_id, root.received_quality, root.received_comments,
      EXISTS (SELECT FROM specimen_poolmember m WHERE m.pool_id = s.id)
        OR EXISTS (SELECT FROM specimen_poolmember m WHERE m.member_id = s.id),
      {unit_sql("quantity_unit")}, {unit_sql("concentration_unit")}
    FROM {{wanted}} AS s
    JOIN specimen_specimen AS root ON root.id = coalesce(s.primary_id, s.id)
    JOIN visit_visit AS v ON v.id = s.visit_id
    JOIN participant_registration AS r ON r.id = v.registration_id
    JOIN protocol_collectionprotocol AS cp ON cp.id = s.protocol_id
    LEFT JOIN protocol_event AS e ON e.id = v.event_id
    LEFT JOIN protocol_requirement AS q ON q.id = s.requirement_id
    LEFT JOIN specimen_specimen AS p ON p.id = s.parent_id
"""  # noqa: S608
_BY_ID = _SELECT.format(wanted="(SELECT * FROM specimen_specimen WHERE id = ANY(%s))")
_OF_VISITS = _SELECT.format(
    wanted="(SELECT * FROM specimen_specimen WHERE visit_id = ANY(%s) AND activity_status <> 'Disabled')"
)
# The whole trees of the named specimens; deleted ones only where they are named themselves.
_TREES = _SELECT.format(
    wanted="""(
      WITH roots AS (SELECT coalesce(primary_id, id) AS id FROM specimen_specimen WHERE id = ANY(%s)),
        named AS (SELECT id FROM roots UNION SELECT one.id FROM specimen_specimen one
                  JOIN roots ON one.primary_id = roots.id)
      SELECT one.* FROM specimen_specimen one JOIN named USING (id)
      WHERE one.activity_status <> 'Disabled' OR one.id = ANY(%s))"""
)


def _fetch(name: str, statement: str, *parameters: Sequence[int]) -> list[Row]:
    return [Row._make(row) for row in fetch(name, statement, *parameters)]


def rows_by_id(ids: Sequence[int]) -> list[Row]:
    """The specimens in the order of `ids`, deleted ones too; unknown ids are left out. One query."""
    found = {row.id: row for row in _fetch("specimens_by_id", _BY_ID, ids)}
    return [found[pk] for pk in ids if pk in found]


def rows_of_visits(visit_ids: Sequence[int]) -> list[Row]:
    """Every specimen of the visits, deleted ones apart. One query."""
    return _fetch("specimens_of_visits", _OF_VISITS, visit_ids)


def rows_of_trees(ids: Sequence[int]) -> list[Row]:
    """The whole trees that the specimens stand in. One query."""
    return _fetch("specimens_of_trees", _TREES, ids, ids)


# --- Wire shapes ------------------------------------------------------------------------------------


class Context(NamedTuple):
    """What all specimens of an answer share: users by id, masks, and formats."""

    users: Mapping[int | None, Json]
    shows_accession: Callable[[int], bool]
    label_format: Callable[[Row], str | None]


def users_of(rows: Iterable[Row]) -> dict[int | None, Json]:
    """The summaries of all users that the rows name, as they are printed. One query."""
    ids = {pk for row in rows for pk in (row.collector, row.receiver, row.created_by) if pk is not None}
    return {pk: user.model_dump(mode="json", by_alias=True) for pk, user in summaries(ids).items()}


def info(row: Row, context: Context) -> Json:
    """`SpecimenInfo`: every key, nulls included."""
    users = context.users
    spr_no = row.spr_no
    if spr_no and not context.shows_accession(row.cp_id):
        spr_no = "###"
    return {
        "id": row.id,
        "cpId": row.cp_id,
        "cpShortTitle": row.cp_short_title,
        "cprId": row.cpr_id,
        "ppid": row.ppid,
        "eventId": row.event_id,
        "eventCode": row.event_code,
        "eventLabel": row.event_label,
        "visitId": row.visit_id,
        "visitName": row.visit_name,
        "visitStatus": row.visit_status,
        "visitDate": row.visit_date,
        "sprNo": spr_no,
        "reqId": row.req_id,
        "reqCode": row.req_code,
        "reqLabel": row.req_label,
        "sortOrder": row.sort_order,
        "storageType": row.storage_type,
        "preBarcodedTube": row.pre_barcoded_tube,
        "label": row.label,
        "additionalLabel": row.additional_label,
        "barcode": row.barcode,
        "specimenClass": row.specimen_class,
        "type": row.type,
        "lineage": row.lineage,
        "anatomicSite": row.anatomic_site,
        "laterality": row.laterality,
        "pathology": row.pathology,
        "status": row.status,
        "initialQty": plain_number(row.initial_qty),
        "availableQty": plain_number(row.available_qty),
        "concentration": plain_number(row.concentration),
        "quantityUnit": row.quantity_unit,
        "concentrationUnit": row.concentration_unit,
        "parentId": row.parent_id,
        "parentLabel": row.parent_label,
        "storageLocation": _NOT_STORED if row.id is not None else NOWHERE,
        "storageSite": None,
        "collector": users.get(row.collector),
        "receiver": users.get(row.receiver),
        "collectionContainer": row.collection_container,
        "collectionDate": row.collection_time,
        "activityStatus": row.activity_status,
        "availabilityStatus": availability(row.activity_status, row.status)
        if row.id is not None
        else "Pending",
        "distributionStatus": None,
        "createdOn": row.created_on,
        "createdBy": users.get(row.created_by),
        "code": None,
        "freezeThawCycles": row.freeze_thaw_cycles,
        "imageId": row.image_id,
        "externalIds": orjson.loads(row.external_ids)
        if isinstance(row.external_ids, str)
        else row.external_ids,
        "labelAutoPrintMode": row.label_auto_print_mode,
        "opComments": None,
    }


_MINIMAL = frozenset(
    ("id", "label", "additionalLabel", "barcode", "initialQty", "availableQty", "activityStatus")
)


def minimal(row: Row, context: Context) -> Json:
    """`SpecimenInfo` of which only the names and quantities are told (spec 03 §3.2)."""
    return {key: value if key in _MINIMAL else None for key, value in info(row, context).items()}


def detail(
    row: Row,
    context: Context,
    children: list[Json] | None = None,
    *,
    members: Sequence[Row] | None = None,
    pools: Sequence[Row] | None = None,
) -> Json:
    """`SpecimenDetail`: every key, nulls included; `members` of it as a pool, `pools` it went into."""
    found = info(row, context)
    found.update(
        collectionEvent=_collection(row, context),
        receivedEvent=_receipt(row, context),
        biohazards=row.biohazards,
        comments=row.comments,
        children=children,
        specimensPool=[info(one, context) for one in members] if members else None,
        pooledSpecimens=[info(one, context) for one in pools] if pools else None,
        poolSpecimen=True if members else None,
        pooledSpecimenId=pools[0].id if pools else None,
        pooledSpecimenLabel=pools[0].label if pools else None,
        labelFmt=context.label_format(row),
        extensionDetail=None,
        reserved=False,
        uid=None,
        parentUid=None,
        dpId=None,
        checkedOut=False,
        checkoutPosition=None,
        kitLabel=None,
        kitBarcode=None,
        ancestorId=row.primary_id,
    )
    return found


def _collection(row: Row, context: Context) -> Json | None:
    if row.event_key is None:
        return None
    return {
        "id": row.event_key,
        "time": row.collection_time,
        "user": context.users.get(row.collector),
        "comments": row.collection_comments,
        "specimenLabel": None,
        "specimenId": None,
        "procedure": row.collection_procedure,
        "container": row.collection_container,
    }


def _receipt(row: Row, context: Context) -> Json | None:
    if row.event_key is None:
        return None
    return {
        "id": row.event_key,
        "time": row.received_time,
        "user": context.users.get(row.receiver),
        "comments": row.received_comments,
        "specimenLabel": None,
        "specimenId": None,
        "receivedQuality": row.received_quality,
        "newLabel": None,
    }
