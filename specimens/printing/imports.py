"""CSV of print rules (spec 04 §5.24); captions are ours, the specification names none."""

from collections.abc import Collection, Iterator, Sequence

from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.batches import in_batches, wanted_rows
from biobank.batch.door import Refusal
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Wanted, register
from biobank.wire.errors import INVALID_INPUT, Problem
from sessions_auth.groups.rules import NOT_FOUND as GROUP_NOT_FOUND
from sites.rules import SITE_NOT_FOUND
from specimens.printing.detail import PrintRuleRow
from specimens.printing.models import Kind, PrintRule
from specimens.printing.reads.scopes import changeable_rules, exportable_rules, print_rules_for, rule_rows
from specimens.printing.writes.rule_rows import row_door
from specimens.printing.writes.rules import INVALID_TEMPLATE, NOT_FOUND
from specimens.protocol.rules.codes import CP_NOT_FOUND

_ABOUT = (
    "What labels look like and which printer gets them; of the rules that fit a label the one with the lowest Position "
    "decides. What a rule leaves blank fits everything. An update finds the rule by Identifier, else by Name."
)


def _finding(kind: Kind) -> Matching:
    def find(details: Sequence[PrintRuleRow], actor: Actor) -> list[int | Refusal | None]:
        """By identifier, else by name, which must be the name of one rule only; two queries at most."""
        visible = print_rules_for(actor).filter(kind=kind)
        ids = {row.id for row in details if row.id is not None}
        known = set(visible.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
        named = _by_name(actor, kind, {row.name.lower() for row in details if row.id is None and row.name})
        return [
            (row.id if row.id in known else None)
            if row.id is not None
            else _only(row.name, named.get((row.name or "").lower(), []))
            for row in details
        ]

    return Matching(find=find, missing=_missing, keys=_keys)


def _by_name(actor: Actor, kind: Kind, names: Collection[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    if names:
        rows = print_rules_for(actor).filter(kind=kind).annotate(low=Lower("name")).filter(low__in=names)
        for pk, name in rows.values_list("pk", "low"):
            found.setdefault(name, []).append(pk)
    return found


def _only(name: str | None, pks: Sequence[int]) -> int | Refusal | None:
    if len(pks) > 1:
        return Refusal((INVALID_INPUT(name="name", value=f"{name} ({len(pks)} rules)"),))
    return pks[0] if pks else None


def _keys(row: PrintRuleRow) -> Iterator[str]:
    if row.name:
        yield row.name.lower()


def _missing(row: PrintRuleRow) -> Problem:
    return NOT_FOUND.missing(key=row.id or row.name or "(none)")


def _exporting(kind: Kind) -> Export:
    def batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[PrintRuleRow]]:
        """By id; closed ones too."""
        rows = wanted_rows(exportable_rules(actor).filter(kind=kind), wanted)
        return in_batches(rows.order_by("pk").values_list("pk", flat=True), rule_rows)

    return Export(batches)


_OF_SPECIMENS = (
    Column("Lineage", "lineage", hint="New, Derived or Aliquot; blank: all"),
    Column("Specimen Class", "specimenClass", hint="Blank: all"),
    Column("Specimen Type", "specimenType", hint="Blank: all"),
)


def _columns(of_kind: tuple[Column, ...] = ()) -> tuple[Column, ...]:
    return (
        Column("Identifier", "id", Cell.WHOLE, codes=(NOT_FOUND.code,)),
        Column("Name", "name", aliases=("Description",), hint="Finds the rule when Identifier is blank"),
        Column("Position", "position", Cell.WHOLE, hint="A whole number; blank: 100"),
        Column("CP Short Title", "cpShortTitle", codes=(CP_NOT_FOUND.code,), hint="Blank: all protocols"),
        Column("Site Name", "siteName", codes=(SITE_NOT_FOUND.code,), hint="Blank: all sites"),
        Column("User Group", "userGroup", codes=(GROUP_NOT_FOUND.code,), hint="Blank: whoever prints"),
        *of_kind,
        Column("Printer", "printer", hint="Blank: the printer of who prints"),
        Column("Output", "output", hint="CSV or ZPL; blank: CSV"),
        Column(
            "Template", "template", codes=(INVALID_TEMPLATE.code,),
            hint="CSV: a column a line, as Caption: text; ZPL: the label. Tokens such as %LABEL% stand for values",
        ),
        Column("Activity Status", "activityStatus", codes=("ACTIVITY_STATUS_INVALID",), hint="Disabled deletes"),
    )  # fmt: skip


def _schema(name: str, label: str, kind: Kind, columns: tuple[Column, ...]) -> ImportSchema:
    door = row_door(kind)
    return ImportSchema(
        name=name,
        label=label,
        detail=PrintRuleRow,
        door=door,
        columns=columns,
        operations=ALL,
        matching=_finding(kind),
        update_door=patching(
            door,
            PrintRule,
            columns,
            stored=lambda pks: {row.id or 0: row for row in rule_rows(pks)},
            may=changeable_rules,
        ),
        export=_exporting(kind),
        about=_ABOUT,
    )


SPECIMEN_RULE = register(
    _schema("specimenPrintRule", "Specimen Print Rules", Kind.SPECIMEN, _columns(_OF_SPECIMENS))
)
VISIT_RULE = register(_schema("visitPrintRule", "Visit Print Rules", Kind.VISIT, _columns()))
