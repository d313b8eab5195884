"""The wire shape of a permissible value (spec 01 §F.1)."""

from biobank.wire.detail import Flag, SparseDetail, Text, TextList
from biobank.wire.paging import Paged


class PvDetail(SparseDetail):
    value: Text = None
    parent_id: int | None = None
    parent_value: Text = None
    concept_code: Text = None
    props: dict[str, str] | None = None


class PvQuery(Paged):
    attribute: Text = None
    search_string: Text = None
    value: TextList = None
    parent_attribute: Text = None
    parent_value: Text = None
    include_parent_value: Flag = False
    include_only_leaf_value: Flag = False
    include_only_root_value: Flag = False
    include_props: Flag = False
    activity_status: Text = None
