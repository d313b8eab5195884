"""What can be audited: each package declares its records, and whose values are shown to whom."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Field, Model, QuerySet
from pydantic.alias_generators import to_camel

from biobank.access import Actor
from biobank.records import UNTRACKED


@dataclass(frozen=True, slots=True)
class Mask:
    """Fields that only some callers may see: `shown` answers for which of the records (keys) the caller may.

    Fields of parts are named `<part>.<field>`.
    """

    fields: frozenset[str]
    shown: Callable[[Actor, Collection[int]], Collection[int]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong to a record and are shown in its history; `owner` is their foreign key to it."""

    key: str
    model: type[Model]
    owner: str


@dataclass(frozen=True, slots=True)
class Source:
    """One table of history, and how its rows belong to a record."""

    table: str
    owner: str  # the column that holds the record's key
    prefix: str  # of the keys on the wire; blank for the record itself
    columns: dict[str, tuple[str, "Field[Any, Any]"]]  # column -> key on the wire and field


@dataclass(frozen=True)
class Audited:
    """One kind of record. `readable` answers the rows the caller may read; super administrators read all.

    `hidden` names fields that nobody sees.
    """

    name: str
    label: str
    model: type[Model]
    readable: Callable[[Actor], QuerySet[Any]]
    parts: tuple[Part, ...] = ()
    masks: tuple[Mask, ...] = ()
    hidden: frozenset[str] = frozenset()

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The record's own history first, then those of its parts."""
        own = Source(history_table(self.model), "pgh_obj_id", "", self._columns(self.model))
        parts = (
            Source(
                history_table(part.model),
                str(part.model._meta.get_field(part.owner).column),  # type: ignore[union-attr]
                part.key,
                self._columns(part.model, f"{part.key}.", without=part.owner),
            )
            for part in self.parts
        )
        return (own, *parts)

    def _columns(
        self, model: type[Model], prefix: str = "", without: str = ""
    ) -> "dict[str, tuple[str, Field[Any, Any]]]":
        secret = self.hidden | {"id", without, *UNTRACKED}
        return {
            str(field.column): (to_camel(field.attname), field)
            for field in model._meta.concrete_fields
            if field.name not in secret and f"{prefix}{field.name}" not in self.hidden
        }

    def concealed(self, actor: Actor, ids: Collection[int]) -> dict[int, set[str]]:
        """The columns of each record that the caller may not see, parts' as `<part>.<column>`; a look-up a mask."""
        found: dict[int, set[str]] = {pk: set() for pk in ids}
        if actor.is_super:
            return found
        for mask in self.masks:
            shown = set(mask.shown(actor, ids))
            for pk in ids:
                if pk not in shown:
                    found[pk] |= mask.fields
        return found


@dataclass(frozen=True, slots=True)
class Report:
    """One CSV of the audit report: `select` is SQL with `%(start)s`, `%(end)s` and `%(users)s` (array or null)."""

    type: str
    file: str
    select: str


REPORT_TYPES = ("data", "auth", "query_exim", "api_calls")
_audited: dict[str, Audited] = {}
_reports: list[Report] = []


def register(declared: Audited) -> Audited:
    """Make a kind of record known under its name."""
    _audited[declared.name] = declared
    return declared


def register_report(report: Report) -> Report:
    """Add a file to the reports of its type."""
    _reports.append(report)
    return report


def find(name: str | None) -> Audited | None:
    return _audited.get(name or "")


def entities() -> list[Audited]:
    """Every kind of record, by name."""
    return sorted(_audited.values(), key=lambda declared: declared.name)


def reports(kinds: Collection[str]) -> list[Report]:
    return [report for report in _reports if report.type in kinds]


def history_table(model: type[Model]) -> str:
    """The table into which the triggers of a tracked model write."""
    return str(model.history.rel.related_model._meta.db_table)  # type: ignore[attr-defined]
