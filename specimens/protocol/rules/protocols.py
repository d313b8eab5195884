"""What a collection protocol may look like (spec 02 §A3-§A6)."""

from collections.abc import Iterable, Iterator

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Code, Problem
from specimens.protocol.detail.protocols import PrintSetting, ProtocolDetail
from specimens.protocol.labels.language import LabelKind, is_template
from specimens.protocol.rules import codes

STATUSES = ("Active", "Closed", "Disabled")
LINEAGES = ("New", "Derived", "Aliquot")
VISIT_PRINT_MODES = ("PRE_PRINT", "ON_COMPLETION", "NONE")
LABEL_PRINT_MODES = ("PRE_PRINT", "ON_COLLECTION", "ON_RECEIVE", "NONE")
PRE_PRINT_MODES = (
    "ON_REGISTRATION", "ON_VISIT", "ON_PRIMARY_COLL", "ON_PRIMARY_RECV", "ON_SHIPMENT_RECV", "NONE",
)  # fmt: skip

# The texts of a protocol and how long they may be
LENGTHS = {
    "title": 255, "short_title": 50, "code": 32, "irb_id": 255, "description_url": 255, "sop_document_url": 255,
    "sop_document_name": 255, "ppid_fmt": 255, "visit_name_fmt": 255, "specimen_label_fmt": 255,
    "derivative_label_fmt": 255, "aliquot_label_fmt": 255, "additional_label_fmt": 255,
    "specimen_barcode_fmt": 255,
}  # fmt: skip

_FORMATS: tuple[tuple[str, LabelKind, Code], ...] = (
    ("ppid_fmt", LabelKind.PPID, codes.CP_INVALID_PPID_FMT),
    ("visit_name_fmt", LabelKind.VISIT, codes.CP_INVALID_VISIT_NAME_FMT),
    ("specimen_label_fmt", LabelKind.SPECIMEN, codes.CP_INVALID_SPECIMEN_LABEL_FMT),
    ("derivative_label_fmt", LabelKind.SPECIMEN, codes.CP_INVALID_DERIVATIVE_LABEL_FMT),
    ("aliquot_label_fmt", LabelKind.SPECIMEN, codes.CP_INVALID_ALIQUOT_LABEL_FMT),
    ("additional_label_fmt", LabelKind.ADDITIONAL, codes.CP_INVALID_ADDL_LABEL_FMT),
    ("specimen_barcode_fmt", LabelKind.BARCODE, codes.CP_INVALID_SPECIMEN_BARCODE_FMT),
)
_OF_PARTICIPANTS = frozenset({"ppid_fmt", "visit_name_fmt"})

# Keys with a list of allowed values: the list, the code, and what a blank means
CHOICES: tuple[tuple[str, tuple[str, ...], Code, str | None], ...] = (
    (
        "container_selection_strategy",
        ("least-empty", "recently-used"),
        codes.INV_CONT_SEL_STRATEGY,
        None,
    ),
    ("label_sequence_key", ("ID", "LABEL"), codes.CP_INVALID_LABEL_SEQ_KEY, "ID"),
    (
        "visit_collection_mode",
        ("PRIMARY_SPMNS", "ALL_SPMNS"),
        codes.CP_INVALID_VISIT_COLL_MODE,
        "ALL_SPMNS",
    ),
    ("visit_name_print_mode", VISIT_PRINT_MODES, codes.CP_INVALID_VISIT_NAME_PRINT_MODE, "NONE"),
    ("spmn_label_pre_print_mode", PRE_PRINT_MODES, codes.CP_INVALID_SPMN_LABEL_PRE_PRINT_MODE, "NONE"),
)


def title_problems(detail: ProtocolDetail) -> Iterator[Problem]:
    if not detail.title:
        yield codes.CP_TITLE_REQUIRED()
    if not detail.short_title:
        yield codes.CP_SHORT_TITLE_REQUIRED()


def own_problems(detail: ProtocolDetail, *, specimen_centric: bool) -> Iterator[Problem]:
    """What is wrong with the protocol's own values, whatever the database knows."""
    if detail.start_date and detail.end_date and detail.start_date > detail.end_date:
        yield codes.CP_START_DT_GT_END_DT()
    yield from _format_problems(detail, specimen_centric)
    if detail.barcoding_enabled and not may_enable_barcoding(detail):
        yield codes.CP_CANNOT_ENABLE_BARCODING()
    for name, allowed, code, _ in CHOICES:
        value = getattr(detail, name)
        if value and value not in allowed:
            yield code(value=value)
    yield from print_setting_problems(detail.spmn_label_print_settings or ())
    for protocol in detail.distribution_protocols or ():
        named = next((protocol[key] for key in ("id", "shortTitle", "title") if protocol.get(key)), "?")
        yield codes.DP_NOT_FOUND(key=named)
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    yield from too_long(detail, LENGTHS)


def _format_problems(detail: ProtocolDetail, specimen_centric: bool) -> Iterator[Problem]:
    for name, kind, code in _FORMATS:
        text = getattr(detail, name)
        if text and not (specimen_centric and name in _OF_PARTICIPANTS) and not is_template(kind, text):
            yield code(value=text)


def may_enable_barcoding(detail: ProtocolDetail) -> bool:
    formats = (detail.specimen_label_fmt, detail.derivative_label_fmt, detail.aliquot_label_fmt)
    return all(formats) and not detail.manual_spec_label_enabled


def print_setting_problems(settings: Iterable[PrintSetting]) -> Iterator[Problem]:
    """At most one setting per lineage (spec 02 §A5)."""
    seen: set[str] = set()
    for setting in settings:
        if not setting.lineage:
            yield codes.CP_SPMN_LINEAGE_REQUIRED()
        elif setting.lineage not in LINEAGES:
            yield codes.CP_INVALID_SPMN_LINEAGE(value=setting.lineage)
        elif setting.lineage in seen:
            yield codes.CP_DUP_PRINT_SETTING(value=setting.lineage)
        else:
            seen.add(setting.lineage)
        if setting.print_mode and setting.print_mode not in LABEL_PRINT_MODES:
            yield codes.CP_INVALID_SPMN_LABEL_PRINT_MODE(value=setting.print_mode)


def too_long(detail: object, lengths: dict[str, int]) -> Iterator[Problem]:
    """One problem for each text that does not fit its column."""
    for name, limit in lengths.items():
        value = getattr(detail, name)
        if isinstance(value, str) and len(value) > limit:
            yield codes.TOO_LONG(name=name, limit=limit)


def formats_allow_merge(source: object, target: object) -> bool:
    """Each format of the target must be blank or that of the source (spec 02 §A6)."""
    names = ("ppid_fmt", "visit_name_fmt", "specimen_label_fmt", "derivative_label_fmt", "aliquot_label_fmt")
    return all(getattr(target, name) in (None, "", getattr(source, name)) for name in names)


def site_code_problems(site_codes: Iterable[str | None]) -> Iterator[Problem]:
    """Codes of sites are unique within a protocol (spec 02 §A4)."""
    seen: set[str] = set()
    for code in site_codes:
        if code and code in seen:
            yield codes.CP_DUP_CP_SITE_CODES(value=code)
        seen.add(code or "")
