"""What the query language sees of the records: forms, the tables below them, and their fields (spec 05 §2).

Each entity package declares its form in its `fields.py` and calls `register`. SQL here is a template:
`{self}` stands for the form's own row, `{name}` for the row of the join called `name`, `{parent}` for the row
of the form above, `{user}` for the id of the calling user. A percent sign is written `%%`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from string import Formatter

PRIMARY_KEY = "_?primary_key?_"


class Kind(Enum):
    """What a field holds and how it prints (spec 05 §2.4)."""

    TEXT = "text"
    WHOLE = "whole"  # a number without decimals
    NUMBER = "number"  # a number with `Field.scale` decimals
    QUANTITY = "quantity"  # a number with the configured number of decimals
    FLAG = "flag"
    DAY = "day"  # a calendar day (SQL date): printed as it is
    INSTANT_DAY = "instant day"  # a timestamp with time zone of which only the day is printed
    INSTANT = "instant"  # a timestamp with time zone


class Fold(Enum):
    """What a join does to the rows of a wide result (spec 05 §2.3)."""

    ONE = "one"  # at most one row for a record: nothing to fold
    VALUES = "values"  # a multi-valued pick list: folded in SHALLOW and DEEP
    RECORDS = "records"  # a sub-form: folded in DEEP


@dataclass(frozen=True, slots=True)
class Join:
    """A table below a form, always joined LEFT; `on` refers to itself as `{name}`.

    `table` may also be a function or sub-select beginning with LATERAL; `columns` then names what it answers. `fold`
    other than ONE means several rows for one record of the form, told apart by `key`.
    """

    name: str
    table: str
    on: str = "TRUE"
    fold: Fold = Fold.ONE
    key: str = "id"
    columns: str = ""

    @property
    def needs(self) -> list[str]:
        """The other joins it refers to."""
        used = placeholders(self.table + self.on)
        return [name for name in used if name not in (self.name, "self", "user")]


@dataclass(frozen=True, slots=True)
class Field:
    """One selectable value. `name` is its path below the form; `values` names its pick list, or lists its values."""

    name: str
    caption: str
    kind: Kind
    sql: str
    phi: bool = False
    scale: int = 0
    values: str | tuple[str, ...] | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """How the rows of a form hang below those of another; `on` uses `{self}` and `{parent}`."""

    form: str
    on: str


@dataclass(frozen=True)
class Form:
    """One kind of record. `reaches` names the forms a query with this root may use (spec 05 §2.1).

    `active` keeps deleted rows out; `tree` is the column holding the id of the record's parent of the same
    kind, where there is one.
    """

    name: str
    caption: str
    table: str
    fields: tuple[Field, ...]
    joins: tuple[Join, ...] = ()
    link: Link | None = None
    reaches: tuple[str, ...] = ()
    active: str = "{self}.activity_status <> 'Disabled'"
    key: str = "id"
    tree: str | None = None
    order: int = field(default=0, compare=False)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by path; each form and sub-form also has the hidden id of its record."""
        keys = {PRIMARY_KEY: Field(PRIMARY_KEY, "ID", Kind.WHOLE, f"{{self}}.{self.key}", hidden=True)}
        for declared in self.fields:
            prefix, dot, _ = declared.name.rpartition(".")
            if not dot:
                continue
            used = [name for name in placeholders(declared.sql) if name in self.join_names]
            if used:
                join = self.join_names[used[-1]]
                name = f"{prefix}.{PRIMARY_KEY}"
                keys.setdefault(
                    name, Field(name, "ID", Kind.WHOLE, f"{{{join.name}}}.{join.key}", hidden=True)
                )
        return keys | {declared.name: declared for declared in self.fields}

    @cached_property
    def join_names(self) -> dict[str, Join]:
        return {join.name: join for join in self.joins}


class Catalogue:
    """The forms that exist; the one of the running server is `catalogue`."""

    def __init__(self) -> None:
        self._forms: dict[str, Form] = {}

    def register(self, form: Form) -> Form:
        """Make a form known under its name; a second declaration replaces the first."""
        self._forms[form.name] = form
        return form

    def form(self, name: str) -> Form | None:
        return self._forms.get(name)

    def __iter__(self) -> Iterator[Form]:
        return iter(sorted(self._forms.values(), key=lambda form: (form.order, form.name)))


def full_name(join: str) -> str:
    """SQL of a user's full name, for a join to the users' table."""
    return f"btrim({{{join}}}.first_name || ' ' || {{{join}}}.last_name)"


def history_fields(table: str, users: str) -> tuple[Field, ...]:
    """Who created and last changed a record, and when: read from the history of its table."""
    first, last = "ORDER BY h.pgh_id LIMIT 1", "ORDER BY h.pgh_id DESC LIMIT 1"

    def entry(wanted: str, order: str) -> str:
        return f"(SELECT {wanted} FROM {table}history h WHERE h.pgh_obj_id = {{self}}.id {order})"  # noqa: S608

    name = (
        f"(SELECT btrim(u.first_name || ' ' || u.last_name) FROM {users} u, pghistory_context c"  # noqa: S608
        " WHERE c.id = h.pgh_context_id AND u.id = (c.metadata ->> 'user')::bigint)"
    )
    return (
        Field("creationTime", "Creation Time", Kind.INSTANT, entry("h.pgh_created_at", first)),
        Field("updateTime", "Update Time", Kind.INSTANT, entry("h.pgh_created_at", last)),
        Field("creator", "Creator", Kind.TEXT, entry(name, first)),
        Field("updater", "Updater", Kind.TEXT, entry(name, last)),
    )


def unnested(name: str, array: str) -> Join:
    """The values of an array column as a multi-valued pick list: `{name}.value`."""
    table = f"LATERAL unnest({array}) WITH ORDINALITY"
    return Join(name, table, fold=Fold.VALUES, columns="(value, id)")


def placeholders(template: str) -> list[str]:
    """The names in braces of an SQL template, in order, without repeats."""
    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))


catalogue = Catalogue()
register = catalogue.register
