"""Which template names a record: the requirement's, the protocol's, or the system's (spec 02 §A3, §C6)."""

from typing import Protocol

from biobank.configuration.known import default_of
from biobank.configuration.reads import setting
from specimens.protocol.labels.language import LabelFormat, LabelKind, is_template
from specimens.protocol.models import CollectionProtocol, Lineage, Requirement

MODULE = "biospecimen"


def _system(kind: LabelKind, name: str) -> str:
    """The template of a setting; in place of one that is no template, the setting's default."""
    chosen = setting(MODULE, name)
    return chosen if chosen and is_template(kind, chosen) else default_of(MODULE, name)


def _compiled(kind: LabelKind, text: str | None) -> LabelFormat | None:
    return LabelFormat.compile(kind, text) if text else None


def ppid_format(protocol: CollectionProtocol) -> LabelFormat | None:
    return _compiled(LabelKind.PPID, protocol.ppid_fmt)


def visit_format(protocol: CollectionProtocol, *, planned: bool) -> LabelFormat:
    """The protocol's template, else the system's for planned or unplanned visits."""
    default = _system(LabelKind.VISIT, "visit_name_format" if planned else "unplanned_visit_name_format")
    return LabelFormat.compile(LabelKind.VISIT, protocol.visit_name_fmt or default)


class HasAliquotFormat(Protocol):
    """A protocol, or a row that carries its template."""

    @property
    def aliquot_label_fmt(self) -> str | None: ...


def aliquot_format_text(protocol: HasAliquotFormat) -> str:
    """`aliquotLabelFmtToUse`: the protocol's template, else the system's."""
    return protocol.aliquot_label_fmt or _system(LabelKind.SPECIMEN, "aliquot_label_format")


def barcode_format_text(protocol: CollectionProtocol) -> str | None:
    """`specimenBarcodeFmtToUse`: the protocol's template, else the system's, if there is one."""
    return protocol.specimen_barcode_fmt or _system(LabelKind.BARCODE, "specimen_barcode_format") or None


def specimen_format_text(
    protocol: CollectionProtocol, lineage: str, requirement: Requirement | None = None
) -> str | None:
    """`labelFmt` of a specimen: the requirement's template, else the protocol's for the lineage."""
    if requirement is not None and requirement.label_fmt:
        return requirement.label_fmt
    if lineage == Lineage.ALIQUOT:
        return aliquot_format_text(protocol)
    return protocol.derivative_label_fmt if lineage == Lineage.DERIVED else protocol.specimen_label_fmt


def specimen_format(
    protocol: CollectionProtocol, lineage: str, requirement: Requirement | None = None
) -> LabelFormat | None:
    """None: labels of this lineage are typed."""
    return _compiled(LabelKind.SPECIMEN, specimen_format_text(protocol, lineage, requirement))


def additional_format(protocol: CollectionProtocol) -> LabelFormat | None:
    return _compiled(LabelKind.ADDITIONAL, protocol.additional_label_fmt)


def barcode_format(protocol: CollectionProtocol) -> LabelFormat | None:
    return _compiled(LabelKind.BARCODE, barcode_format_text(protocol))
