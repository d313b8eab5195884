"""Asking for an export: checks, and whether a job that is there already gives what is asked for (spec 04 §6.1).

A client that was told `IN_PROGRESS` sends the same request again after some seconds. It means the job it was told of,
and gets that one, running or just finished, instead of a second build. So does a request that meets a job which has
not begun. Any other request starts a job: its file holds what the database holds now.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import orjson
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.jobs.models import State
from biobank.jobs.runner import send
from biobank.tabular.zones import default_zone
from biobank.wire.errors import Refused
from exports.objects.building import ZONE
from exports.objects.detail import NewExport
from exports.objects.errors import INVALID_OBJECT_TYPE, NO_GENERATOR
from exports.objects.models import ObjectExport

EXTRA_READERS = "$$users"  # internal upstream: it never comes from outside
COLLECT_WITHIN = timedelta(
    minutes=10
)  # after its end a job waits so long for the client that was told to come back


def submit(
    request: NewExport, actor: Actor, client_zone: str | None = None, readers: Sequence[int] = ()
) -> ObjectExport:
    """The job that answers the request, new and sent, or found. `readers`: other users who may fetch the file.

    Raises EXPORT_INVALID_OBJECT_TYPE, EXPORT_NO_GEN_FOR_OBJECT_TYPE.
    """
    name = request.object_type or ""
    schema = schemas.find(name)
    if schema is None:
        raise Refused(INVALID_OBJECT_TYPE(name=name or "nothing"))
    if schema.export is None:
        raise Refused(NO_GENERATOR(name=name))
    params = {key: value for key, value in request.params.items() if key != EXTRA_READERS}
    params[ZONE] = default_zone(actor, client_zone)
    asked = ObjectExport(
        name=name,
        params=params,
        record_ids=sorted(set(request.record_ids)) if request.record_ids else None,
        disable_notifs=bool(request.disable_notifs),
        readers=sorted(set(readers)),
        created_by_id=actor.user_id,
    )
    asked.fingerprint = _fingerprint(asked, actor)
    with transaction.atomic():
        _one_at_a_time(asked.fingerprint)
        found = _same(asked.fingerprint)
        if found is None:
            asked.save(force_insert=True)
            send(asked)
    return found or asked


def _fingerprint(asked: ObjectExport, actor: Actor) -> str:
    """The same for requests that must get the same file."""
    rights = sorted(str(grant) for grant in actor.grants)
    told = [
        actor.user_id, actor.kind, actor.institute_id, rights, asked.name, sorted(asked.params.items()),
        asked.record_ids, asked.disable_notifs, asked.readers,
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(told)).hexdigest()


def _same(fingerprint: str) -> ObjectExport | None:
    fresh = Q(state=State.PENDING, started_at=None)
    awaited = Q(state__in=(State.PENDING, State.RUNNING)) | Q(
        state=State.DONE, finished_at__gt=timezone.now() - COLLECT_WITHIN
    )
    rows = ObjectExport.objects.filter(fresh | (awaited & Q(deferred=True)), fingerprint=fingerprint)
    return rows.order_by("-pk").first()


def _one_at_a_time(fingerprint: str) -> None:
    """Of requests that come at once the second finds the job of the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [fingerprint])
