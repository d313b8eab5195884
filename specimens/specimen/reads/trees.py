"""Trees of specimens: what is stored, merged with what the protocol plans (spec 03 §3.2, §5; 02 §C6)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from biobank.access import Actor
from specimens.protocol.labels import aliquot_format_text
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.protocol.reads import requirements_of, units_for
from specimens.protocol.reads.units import NO_UNITS, UnitKey, Units
from specimens.specimen.reads.pools import Pools, pools_of
from specimens.specimen.reads.rows import Context, Json, Row, detail, rows_of_trees, users_of
from specimens.specimen.reads.scopes import accession_filter, sees_children
from specimens.specimen.rules import ALIQUOT, COLLECTED, DERIVED, NEW

_Key = tuple[int | None, int | None]


def context_of(actor: Actor, rows: Sequence[Row], *, formats: bool = True) -> Context:
    """What the wire shapes of the rows share; two queries at most."""
    return Context(
        users=users_of(rows),
        shows_accession=accession_filter(actor, {row.cp_id for row in rows}),
        label_format=_label_format if formats else lambda row: None,
    )


def _label_format(row: Row) -> str | None:
    """`labelFmt`: the requirement's template, else the protocol's for the lineage."""
    if row.req_label_fmt:
        return row.req_label_fmt
    if row.lineage == ALIQUOT:
        return aliquot_format_text(row)
    return row.derivative_label_fmt if row.lineage == DERIVED else row.specimen_label_fmt


@dataclass
class Forest:
    """Stored specimens and planned ones, ready to be told as trees."""

    context: Context
    shown: Collection[int]  # protocols where children may be told
    pools: Pools
    below: dict[int | None, list[Row]] = field(default_factory=dict)
    planned: dict[_Key, list[Requirement]] = field(default_factory=dict)  # (event, parent requirement)
    units: Mapping[UnitKey, Units] = field(default_factory=dict)  # of what is planned

    @staticmethod
    def of(
        actor: Actor, rows: Sequence[Row], visits: Sequence[Row] = (), *, planned: bool = True
    ) -> "Forest":
        """`visits` are rows without specimen; what is planned for them is told too, unless nothing planned is."""
        every = [*rows, *visits]
        wanted = {row.event_id for row in visits if row.event_id is not None}
        wanted |= {row.event_id for row in rows if row.event_id is not None and row.req_id is not None}
        coming = requirements_of(wanted, closed=False) if wanted and planned else {}
        pools = pools_of(rows)
        around = [row for found in (*pools.members.values(), *pools.pools.values()) for row in found]
        protocol_ids = {row.cp_id for row in every}
        context = context_of(actor, [*every, *around])
        forest = Forest(context, sees_children(actor, protocol_ids), pools)
        kinds = {(one.specimen_class, one.type) for some in coming.values() for one in some}
        if kinds:
            forest.units = units_for(dict.fromkeys(protocol_ids, kinds))
        for row in rows:
            forest.below.setdefault(row.parent_id, []).append(row)
        for event_id, requirements in coming.items():
            for requirement in requirements:
                forest.planned.setdefault((event_id, requirement.parent_id), []).append(requirement)
        return forest

    def tree(self, row: Row) -> Json:
        """A specimen with its children, stored and planned."""
        if row.cp_id not in self.shown:
            return self.alone(row, [])
        stored = self.below.get(row.id, []) if row.id is not None else []
        children = [*stored, *self._coming(row, stored)]
        return self.alone(row, [self.tree(child) for child in sorted(children, key=_order)])

    def alone(self, row: Row, children: list[Json] | None = None) -> Json:
        """A specimen with the pools around it, and the children that are given."""
        members, pools = self.pools.members.get(row.id), self.pools.pools.get(row.id)
        if members and row.cp_id not in self.shown:
            members = [one for one in members if one.lineage == NEW]
        return detail(row, self.context, children, members=members, pools=pools)

    def _coming(self, row: Row, stored: Sequence[Row]) -> Iterator[Row]:
        """What is planned below a specimen and not there yet."""
        if row.req_id is None:
            return
        there = {child.req_id for child in stored}
        for requirement in self.planned.get((row.event_id, row.req_id), ()):
            if requirement.pk not in there:
                yield self._anticipated(requirement, row)

    def _anticipated(self, requirement: Requirement, above: Row) -> Row:
        key = (above.cp_id, requirement.specimen_class, requirement.type)
        return _anticipated(requirement, above, self.units.get(key, NO_UNITS))

    def of_visit(self, visit: Row) -> list[Json]:
        """All trees of a visit; `visit` is a row without specimen that carries the visit's keys."""
        stored = [row for row in self.below.get(None, []) if row.visit_id == visit.visit_id]
        there = {row.req_id for row in stored}
        coming = [
            self._anticipated(requirement, visit)
            for requirement in self.planned.get((visit.event_id, None), ())
            if requirement.pk not in there
        ]
        return [self.tree(row) for row in sorted([*stored, *coming], key=_order)]


