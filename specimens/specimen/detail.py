"""The wire shapes of specimens (spec 03 §3.2, §3.3, §3.5, §3.7, §3.8)."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from biobank.wire.detail import Detail, Flag, Instant, Number, Payload, Text, TextList, Whole, WholeList
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary


class SpecimenExternalId(Payload):
    name: Text = None
    value: Text = None


class SpecimenLocation(Payload):
    """A place in a container; `id` is the container's, -1 means not stored (spec 03 §3.7)."""

    id: Whole = None
    name: Text = None
    barcode: Text = None
    mode: Text = None
    position_x: Text = None
    position_y: Text = None
    position: Whole = None
    reservation_id: Text = None


class CollectionEvent(Detail):
    """How a primary specimen was taken (spec 03 §3.7b)."""

    time: Instant = None
    user: UserSummary | None = None
    comments: Text = None
    specimen_label: Text = None
    specimen_id: Whole = None
    procedure: Text = None
    container: Text = None


class ReceivedEvent(Detail):
    """How a primary specimen arrived (spec 03 §3.7b)."""

    time: Instant = None
    user: UserSummary | None = None
    comments: Text = None
    specimen_label: Text = None
    specimen_id: Whole = None
    received_quality: Text = None
    new_label: Text = None


class SpecimenInfo(Detail):
    """What every endpoint tells of a specimen; keys that only come in are never printed."""

    cp_id: Whole = None
    cp_short_title: Text = None
    cpr_id: Whole = None
    ppid: Text = None
    event_id: Whole = None
    event_code: Text = None
    event_label: Text = None
    visit_id: Whole = None
    visit_name: Text = None
    visit_status: Text = None
    visit_date: Instant = None
    spr_no: Text = None
    req_id: Whole = None
    req_code: Text = None
    req_label: Text = None
    sort_order: Whole = None
    storage_type: Text = None
    pre_barcoded_tube: Flag = None
    label: Text = None
    additional_label: Text = None
    barcode: Text = None
    specimen_class: Text = None
    type: Text = None
    lineage: Text = None
    anatomic_site: Text = None
    laterality: Text = None
    pathology: Text = None
    status: Text = None
    initial_qty: Number = None
    available_qty: Number = None
    concentration: Number = None
    quantity_unit: Text = None
    concentration_unit: Text = None
    parent_id: Whole = None
    parent_label: Text = None
    storage_location: SpecimenLocation | None = None
    storage_site: Text = None
    collector: UserSummary | None = None
    receiver: UserSummary | None = None
    collection_container: Text = None
    collection_date: Instant = None
    activity_status: Text = None
    availability_status: Text = None
    distribution_status: Text = None
    created_on: Instant = None
    created_by: UserSummary | None = None
    code: Text = None
    freeze_thaw_cycles: Whole = None
    image_id: Text = None
    external_ids: list[SpecimenExternalId] | None = None
    label_auto_print_mode: Text = None
    op_comments: Text = None
    print_label: Flag = Field(default=None, exclude=True)
    close_after_pooled_creation: Flag = Field(default=None, exclude=True)


class SpecimenDetail(SpecimenInfo):
    """A specimen in full, with its children."""

    collection_event: CollectionEvent | None = None
    received_event: ReceivedEvent | None = None
    biohazards: TextList = None
    comments: Text = None
    children: list["SpecimenDetail"] | None = None
    specimens_pool: list[SpecimenInfo] | None = None
    pooled_specimens: list[SpecimenInfo] | None = None
    pool_specimen: Flag = None
    pooled_specimen_id: Whole = None
    pooled_specimen_label: Text = None
    label_fmt: Text = None
    extension_detail: dict[str, Any] | None = None
    reserved: Flag = None
    uid: Text = None
    parent_uid: Text = None
    dp_id: Whole = None
    checked_out: Flag = None
    checkout_position: SpecimenLocation | None = None
    kit_label: Text = None
    kit_barcode: Text = None
    ancestor_id: Whole = None
    update: Flag = Field(default=None, exclude=True)
    close_after_children_creation: Flag = Field(default=None, exclude=True)
    close_parent: Flag = Field(default=None, exclude=True)
    incr_parent_freeze_thaw: Whole = Field(default=None, exclude=True)
    checkout: Flag = Field(default=None, exclude=True)
    transfer_user: UserSummary | None = Field(default=None, exclude=True)
    transfer_time: Instant = Field(default=None, exclude=True)
    transfer_comments: Text = Field(default=None, exclude=True)
    container_location: SpecimenLocation | None = Field(default=None, exclude=True)
    container_type_id: Whole = Field(default=None, exclude=True)
    container_type_name: Text = Field(default=None, exclude=True)
    holding_location: SpecimenLocation | None = Field(default=None, exclude=True)
    auto_collect_parents: Flag = Field(default=None, exclude=True)


class SpecimenRow(SpecimenDetail):
    """A row of a file of specimens; `exported_id` is the id it had where it comes from, in a row that creates."""

    exported_id: Text = None


class SpecimenStatusChange(Payload):
    """Close, reopen or delete one specimen; the list form names it (spec 03 §3.5)."""

    id: Whole = None
    name: Text = None
    cp_short_title: Text = None
    barcode: Text = None
    status: Text = None
    reason: Text = None
    user: UserSummary | None = None
    date: Instant = None
    comments: Text = None
    force_update: Flag = False


class DisposalRow(SpecimenStatusChange):
    """A row of a file of disposals (spec 04 §5.17)."""

    @property
    def op_comments(self) -> str | None:
        """Why it is deleted: goes into the history. What is closed keeps reason and comments itself."""
        return (self.comments or self.reason) if self.status == "Disabled" else None


