"""The wire shapes of collection protocols (spec 02 §A2-§A6, §A8)."""

from typing import Any, ClassVar

from biobank.wire.detail import Day, Detail, Flag, Payload, SparseDetail, Text, TextList, Whole, WholeList
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary


class ProtocolSummary(SparseDetail):
    """A protocol in lists; on input a reference to one, by id, short title or title."""

    short_title: Text = None
    title: Text = None
    code: Text = None
    principal_investigator: UserSummary | None = None
    start_date: Day = None
    end_date: Day = None
    participant_count: Whole = None
    specimen_count: Whole = None
    ppid_fmt: Text = None
    manual_ppid_enabled: Flag = None
    specimen_centric: Flag = None
    catalog_id: Whole = None
    draft_mode: Flag = None
    starred: Flag = None


class SiteLink(Detail):
    """A site of a protocol; `id` is that of the link. On input `siteName` and `code` count."""

    site_id: Whole = None
    site_name: Text = None
    code: Text = None


class PrintSetting(Detail):
    lineage: Text = None
    print_mode: Text = None
    copies: Whole = None


class ProtocolDetail(SparseDetail):
    """A protocol in full (spec 02 §A3)."""

    title: Text = None
    short_title: Text = None
    code: Text = None
    principal_investigator: UserSummary | None = None
    start_date: Day = None
    end_date: Day = None
    ppid_fmt: Text = None
    manual_ppid_enabled: Flag = None
    specimen_centric: Flag = None
    catalog_id: Whole = None
    draft_mode: Flag = None
    coordinators: list[UserSummary] | None = None
    cp_sites: list[SiteLink] | None = None
    consents_waived: Flag = None
    visit_level_consents: Flag = None
    consents_source: ProtocolSummary | None = None
    irb_id: Text = None
    anticipated_participants_count: Whole = None
    description_url: Text = None
    sop_document_url: Text = None
    sop_document_name: Text = None
    store_spr_enabled: Flag = None
    extract_spr_text: Flag = None
    visit_name_fmt: Text = None
    manual_visit_name_enabled: Flag = None
    specimen_label_fmt: Text = None
    derivative_label_fmt: Text = None
    aliquot_label_fmt: Text = None
    aliquot_label_fmt_to_use: Text = None
    additional_label_fmt: Text = None
    specimen_barcode_fmt: Text = None
    specimen_barcode_fmt_to_use: Text = None
    manual_spec_label_enabled: Flag = None
    kit_labels_enabled: Flag = None
    bulk_part_reg_enabled: Flag = None
    barcoding_enabled: Flag = None
    close_parent_specimens: Flag = None
    set_qty_to_zero: Flag = None
    container_selection_strategy: Text = None
    aliquots_in_same_container: Flag = None
    storage_site_based_access: Flag = None
    draft_data_entry: Flag = None
    label_sequence_key: Text = None
    visit_collection_mode: Text = None
    visit_name_print_mode: Text = None
    visit_name_print_copies: Whole = None
    spmn_label_pre_print_mode: Text = None
    spmn_label_print_settings: list[PrintSetting] | None = None
    distribution_protocols: list[dict[str, Any]] | None = None
    activity_status: Text = None
    extension_detail: dict[str, Any] | None = None
    op_comments: Text = None


class ProtocolFilter(Payload):
    """What list and count have in common (spec 02 §A2)."""

    query: Text = None
    title: Text = None
    irb_id: Text = None
    pi_id: Whole = None
    repository_name: Text = None
    institute_id: Whole = None
    only_participant_consent_cps: Flag = False


class ProtocolQuery(ProtocolFilter, Paged):
    detailed_list: Flag = False
    order_by_starred: Flag = False


class ByOperationQuery(Payload):
    """Where may the caller do this? (spec 02 §A1, `byop`)."""

    resource: Text = None
    op: Text = None
    site_name: TextList = None
    title: Text = None
    max_results: Whole = 100


class ProtocolDelete(Payload):
    id: WholeList = None
    force_delete: Flag = False
    reason: Text = None


class DeletedProtocol(Payload):
    """Answer of a delete; `completed` false means that it goes on in the background."""

    completed: bool
    entity: ProtocolDetail


class DeletedProtocols(Payload):
    completed: bool
    entities: list[ProtocolDetail]


class MergeDetail(Payload):
    src_cp_short_title: Text = None
    tgt_cp_short_title: Text = None


class WaiverDetail(Payload):
    consents_waived: Text = None


class DefinitionQuery(Payload):
    include_ids: Flag = False


class Workflow(Payload):
    """One named piece of configuration; `data` is stored and returned untouched."""

    KEYS: ClassVar[tuple[str, ...]] = ("name", "view", "ctrl", "data")

    name: Text = None
    view: Text = None
    ctrl: Text = None
    data: dict[str, Any] | None = None


class Workflows(Payload):
    cp_id: Whole = None
    short_title: Text = None
    workflows: dict[str, Workflow]


class StarAnswer(Payload):
    status: bool = True
