"""The tokens that exist, by what is named (spec 02 §P4, §P5, §P6)."""

from specimens.protocol.labels.kinds import (
    CustomField,
    Number,
    ParentCounter,
    Property,
    Text,
    Today,
    in_greek,
    in_latin,
)
from specimens.protocol.labels.language import LabelKind, Token
from specimens.protocol.labels.values import LabelValues
from specimens.protocol.labels.years import collection_year, primary_year, visit_year

OUTPUT_ONE = "output_one"


# --- Keys of counters; None: nothing to count by -----------------------------------------------------


def _joined(*parts: object) -> str | None:
    return (
        None if any(part is None or part == "" for part in parts) else "_".join(str(part) for part in parts)
    )


def _visit_key(v: LabelValues) -> str | None:
    return _joined(v.cp_id, v.visit_name) if v.by_label else _joined(v.visit_id)


def _registration_key(v: LabelValues) -> str | None:
    return _joined(v.cp_id, v.ppid) if v.by_label else _joined(v.registration_id)


def _specimen_key(v: LabelValues, of: LabelValues | None) -> str | None:
    if of is None:
        return None
    return _joined(v.cp_id, of.label) if v.by_label else _joined(of.specimen_id)


def _parent_key(v: LabelValues) -> str | None:
    return _specimen_key(v, v.parent)


def _primary_key(v: LabelValues) -> str | None:
    return _specimen_key(v, v.root)


_SCOPES = {
    "registration": ("CPR_", _registration_key),
    "visit": ("VISIT_", _visit_key),
    "parent_specimen": ("PARENT_SPMN_", _parent_key),
    "primary_specimen": ("PRIMARY_SPMN_", _primary_key),
}


class AbbreviationNumber(Number):
    """`SP_TYPE_ABBR_UID(n, mode, scope)`: per type abbreviation within a scope; number 1 is hidden."""

    __slots__ = ()

    def accepts(self, args: tuple[str, ...]) -> bool:
        return (
            Number.accepts(self, args[:1])
            and len(args) <= 3
            and args[1:2] in ((), ("",), ("default",), (OUTPUT_ONE,))
            and (len(args) < 3 or args[2] in _SCOPES)
        )

    def counter(self, values: LabelValues, args: tuple[str, ...]) -> tuple[str, str] | None:
        prefix, key_of = _SCOPES[args[2] if len(args) > 2 else "visit"]
        key = _joined(key_of(values), values.type_abbr)
        return None if key is None else (f"{prefix}{self.name}", key)


# --- The tables ---------------------------------------------------------------------------------------


def _table(*tokens: Token) -> dict[str, Token]:
    return {token.name: token for token in tokens}


def _today() -> Today:
    return Today("TODAY_DATE")


PPID_TOKENS = _table(
    Text("CP_CODE", lambda v: v.cp_code),
    Text("CP_ID", lambda v: _joined(v.cp_id)),
    Number("CP_UID", "PPID", lambda v: _joined(v.cp_id)),
    Number("SYS_UID", "Registration", lambda v: "SYS_UID"),
    Text("CP_SITE_CODE", lambda v: v.cp_site_code),
    Text("SITE_CODE", lambda v: v.mrn_site_code),
    Text("REG_SITE_CODE", lambda v: v.reg_site_code or ""),
    Text("EXT_SUBJECT_ID", lambda v: v.external_subject_id),
    _today(),
    CustomField("CUSTOM_FIELD", ("cpr", "cp")),
)

