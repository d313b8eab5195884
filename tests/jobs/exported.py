"""What the `Export` of a schema answers: its records, and the file they become."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.batch import shapes
from biobank.batch.schema import Wanted
from biobank.wire.detail import Payload
from exports.objects.cells import Formats
from exports.objects.writing import write_export
from sessions_auth.actor import actor_of
from sessions_auth.models import User


def records(name: str, user: User, ids: Sequence[int] | None = None, **params: str) -> list[dict[str, Any]]:
    """The exported records as JSON objects."""
    schema = schemas.find(name)
    assert schema is not None
    assert schema.export is not None
    actor: Actor = actor_of(user)
    batches = schema.export.batches(Wanted(params, ids), actor)
    return [_plain(found) for batch in batches for found in batch]


def _plain(found: Any) -> Any:
    """Details as dicts by JSON key, their values as they are in the details."""
    if isinstance(found, Payload):
        return {key: _plain(getattr(found, name)) for key, (name, _) in shapes.fields(type(found)).items()}
    return [_plain(one) for one in found] if isinstance(found, list) else found


def file(name: str, user: User, ids: Sequence[int] | None = None, **params: str) -> str:
    """The CSV file of an export."""
    schema = schemas.find(name)
    assert schema is not None
    target = io.BytesIO()
    write_export(target, schema, Wanted(params, ids), actor_of(user), Formats.of_server(ZoneInfo("UTC")))
    with zipfile.ZipFile(target) as found:
        return found.read("output.csv").decode()
