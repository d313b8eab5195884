"""From the wire shape of a protocol to its columns."""

from typing import Any

from specimens.protocol.detail.protocols import PrintSetting, ProtocolDetail
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.rules import protocols as rules

_TEXTS = (
    "code", "irb_id", "description_url", "sop_document_url", "sop_document_name", "ppid_fmt", "visit_name_fmt",
    "specimen_label_fmt", "derivative_label_fmt", "aliquot_label_fmt", "additional_label_fmt", "specimen_barcode_fmt",
)  # fmt: skip
_FLAGS = (
    "manual_ppid_enabled", "manual_visit_name_enabled", "manual_spec_label_enabled", "kit_labels_enabled",
    "bulk_part_reg_enabled", "barcoding_enabled", "close_parent_specimens", "draft_data_entry",
)  # fmt: skip
_AS_SENT = (
    "title", "short_title", "start_date", "end_date", "anticipated_participants_count", "set_qty_to_zero",
    "storage_site_based_access", "visit_name_print_copies", "store_spr_enabled", "extract_spr_text",
)  # fmt: skip
_OTHERS = (
    "container_selection_strategy", "label_sequence_key", "visit_collection_mode", "visit_name_print_mode",
    "spmn_label_pre_print_mode", "spmn_label_print_settings", "aliquots_in_same_container", "activity_status",
)  # fmt: skip
COLUMNS = (*_TEXTS, *_FLAGS, *_AS_SENT, *_OTHERS)  # what a replacement writes


def fill(row: CollectionProtocol, detail: ProtocolDetail, *, is_new: bool) -> None:
    """Put a checked detail into a row; keys that were not sent get their defaults (spec 02 §A3)."""
    if is_new:
        row.specimen_centric = bool(detail.specimen_centric)
        row.consents_waived = bool(detail.consents_waived) or row.specimen_centric
        row.visit_level_consents = detail.visit_level_consents
    for name in _TEXTS:
        setattr(row, name, getattr(detail, name) or None)
    for name in _FLAGS:
        setattr(row, name, bool(getattr(detail, name)))
    for name in _AS_SENT:
        setattr(row, name, getattr(detail, name))
    for name, _, _, default in rules.CHOICES:
        setattr(row, name, getattr(detail, name) or default)
    row.aliquots_in_same_container = (
        detail.aliquots_in_same_container if row.container_selection_strategy else None
    )
    row.spmn_label_print_settings = [_setting(item) for item in detail.spmn_label_print_settings or ()]
    row.activity_status = detail.activity_status or "Active"
    if row.specimen_centric:
        row.ppid_fmt = row.visit_name_fmt = row.anticipated_participants_count = None
        row.visit_name_print_mode = "NONE"


def _setting(item: PrintSetting) -> dict[str, Any]:
    return {"lineage": item.lineage, "printMode": item.print_mode or None, "copies": item.copies}
