"""The wire shape of events (spec 02 §B2)."""

from biobank.wire.detail import Flag, Payload, SparseDetail, Text, Whole


class ProtocolEventDetail(SparseDetail):
    event_label: Text = None
    code: Text = None
    event_point: Whole = None
    event_point_unit: Text = None
    cp_id: Whole = None
    collection_protocol: Text = None
    cp_short_title: Text = None
    default_site: Text = None
    clinical_diagnosis: Text = None
    clinical_status: Text = None
    visit_name_print_mode: Text = None
    visit_name_print_copies: Whole = None
    activity_status: Text = None
    sort_order: Whole = None
    offset: Whole = None
    offset_unit: Text = None


class EventQuery(Payload):
    cp_id: Whole = None
    cp_short_title: Text = None
    include_closed_events: Flag = True
