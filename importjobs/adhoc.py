"""Parsing a stored file without importing it (spec 04 §1.7)."""

from collections.abc import Sequence
from typing import Any

from biobank.access import Actor
from biobank.batch.schema import Cell, Column, Sub
from biobank.tabular.zones import default_zone
from biobank.wire.errors import ACCESS_DENIED, INVALID_INPUT, Refused
from importjobs import inputs, layouts, uploads
from importjobs.building import Builder, Mistakes
from importjobs.detail import RecordField, RecordsRequest
from importjobs.errors import PARSE_ERROR, Malformed
from importjobs.reader import CsvFile
from importjobs.submit import find_schema

_CELLS = {"boolean": Cell.FLAG, "date": Cell.DATE, "dateOnly": Cell.DAY, "datetime": Cell.INSTANT}


def columns_of(fields: Sequence[RecordField]) -> list[Column]:
    """The columns of an ad hoc flat schema; a field without caption or attribute is left out."""
    return [
        Column(
            caption=field.caption,
            attribute=field.attribute or field.caption,
            cell=_CELLS.get(field.type or "", Cell.TEXT),
            multiple=bool(field.multiple),
            key=bool(field.key),
        )
        for field in fields
        if field.caption
    ]


def parsed_records(request: RecordsRequest, actor: Actor, client_zone: str | None) -> list[dict[str, Any]]:
    """The rows of a file as JSON; one bad row fails the call. The file can be used again."""
    if not actor.may_import:
        raise Refused(ACCESS_DENIED())
    columns = _columns(request)
    params = request.params
    formats = layouts.formats(
        params.get("dateFormat"),
        params.get("timeFormat"),
        params.get("timeZone") or default_zone(actor, client_zone),
    )
    try:
        upload = uploads.find(request.file_id, actor)
        found = inputs.prepare(upload, params.get("fieldSeparator"), columns, formats)
        with CsvFile(found.path, found.separator) as file:
            builder = Builder(columns, file.header, formats)
            return [_record(*built) for built in builder.build(list(file.rows()))]
    except Malformed as error:
        raise Refused(PARSE_ERROR(reason=error)) from None


def _columns(request: RecordsRequest) -> Sequence[Column | Sub]:
    if request.columns:
        return columns_of(request.columns)
    if not request.schema_:
        raise Refused(INVALID_INPUT(name="schema", value="null"))
    return find_schema(request.schema_).columns_with(request.params)


def _record(record: dict[str, Any], mistakes: Mistakes) -> dict[str, Any]:
    if mistakes:
        raise Malformed(", ".join(map(str, mistakes)))
    return record