VISIT_TOKENS = _table(
    Text("PPI", lambda v: v.ppid),
    Text("EVENT_LABEL", lambda v: v.event_label),
    Text("EVENT_CODE", lambda v: v.event_code),
    Number("EVENT_UID", "EVENT_UID", lambda v: _joined(v.ppid, v.event_id)),
    Number("PPI_UID", "VISIT_PPI_UID", lambda v: _joined(v.registration_id)),
    Number("NAME_UID", "VISIT_NAME_UID", lambda v: _joined(v.ppid, v.event_label or "-")),
    Number("SYS_UID", "Visit", lambda v: "SYS_UID"),
    Text("CP_CODE", lambda v: v.cp_code),
    Text("CP_ID", lambda v: _joined(v.cp_id)),
    Text("YR_OF_VISIT", visit_year),
    Text("YR_OF_VISIT2", lambda v: (visit_year(v) or "")[-2:] or None),
    Text("CLINICAL_STATUS_ABBR", lambda v: v.clinical_status_abbr),
    Text("CLINICAL_STATUS", lambda v: v.clinical_status),
    Text("VISIT_SITE_CODE", lambda v: v.visit_site_code),
    _today(),
    CustomField("CUSTOM_FIELD", ("visit", "cpr", "cp")),
)

SPECIMEN_TOKENS = _table(
    Number("SYS_UID", "Specimen", lambda v: "SYS_UID"),
    Text("PPI", lambda v: v.ppid),
    Text("CP_CODE", lambda v: v.cp_code),
    Text("CP_ID", lambda v: _joined(v.cp_id)),
    Text("EVENT_CODE", lambda v: v.event_code),
    Text("EVENT_LABEL", lambda v: v.event_label),
    Text("SR_CODE", lambda v: v.requirement_code),
    Text("SP_TYPE", lambda v: v.type_abbr),
    Text("SP_PATH_STATUS", lambda v: v.pathology_abbr),
    Text("YR_OF_COLL", collection_year),
    _today(),
    Number("PPI_UID", "PPI_UID", lambda v: _joined(v.ppid)),
    Number("CP_PPI_UID", "CP_PPI_UID", lambda v: _joined(v.cp_id, v.ppid)),
    Number("SPEC_CP_UID", "SPEC_CP_UID", lambda v: _joined(v.cp_id)),
    Number("PPI_YOC_UID", "PPI_YOC_UID", lambda v: _joined(v.ppid, primary_year(v))),
    Number("PPI_SPEC_TYPE_UID", "PPI_SPEC_TYPE_UID", lambda v: _joined(v.ppid, v.type_id), OUTPUT_ONE),
    Number("VISIT_UID", "VISIT_UID", _visit_key),
    Number("VISIT_SP_TYPE_UID", "VISIT_SP_TYPE_UID", lambda v: _joined(v.visit_name, v.type_id), OUTPUT_ONE),
    Number(
        "VISIT_SP_PATH_UID", "VISIT_SP_PATH_UID", lambda v: _joined(_visit_key(v), v.pathology_id), OUTPUT_ONE
    ),
    AbbreviationNumber("SP_TYPE_ABBR_UID", "SP_TYPE_ABBR_UID", lambda v: None, OUTPUT_ONE),
    Text("PSPEC_LABEL", lambda v: v.parent.label if v.parent else None),
    Number("PSPEC_UID", "PSPEC_UID", _parent_key),
    ParentCounter("PSPEC_COUNTER", _parent_key, lambda v: v.parent.label if v.parent else None),
    Text("PR_SPEC_LABEL", lambda v: v.root.label),
    ParentCounter("PRIMARY_SPEC_COUNTER", _primary_key, lambda v: v.root.label if v.parent else None),
    in_greek("PSPEC_GREEK_SEQ", _parent_key),
    in_greek("VISIT_GREEK_SEQ", _visit_key),
    in_greek("CPR_GREEK_SEQ", _registration_key),
    in_latin("PSPEC_LATIN_SEQ", _parent_key),
    in_latin("VISIT_LATIN_SEQ", _visit_key),
    in_latin("CPR_LATIN_SEQ", _registration_key),
    Property("PV_PROP"),
    CustomField("CUSTOM_FIELD", ("specimen", "parentSpecimen", "visit", "cpr", "cp")),
)

TOKENS: dict[LabelKind, dict[str, Token]] = {
    LabelKind.PPID: PPID_TOKENS,
    LabelKind.VISIT: VISIT_TOKENS,
    LabelKind.SPECIMEN: SPECIMEN_TOKENS,
    LabelKind.ADDITIONAL: SPECIMEN_TOKENS,
    LabelKind.BARCODE: SPECIMEN_TOKENS,
}
