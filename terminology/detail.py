"""The wire shape of a permissible value (spec 01 §F.1)."""

from typing import Any

from biobank.wire.detail import Detail, Flag, SparseDetail, Text, TextList, Whole
from biobank.wire.paging import Paged


class PvDetail(SparseDetail):
    value: Text = None
    parent_id: int | None = None
    parent_value: Text = None
    concept_code: Text = None
    props: dict[str, str] | None = None


class PvWish(Detail):
    """A value as it is to be; the parent by id, or by attribute (the value's own when left out) and text."""

    attribute: Text = None
    value: Text = None
    parent_id: Whole = None
    parent_attribute: Text = None
    parent_value: Text = None
    concept_code: Text = None
    sort_order: Whole = None
    props: dict[str, Any] | None = None
    activity_status: Text = None


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
