"""What can be imported, for people: every schema with its columns, out of the declaration the importer reads (ours)."""

from collections.abc import Iterator

from pydantic import Field

from biobank.batch import schema as schemas
from biobank.batch.schema import ImportSchema, Operation, Params
from biobank.wire.detail import Flag, Payload, Text
from importjobs.leaves import Leaf, leaves

_TYPES = {
    "text": "text",
    "number": "number",
    "whole": "whole number",
    "boolean": "yes or no",
    "dateOnly": "date",
    "date": "date",
    "datetime": "date, or date and time",
    "file": "name of a file in the archive",
}


class SchemaColumn(Payload):
    """A column; `#n` in its caption, `[n]` in its attribute stand for what repeats."""

    caption: Text = None
    attribute: Text = None
    type: Text = None
    repeated: Flag = False
    key: Flag = False  # rows of one object have the same text here, in files of several rows an object
    aliases: list[str] = Field(default_factory=list)
    hint: Text = None
    codes: list[str] = Field(default_factory=list)  # the error codes that are this column's fault


class SchemaSummary(Payload):
    name: str
    label: str
    operations: list[str]
    upserts: bool  # UPSERT creates what is not there; otherwise it acts as UPDATE
    multiple_rows: bool  # can be sent with several rows an object
    attachments: bool
    exportable: bool
    about: Text = None


class SchemaPage(SchemaSummary):
    columns: list[SchemaColumn] = Field(default_factory=list)


def summaries() -> list[SchemaSummary]:
    """Every schema that can be imported, by name."""
    return [SchemaSummary(**_facts(found)) for found in _importable()]


def page(schema: ImportSchema, params: Params | None = None) -> SchemaPage:
    """A schema with the columns a job with these parameters has; without any, those it has everywhere."""
    columns = schema.columns if params is None else schema.columns_with(params)
    found = leaves(columns, number="n", index="n")
    return SchemaPage(**_facts(schema), columns=[_column(leaf) for leaf in found])


def _importable() -> list[ImportSchema]:
    return [found for name in schemas.names() if (found := schemas.find(name)) is not None]


def _facts(schema: ImportSchema) -> dict[str, object]:
    return {
        "name": schema.name,
        "label": schema.label,
        "operations": [operation.value for operation in Operation if operation in schema.operations],
        "upserts": schema.matching is None or schema.matching.upserts,
        "multiple_rows": any(getattr(item, "key", False) for item in schema.columns),
        "attachments": schema.attachments is not None,
        "exportable": schema.export is not None,
        "about": schema.about or None,
    }


def _column(leaf: Leaf) -> SchemaColumn:
    column = leaf.column
    return SchemaColumn(
        caption=leaf.caption,
        attribute=leaf.path,
        type=column.cell.value,
        repeated=leaf.repeated,
        key=column.key,
        aliases=list(column.aliases),
        hint=column.hint or None,
        codes=list(column.codes),
    )


# --- docs/imports.md --------------------------------------------------------------------------------

_HEAD = """# Imports

Made by `manage.py import_docs`; the same as JSON: `GET /import-jobs/schemas`, `GET /import-jobs/schemas/{name}`.

Files are CSV, TSV or XLSX, alone or in a ZIP. The header names columns in any order and case; columns nobody knows are
ignored. `Caption#n` repeats: `Race#1`, `Race#2`, … A blank cell says nothing, `##set_to_blank##` clears. An update
changes what the row names, and nothing else. Identifiers are ignored when records are created.
"""


def document() -> str:
    """The page of all schemas as Markdown."""
    return "\n".join([_HEAD, *(line for schema in _importable() for line in _section(schema))])


def _section(schema: ImportSchema) -> Iterator[str]:
    found = page(schema)
    yield f"## {found.name}\n"
    yield " ".join(filter(None, [f"{found.label}.", found.about, _ways(found)])) + "\n"
    yield "| column | JSON | holds | |"
    yield "| --- | --- | --- | --- |"
    for column in found.columns:
        cells = [
            _safe(column.caption),
            f"`{column.attribute}`",
            _TYPES[column.type or "text"],
            _safe(_notes(column)),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _ways(found: SchemaPage) -> str:
    operations = ", ".join(f"`{operation}`" for operation in found.operations)
    return "".join(
        [
            f"Imports: {operations}",
            "" if found.upserts or "UPSERT" not in found.operations else " (which acts as `UPDATE`)",
            "; several rows may make one object" if found.multiple_rows else "",
            "; a ZIP brings files along" if found.attachments else "",
            "; can be exported." if found.exportable else ".",
        ]
    )


def _notes(column: SchemaColumn) -> str:
    notes = [column.hint or ""]
    if column.key:
        notes.append("key of objects of several rows")
    if column.aliases:
        notes.append("also called " + ", ".join(column.aliases))
    return "; ".join(filter(None, notes))


def _safe(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("<", "&lt;")
