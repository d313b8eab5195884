"""The wire shapes of specimen requirements (spec 02 §C2-§C4)."""

from typing import Any

from biobank.wire.detail import Flag, Number, Payload, SparseDetail, Text, Whole
from sessions_auth.detail import UserSummary


class RequirementDetail(SparseDetail):
    """A requirement; `eventLabel`, `parentSrCode` and `parentSrId` are read, never printed.

    The units are printed, never read.
    """

    name: Text = None
    code: Text = None
    lineage: Text = None
    specimen_class: Text = None
    type: Text = None
    anatomic_site: Text = None
    laterality: Text = None
    pathology: Text = None
    storage_type: Text = None
    initial_qty: Number = None
    concentration: Number = None
    collector: UserSummary | None = None
    collection_procedure: Text = None
    collection_container: Text = None
    receiver: UserSummary | None = None
    label_fmt: Text = None
    label_auto_print_mode: Text = None
    label_print_copies: Whole = None
    sort_order: Whole = None
    pre_barcoded_tube: Flag = None
    event_id: Whole = None
    event_label: Text = None
    cp_id: Whole = None
    cp_short_title: Text = None
    parent_sr_id: Whole = None
    parent_sr_code: Text = None
    default_custom_field_values: dict[str, Any] | None = None
    def_custom_field_values_json: Text = None
    children: "list[RequirementDetail] | None" = None
    activity_status: Text = None
    quantity_unit: Text = None
    concentration_unit: Text = None
    services: list[dict[str, Any]] | None = None
    uid: Text = None
    parent_uid: Text = None
    extension_detail: dict[str, Any] | None = None


class RequirementQuery(Payload):
    cp_id: Whole = None
    event_id: Whole = None
    event_label: Text = None
    include_child_reqs: Flag = True


class AliquotSpec(Payload):
    """Several equal aliquots of a requirement (spec 02 §C3)."""

    no_of_aliquots: Whole = None
    qty_per_aliquot: Number = None
    storage_type: Text = None
    code: Text = None
    label_fmt: Text = None
    label_auto_print_mode: Text = None
    label_print_copies: Whole = None
    default_custom_field_values: dict[str, Any] | None = None
    pre_barcoded_tube: Flag = None


class DerivedSpec(Payload):
    """What is derived from a requirement (spec 02 §C4); `quantity` becomes `initialQty`."""

    name: Text = None
    specimen_class: Text = None
    type: Text = None
    quantity: Number = None
    storage_type: Text = None
    concentration: Number = None
    anatomic_site: Text = None
    laterality: Text = None
    pathology: Text = None
    label_fmt: Text = None
    label_auto_print_mode: Text = None
    label_print_copies: Whole = None
    code: Text = None
    sort_order: Whole = None
    default_custom_field_values: dict[str, Any] | None = None