class DisposalEventRow(Detail):
    """A row that corrects a disposal; the event has the specimen's id (spec 04 §5.24)."""

    time: Instant = None
    comments: Text = None
    user: UserSummary | None = None


class SpecimenBulkChange(Payload):
    """The same change for many specimens (spec 03 §3.9)."""

    ids: WholeList = None
    detail: SpecimenDetail = SpecimenDetail()


class SpecimenUndelete(Payload):
    """Which deleted specimen comes back, alone or with what was made of it (spec 03 §3.9)."""

    id: Whole = None
    include_children: Flag = False
    reason: Text = None


class AliquotSpec(Detail):
    """A row of the aliquot import: one parent, n aliquots (spec 03 §3.8, 04 §5.14)."""

    cp_short_title: Text = None
    parent_id: Whole = None
    parent_label: Text = None
    no_of_aliquots: Whole = None
    qty_per_aliquot: Number = None
    labels: Text = None
    barcodes: Text = None
    specimen_class: Text = None
    type: Text = None
    create_derived: Flag = None
    keep_derived_open: Flag = None
    concentration: Number = None
    created_on: Instant = None
    created_by: UserSummary | None = None
    container_name: Text = None
    position_x: Text = None
    position_y: Text = None
    position: Whole = None
    freeze_thaw_cycles: Whole = None
    incr_parent_freeze_thaw: Whole = None
    close_parent: Flag = None
    comments: Text = None
    op_comments: Text = None
    extension_detail: dict[str, Any] | None = None


class SpecimenQuery(Payload):
    """Parameters of the list; the first matching rule wins (spec 03 §3.2)."""

    cpr_id: Whole = None
    visit_id: Whole = None
    event_id: Whole = None
    id: WholeList = None
    label: TextList = None
    barcode: TextList = None
    cp_id: Whole = None
    cp_short_title: Text = None
    exact_match: Flag = None
    storage_location_site: Text = None
    include_extensions: Flag = False
    minimal_info: Flag = False
    include_children: Flag = True


class SpecimenSearch(Paged):
    """Criteria of a search (spec 03 §3.2)."""

    ids: WholeList = None
    label: Text = None
    labels: TextList = None
    barcode: Text = None
    barcodes: TextList = None
    cp_id: Whole = None
    cp_short_title: Text = None
    cpr_id: Whole = None
    ppid: Text = None
    visit_id: Whole = None
    visit_names: TextList = None
    lineage: Text = None
    lineages: TextList = None
    collection_status: Text = None
    collection_statuses: TextList = None
    type: Text = None
    anatomic_site: Text = None
    container: Text = None
    container_id: Whole = None
    ancestor_container_id: Whole = None
    ancestor_id: Whole = None
    storage_location_site: Text = None
    location_site: Text = None
    list_id: Whole = None
    specimen_list_id: Whole = None
    reserved_for_dp: Text = None
    available: Flag = None
    no_qty: Flag = None
    include_only_tbr: Flag = None
    exact_match: Flag = None
    include_extensions: Flag = None
    minimal_info: Flag = None
    search_str: Text = None
    order_by: Text = None
    asc: Flag = True


class LabelQuery(Payload):
    """Which specimen a label check asks for."""

    label: Text = None
    barcode: Text = None
    cp_short_title: Text = None


class SpecimenAncestry(Payload):
    """The records above a specimen."""

    cp_id: Whole = None
    cpr_id: Whole = None
    visit_id: Whole = None
    specimen_id: Whole = None


class SpecimenKey(Payload):
    id: int


class EventUser(Payload):
    id: Whole = None
    first_name: Text = None
    last_name: Text = None


class EventField(Payload):
    name: Text = None
    caption: Text = None
    value: Text = None


class EventRecord(Detail):
    """One event in the shape of a form's record; `update_time` in epoch milliseconds."""

    record_id: Whole = None
    sys_form: Flag = None
    update_time: Whole = None
    user: EventUser | None = None
    form_status: Text = None
    field_values: list[EventField] | None = None


class EventForm(Payload):
    """A built-in event form with the records of one specimen (spec 03 §4.1)."""

    form_id: Whole = None
    form_name: Text = None
    form_caption: Text = None
    form_ctxt_id: Whole = None
    records: list[EventRecord] | None = None


def _user(value: object) -> object:
    """A user as a form's field holds one: by id, by e-mail address, or as a summary."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"id": value}
    if isinstance(value, str):
        text = value.strip()
        return ({"id": text} if text.isdigit() else {"emailAddress": text}) if text else None
    return value


class EventTarget(Payload):
    """The specimen that a record is about: `id`, or `objectId` as records of forms have it."""

    model_config = ConfigDict(extra="allow")

    id: Whole = None
    object_id: Whole = None


class EventMap(Payload):
    """One record of a built-in event form (spec 03 §4.1); which of the fields count depends on the form."""

    model_config = ConfigDict(extra="allow")

    app_data: EventTarget | None = None
    user: Annotated[
        UserSummary | None,
        BeforeValidator(_user),
        WithJsonSchema({"type": ["integer", "string", "object", "null"]}),
    ] = None
    time: Instant = None
    comments: Text = None
    procedure: Text = None
    container: Text = None
    quality: Text = None
    reason: Text = None
    to_container: Text = None

    @property
    def specimen_id(self) -> int | None:
        target = self.app_data
        return None if target is None else target.id if target.id is not None else target.object_id


class SavedEvent(Detail):
    """A record as it was sent, with its id and its form's."""

    model_config = ConfigDict(extra="allow")

    container_id: Whole = None
    app_data: dict[str, Any] | None = None
