"""Labels and barcodes: what may be given, what is taken, what is generated (spec 03 §3.6)."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from biobank.wire.errors import Problem, Refused
from specimens.protocol.labels import (
    LabelFormat,
    LabelValues,
    additional_format,
    barcode_format,
    make_labels,
    specimen_format,
)
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.rules import COLLECTED, PENDING
from specimens.specimen.writes.drafts import Draft
from specimens.specimen.writes.facts import Facts, Owners
from specimens.specimen.writes.values import Problems, Sent
from terminology.models import PermissibleValue

# Coded fields that PV_PROP may name besides type, class and pathology: columns and pick lists have the same names
_ASKED = {
    "anatomicSite": "anatomic_site", "laterality": "laterality", "collectionProcedure": "collection_procedure",
    "collectionContainer": "collection_container",
}  # fmt: skip
_Named = dict[str, list[Draft]]


class _Formats(NamedTuple):
    """Templates of label, additional label and barcode, and whether labels may be typed."""

    label: LabelFormat | None
    additional: LabelFormat | None
    barcode: LabelFormat | None
    manual: bool


class Naming:
    """The names of one batch."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._labels: _Named = {}
        self._additional: _Named = {}
        self._barcodes: _Named = {}
        self._formats: dict[tuple[int, str, int | None], _Formats] = {}
        self._values: dict[int, LabelValues] = {}

    def labelled(self, label: str, protocol_id: int | None) -> Draft | Problem:
        """The specimen with the label, of the batch or stored; the protocol where it is known (spec 03 §3.6)."""
        found = list(self._labels.get(label, ()))
        for _, pk in self._facts.labels.get(label, ()):
            stored = self._facts.drafts.get(pk)
            if stored is not None and stored not in found:
                found.append(stored)
        owners = [(draft.row.protocol_id, place) for place, draft in enumerate(found)]
        picked = rules.owner(owners, label, protocol_id, per_cp=self._facts.per_cp.labels)
        return picked if isinstance(picked, Problem) else found[picked]

    def keep(self, draft: Draft) -> None:
        """From here on its names are taken."""
        row = draft.row
        for name, owners in (
            (row.label, self._labels),
            (row.additional_label, self._additional),
            (row.barcode, self._barcodes),
        ):
            if name:
                owners.setdefault(name, []).append(draft)

    def settle(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        """Take or plan the label, the additional label and the barcode."""
        self._label(draft, detail, sent, problems)
        if "additional_label" in sent or draft.new:
            self._additional_label(draft, detail.additional_label or None, problems)
        if "barcode" in sent or draft.new:
            self._barcode(draft, detail.barcode or None, problems)

    # --- Labels ------------------------------------------------------------------------------------

    def _label(self, draft: Draft, detail: SpecimenDetail, sent: Sent, problems: Problems) -> None:
        row = draft.row
        given = (detail.label or None) if "label" in sent else row.label
        if given is not None:
            if given != row.label:
                wrong = self._given_label_problem(draft, given)
                if wrong is not None:
                    problems.append(wrong)
                row.label = given
                row.label_per_cp = self._facts.per_cp.labels
                self._values.pop(id(draft), None)  # its children's labels repeat it
            draft.label_format, draft.counted = None, False
            return
        fmt, _, _, manual = self._formats_of(draft)
        if row.label is not None and fmt is not None and not manual:
            return  # a generated label is not taken away
        what = rules.naming(lineage=row.lineage, status=row.status, template=fmt is not None, manual=manual)
        if isinstance(what, Problem):
            problems.append(what)
            return
        row.label = None
        draft.label_format = fmt if what is rules.Naming.GENERATED else None
        draft.counted = what is rules.Naming.COUNTED

    def _given_label_problem(self, draft: Draft, label: str) -> Problem | None:
        fmt, _, _, manual = self._formats_of(draft)
        if fmt is not None:
            if not manual:
                return rules.MANUAL_LABEL(label=label)
            if not fmt.matches(label, self._values_of(draft)):
                return rules.INVALID_LABEL(label=label)
        if len(label) > 255:
            return rules.TOO_LONG(name="label", limit=255)
        per_cp = self._facts.per_cp.labels
        if self._taken(draft, label, self._facts.labels, self._labels, per_cp=per_cp):
            return (rules.DUP_LABEL_IN_CP if per_cp else rules.DUP_LABEL)(label=label)
        return None

    def _taken(self, draft: Draft, name: str, stored: Owners, batch: _Named, *, per_cp: bool) -> bool:
        row = draft.row
        if rules.taken(stored.get(name, ()), row.pk, row.protocol_id, per_cp=per_cp):
            return True
        return any(
            other is not draft and (not per_cp or other.row.protocol_id == row.protocol_id)
            for other in batch.get(name, ())
        )

    def _additional_label(self, draft: Draft, label: str | None, problems: Problems) -> None:
        row = draft.row
        fmt = self._formats_of(draft).additional
        if label is not None and label != row.additional_label:
            row.additional_label_per_cp = per_cp = self._facts.per_cp.additional_labels
            if self._taken(draft, label, self._facts.additional_labels, self._additional, per_cp=per_cp):
                code = rules.DUP_ADDITIONAL_LABEL_IN_CP if per_cp else rules.DUP_ADDITIONAL_LABEL
                problems.append(code(label=label))
            problems += rules.long_texts([("additionalLabel", label)])
        if label is None and fmt is not None:
            draft.additional_format = fmt if _is_named(row) and row.additional_label is None else None
            return  # a generated label is not taken away
        row.additional_label = label

    def _barcode(self, draft: Draft, barcode: str | None, problems: Problems) -> None:
        row = draft.row
        fmt = self._formats_of(draft).barcode
        if draft.requirement is not None and draft.requirement.pre_barcoded_tube:
            fmt = None
        if barcode is not None and barcode != row.barcode:
            if fmt is not None:
                problems.append(rules.MANUAL_BARCODE(barcode=barcode))
            row.barcode_per_cp = per_cp = self._facts.per_cp.barcodes
            if self._taken(draft, barcode, self._facts.barcodes, self._barcodes, per_cp=per_cp):
                code = rules.DUP_BARCODE_IN_CP if per_cp else rules.DUP_BARCODE
                problems.append(code(barcode=barcode))
            problems += rules.long_texts([("barcode", barcode)])
        if barcode is None and fmt is not None:
            draft.barcode_format = fmt if _is_named(row) and row.barcode is None else None
            return  # a generated barcode is not taken away
        row.barcode = barcode

    # --- Formats and what their tokens see -----------------------------------------------------------

    def _formats_of(self, draft: Draft) -> _Formats:
        """What names the specimens of a protocol, lineage and requirement."""
        row, requirement = draft.row, draft.requirement
        key = (row.protocol_id, row.lineage, requirement.pk if requirement is not None else None)
        found = self._formats.get(key)
        if found is None:
            protocol = self._facts.protocols[row.protocol_id]
            found = self._formats[key] = _Formats(
                specimen_format(protocol, row.lineage, requirement),
                additional_format(protocol),
                barcode_format(protocol) if protocol.barcoding_enabled else None,
                protocol.manual_spec_label_enabled,
            )
        return found

    @cached_property
    def _coded(self) -> dict[tuple[str, str, str], PermissibleValue]:
        """Types (with their class) and pathology statuses by (attribute, class, value)."""
        rows = PermissibleValue.objects.filter(attribute__in=("specimen_type", "pathology_status"))
        return {
            (row.attribute, row.parent.value if row.parent else "", row.value): row
            for row in rows.select_related("parent")
        }

    def _values_of(self, draft: Draft) -> LabelValues:
        found = self._values.get(id(draft))
        if found is None:
            found = self._values[id(draft)] = self._build_values(draft)
        return found

    def _build_values(self, draft: Draft) -> LabelValues:
        row, visit = draft.row, draft.visit
        event = self._facts.events.get(visit.event_id or 0)
        kind = self._coded.get(("specimen_type", row.specimen_class, row.type))
        pathology = self._coded.get(("pathology_status", "", row.pathology or ""))
        root = draft.root
        return LabelValues(
            **LabelValues.of_protocol(self._facts.protocols[row.protocol_id]),
            registration_id=visit.registration_id,
            ppid=visit.ppid,
            visit_id=visit.id,
            visit_name=visit.name,
            visit_date=visit.visit_date,
            event_id=visit.event_id,
            event_label=event.label if event is not None else None,
            event_code=event.code if event is not None else None,
            specimen_id=row.pk or -1,  # any key will do until it is stored
            label=row.label,
            requirement_code=draft.requirement.code if draft.requirement is not None else None,
            type_id=kind.pk if kind is not None else None,
            type_abbr=kind.props.get("abbreviation") if kind is not None else None,
            pathology_id=pathology.pk if pathology is not None else None,
            pathology_abbr=pathology.props.get("abbreviation") if pathology is not None else None,
            collected_at=row.collection_time,
            created_at=row.created_on,
            parent=self._values_of(draft.parent) if draft.parent is not None else None,
            primary=self._values_of(root) if root is not draft else None,
            coded=self._asked_for(draft, kind, pathology),
        )

    def _asked_for(
        self, draft: Draft, kind: PermissibleValue | None, pathology: PermissibleValue | None
    ) -> dict[str, dict[str, str]]:
        """The properties of coded fields, where a template has PV_PROP."""
        formats = self._formats_of(draft)[:3]
        if not any(fmt is not None and fmt.uses("PV_PROP") for fmt in formats):
            return {}
        others = {
            name: self._others.get((attribute, getattr(draft.row, attribute) or ""))
            for name, attribute in _ASKED.items()
        }
        of = kind.parent if kind is not None else None
        return _properties(
            specimenClass=of,
            specimenType=kind,
            type=kind,
            pathologyStatus=pathology,
            pathology=pathology,
            **others,
        )

    @cached_property
    def _others(self) -> dict[tuple[str, str], PermissibleValue]:
        """The pick-list values behind the other coded fields, by (attribute, value); one query."""
        rows = PermissibleValue.objects.filter(attribute__in=_ASKED.values())
        return {(row.attribute, row.value): row for row in rows}

    # --- Generating ----------------------------------------------------------------------------------

    def generate(self, drafts: Sequence[Draft]) -> None:
        """Make the labels and barcodes that are to be made; keys must be known. Writes the counters."""
        labels = [draft for draft in drafts if draft.label_format is not None]
        additional = [draft for draft in drafts if draft.additional_format is not None]
        barcodes = [draft for draft in drafts if draft.barcode_format is not None]
        if labels or additional or barcodes:
            self._values.clear()  # some were made before the keys were known
        for draft, text in zip(labels, self._make((d.label_format, d) for d in labels), strict=True):
            if not text and draft.row.status == COLLECTED:
                raise Refused(rules.LABEL_REQUIRED())
            draft.row.label = text or None
            draft.row.label_per_cp = self._facts.per_cp.labels
        self._count([draft for draft in drafts if draft.counted])
        if additional or barcodes:
            self._values.clear()  # these may repeat the label
        for draft, text in zip(
            additional, self._make((d.additional_format, d) for d in additional), strict=True
        ):
            draft.row.additional_label = text or None
            draft.row.additional_label_per_cp = self._facts.per_cp.additional_labels
        for draft, text in zip(barcodes, self._make((d.barcode_format, d) for d in barcodes), strict=True):
            draft.row.barcode = text or None
            draft.row.barcode_per_cp = self._facts.per_cp.barcodes

    def _make(self, wanted: Iterable[tuple[LabelFormat | None, Draft]]) -> list[str]:
        work = [(fmt, self._values_of(draft)) for fmt, draft in wanted if fmt is not None]
        return make_labels(work) if work else []

    def _count(self, drafts: Sequence[Draft]) -> None:
        """`<parent label>_<n>`, n counting the parent's children (spec 03 §3.6)."""
        so_far: dict[int, int] = {}
        for draft in sorted(drafts, key=_depth):
            parent = draft.parent
            if parent is None or not parent.row.label:
                continue
            number = so_far.get(id(parent), self._facts.children_counts.get(parent.row.pk, 0)) + 1
            so_far[id(parent)] = number
            draft.row.label = f"{parent.row.label}_{number}"
            draft.row.label_per_cp = self._facts.per_cp.labels


def _is_named(row: Specimen) -> bool:
    """Whether names are made for it: never for what will not be collected."""
    return row.status in (COLLECTED, PENDING)


def _depth(draft: Draft) -> int:
    return 0 if draft.parent is None else 1 + _depth(draft.parent)


def _properties(**values: PermissibleValue | None) -> dict[str, dict[str, str]]:
    """What PV_PROP may ask for."""
    return {
        name: {"value": row.value, "concept_code": row.concept_code or "", **row.props}
        for name, row in values.items()
        if row is not None
    }