def _order(row: Row) -> tuple[bool, int, bool, int, bool, int]:
    """Siblings stand by sort order, requirement and id (spec 03 §5)."""
    return (
        row.sort_order is None, row.sort_order or 0, row.req_id is None, row.req_id or 0, row.id is None, row.id or 0,
    )  # fmt: skip


def _anticipated(requirement: Requirement, above: Row, units: Units) -> Row:
    """What a requirement asks for, as a specimen without id; `above` is its parent or its visit."""
    return above._replace(
        id=None,
        req_id=requirement.pk,
        req_code=requirement.code,
        req_label=requirement.name,
        sort_order=requirement.sort_order,
        storage_type=requirement.storage_type,
        pre_barcoded_tube=requirement.pre_barcoded_tube,
        label_auto_print_mode=requirement.label_auto_print_mode,
        req_label_fmt=requirement.label_fmt,
        label=None,
        additional_label=None,
        barcode=None,
        specimen_class=requirement.specimen_class,
        type=requirement.type,
        lineage=requirement.lineage,
        anatomic_site=requirement.anatomic_site,
        laterality=requirement.laterality,
        pathology=requirement.pathology,
        status=None,
        initial_qty=requirement.initial_qty,
        available_qty=requirement.initial_qty,
        concentration=requirement.concentration,
        quantity_unit=units.quantity,
        concentration_unit=units.concentration,
        parent_id=above.id,
        parent_label=above.label,
        primary_id=above.primary_id or above.id,
        activity_status="Active",
        created_on=None,
        created_by=None,
        freeze_thaw_cycles=None,
        image_id=None,
        external_ids=[],
        biohazards=[],
        comments=None,
    )


def visit_row(
    protocol: CollectionProtocol, event: Event | None, cpr_id: int | None, ppid: str | None, **visit: object
) -> Row:
    """A row that stands for a visit (or an event to come), from which planned specimens take their keys."""
    empty: dict[str, object] = dict.fromkeys(Row._fields)
    empty |= {
        "cp_id": protocol.pk,
        "cp_short_title": protocol.short_title,
        "cpr_id": cpr_id,
        "ppid": ppid,
        "event_id": event.pk if event is not None else None,
        "event_code": event.code if event is not None else None,
        "event_label": event.label if event is not None else None,
        "specimen_label_fmt": protocol.specimen_label_fmt,
        "derivative_label_fmt": protocol.derivative_label_fmt,
        "aliquot_label_fmt": protocol.aliquot_label_fmt,
        "lineage": NEW,
        "status": COLLECTED,
    }
    return Row(**{**empty, **visit})  # type: ignore[arg-type]


def details(actor: Actor, ids: Sequence[int]) -> list[Json]:
    """Specimens with the trees below them, in the order of `ids`; a fixed number of queries."""
    rows = rows_of_trees(ids)
    forest = Forest.of(actor, rows)
    found = {row.id: row for row in rows}
    return [forest.tree(found[pk]) for pk in ids if pk in found]
