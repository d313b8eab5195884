"""How a stored file would be understood, before anything is imported (ours, beside spec 04 §1.7).

Nothing is written and the file stays usable. The first rows go through the same builder as in an import; what the
doors would say of them is for a job to find out.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import Field

from biobank.access import Actor
from biobank.batch.schema import ImportSchema, Items
from biobank.tabular.zones import default_zone
from biobank.wire.detail import Flag, Payload, Text, Whole
from biobank.wire.errors import ACCESS_DENIED, Refused
from importjobs import inputs, layouts, uploads
from importjobs.building import Builder, Mistake
from importjobs.cells import Formats
from importjobs.detail import PreviewRequest, Separator
from importjobs.errors import PARSE_ERROR, Malformed
from importjobs.header import Place, match, places
from importjobs.inputs import Input
from importjobs.leaves import leaves
from importjobs.models import ImportType, Upload
from importjobs.reader import CsvFile
from importjobs.submit import find_schema, refusal_of

ROWS = 50
_SUGGESTIONS = 3


class PreviewColumn(Payload):
    """A column of the file. `attribute` is its path in the record, None for an unknown column."""

    index: Whole = None
    caption: Text = None
    known: Flag = False
    used: Flag = False  # known, and not left out by the kind of import or a gap in its numbering
    attribute: Text = None
    type: Text = None
    key: Flag = False
    hint: Text = None
    suggestions: list[str] = Field(default_factory=list)  # captions an unknown column may have meant


class MissingColumn(Payload):
    """A column the schema has and the file has not; recommended when rows cannot be told apart without it."""

    caption: Text = None
    attribute: Text = None
    type: Text = None
    recommended: Flag = False
    hint: Text = None


class PreviewMistake(Payload):
    """A cell that cannot be read; `column` is its index, None when the row as a whole is to blame."""

    column: Whole = None
    caption: Text = None
    value: Text = None
    message: Text = None
    hint: Text = None


class PreviewRow(Payload):
    """A row of the file: its cells, what they say as JSON (None when a cell cannot be read), the mistakes."""

    row: Whole = None
    cells: list[str] = Field(default_factory=list)
    record: dict[str, Any] | None = None
    mistakes: list[PreviewMistake] = Field(default_factory=list)


class Preview(Payload):
    """`status` is that of the pseudo job that a job over the file would be answered with, None when it fits."""

    filename: Text = None
    format: Text = None
    field_separator: Separator = None
    date_format: Text = None
    time_format: Text = None
    time_zone: Text = None
    total_rows: Whole = None
    status: Text = None
    columns: list[PreviewColumn] = Field(default_factory=list)
    missing: list[MissingColumn] = Field(default_factory=list)
    rows: list[PreviewRow] = Field(default_factory=list)


def preview(request: PreviewRequest, actor: Actor, client_zone: str | None) -> Preview:
    """Read the header and the first rows of an upload. Raises `Refused` as `POST /import-jobs` would."""
    if not actor.may_import:
        raise Refused(ACCESS_DENIED())
    try:
        upload = uploads.find(request.input_file_id, actor)
        schema = find_schema(request.object_type)
        formats = layouts.formats(
            request.date_format,
            request.time_format,
            request.time_zone or default_zone(actor, client_zone),
        )
        columns = schema.columns_with(request.object_params)
        found = inputs.prepare(upload, request.field_separator, columns, formats)
        return _read(request, schema, columns, upload, found, formats)
    except Malformed as error:
        raise Refused(PARSE_ERROR(reason=error)) from None


def _read(
    request: PreviewRequest,
    schema: ImportSchema,
    columns: Items,
    upload: Upload,
    found: Input,
    formats: Formats,
) -> Preview:
    drop_id = (request.import_type or ImportType.CREATE) == ImportType.CREATE
    with CsvFile(found.path, found.separator) as file:
        builder = Builder(columns, file.header, formats, shape=schema.detail, drop_id=drop_id)
        rows: list[list[str]] = []
        for row in file.rows():
            rows.append(row)
            if len(rows) == ROWS:
                break
        size = file.measure()
    header = file.header
    cells = [[*row[: len(header)], *[""] * (len(header) - len(row))] for row in rows]
    built = list(builder.build(rows))
    return Preview(
        filename=upload.filename,
        format=found.kind,
        field_separator=found.separator,
        date_format=formats.day.text,
        time_format=formats.moment.text.removeprefix(formats.day.text + " "),
        time_zone=formats.zone.key,
        total_rows=size.rows,
        status=refusal_of(size, atomic=bool(request.atomic), offline=bool(request.offline_queue)),
        columns=_columns(columns, header, drop_id=drop_id),
        missing=_missing(columns, header),
        rows=[
            PreviewRow(
                row=number,
                cells=texts,
                record=None if mistakes else _json(detail),
                mistakes=[_mistake(mistake, header) for mistake in mistakes],
            )
            for number, (texts, (detail, mistakes)) in enumerate(zip(cells, built, strict=True), 1)
        ],
    )


def _json(detail: Payload) -> dict[str, Any]:
    return detail.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _columns(columns: Items, header: Sequence[str], *, drop_id: bool) -> list[PreviewColumn]:
    known = _by_index(columns, header, drop_id=False)
    used = _by_index(columns, header, drop_id=drop_id)
    captions = {leaf.caption.lower(): leaf.caption for leaf in leaves(columns)}
    found = []
    for index, caption in enumerate(header):
        column = PreviewColumn(index=index, caption=caption, known=index in known, used=index in used)
        if index in known:
            place, path = known[index]
            column.attribute, column.type = path, place.column.cell.value
            column.key, column.hint = place.column.key, place.column.hint or None
        else:
            close = get_close_matches(caption.lower(), captions, _SUGGESTIONS)
            column.suggestions = [captions[match] for match in close]
        found.append(column)
    return found


def _by_index(columns: Items, header: Sequence[str], *, drop_id: bool) -> dict[int, tuple[Place, str]]:
    tree = match(columns, header, drop_id=drop_id)
    return {place.index: (place, path) for place, path in places(tree)}


def _missing(columns: Items, header: Sequence[str]) -> list[MissingColumn]:
    there = {path for _, path in _by_index(columns, header, drop_id=False).values()}
    found = [
        MissingColumn(
            caption=leaf.caption,
            attribute=leaf.path,
            type=leaf.column.cell.value,
            recommended=leaf.column.key,
            hint=leaf.column.hint or None,
        )
        for leaf in leaves(columns)
        if leaf.path not in there
    ]
    return sorted(found, key=lambda column: not column.recommended)


def _mistake(mistake: Mistake, header: Sequence[str]) -> PreviewMistake:
    if mistake.caption is None:
        return PreviewMistake(message=mistake.text, hint=mistake.hint or None)
    return PreviewMistake(
        column=header.index(mistake.caption),
        caption=mistake.caption,
        value=mistake.value,
        message=mistake.text,
        hint=mistake.hint,
    )
