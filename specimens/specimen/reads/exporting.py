"""Specimens as rows of a file, in the columns in which they are imported (spec 04 §5.13, §6)."""

import json
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from django.db import connection

from biobank.access import Actor
from biobank.batch.batches import in_batches, wanted_rows
from biobank.batch.schema import Wanted
from sessions_auth.models import User
from specimens.specimen.reads.rows import Json
from specimens.specimen.reads.scopes import specimens_for
from specimens.specimen.rules import NEW

# The hidden visits of protocols without visits have no name that means anything elsewhere; nor have deleted accounts.
_COLUMNS = {
    "id": "s.id",
    "cpShortTitle": "cp.short_title",
    "visitName": "CASE WHEN cp.specimen_centric THEN NULL ELSE v.name END",
    "reqCode": "q.code",
    "label": "s.label",
    "additionalLabel": "s.additional_label",
    "barcode": "s.barcode",
    "specimenClass": "s.specimen_class",
    "type": "s.type",
    "lineage": "s.lineage",
    "parentLabel": "p.label",
    "anatomicSite": "s.anatomic_site",
    "laterality": "s.laterality",
    "status": "s.status",
    "pathology": "s.pathology",
    "initialQty": "s.initial_qty",
    "availableQty": "s.available_qty",
    "concentration": "s.concentration",
    "biohazards": "s.biohazards",
    "freezeThawCycles": "s.freeze_thaw_cycles",
    "createdOn": "s.created_on",
    "imageId": "s.image_id",
    "comments": "s.comments",
    "activityStatus": "s.activity_status",
    "externalIds": "s.external_ids",
    "creator": "made.email_address",
    "collectionTime": "s.collection_time",
    "collectionComments": "s.collection_comments",
    "procedure": "s.collection_procedure",
    "container": "s.collection_container",
    "collector": "took.email_address",
    "receivedTime": "s.received_time",
    "receivedComments": "s.received_comments",
    "quality": "s.received_quality",
    "receiver": "got.email_address",
}
_USERS = " ".join(
    f"LEFT JOIN {User._meta.db_table} AS {name} ON {name}.id = s.{column} AND {name}.activity_status <> 'Disabled'"
    for name, column in (("made", "created_by_id"), ("took", "collector_id"), ("got", "receiver_id"))
)
_SELECT = f"""
    SELECT {", ".join(_COLUMNS.values())}
    FROM specimen_specimen AS s
    JOIN protocol_collectionprotocol AS cp ON cp.id = s.protocol_id
    JOIN visit_visit AS v ON v.id = s.visit_id
    LEFT JOIN protocol_requirement AS q ON q.id = s.requirement_id
    LEFT JOIN specimen_specimen AS p ON p.id = s.parent_id
    {_USERS}
    WHERE s.id = ANY(%s) ORDER BY s.id
"""  # noqa: S608
_FIRST_EVENT = list(_COLUMNS).index("creator")
_NAMES = tuple(_COLUMNS)[:_FIRST_EVENT]
_EVENTS = itemgetter(*range(_FIRST_EVENT, len(_COLUMNS)))


def exported(wanted: Wanted, actor: Actor) -> Iterator[Sequence[Json]]:
    """The specimens that are asked for, by id; only primary ones tell of collection and receipt.

    One query for the ids, one for some hundreds of specimens.
    """
    rows = wanted_rows(specimens_for(actor), wanted)
    if wanted.cp_id is not None:
        rows = rows.filter(protocol=wanted.cp_id)
    if labels := wanted.texts("specimenLabels"):
        rows = rows.filter(label__in=labels)
    return in_batches(rows.order_by("pk").values_list("pk", flat=True), _rows)


def _rows(ids: Sequence[int]) -> list[Json]:
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [list(ids)])
        return [_row(values) for values in cursor.fetchall()]


def _row(values: tuple[Any, ...]) -> Json:
    found = dict(zip(_NAMES, values, strict=False))
    given = found["externalIds"]
    found["externalIds"] = json.loads(given) if isinstance(given, str) else given
    creator, *events = _EVENTS(values)
    found["createdBy"] = {"emailAddress": creator}
    if found["lineage"] == NEW:
        taken, remark, procedure, container, collector, got, received, quality, receiver = events
        found["collectionEvent"] = {
            "time": taken,
            "comments": remark,
            "procedure": procedure,
            "container": container,
            "user": {"emailAddress": collector},
        }
        found["receivedEvent"] = {
            "time": got,
            "comments": received,
            "receivedQuality": quality,
            "user": {"emailAddress": receiver},
        }
    return found
