"""The wire shapes of groups of protocols (spec 02 §D2)."""

from pydantic import Field

from biobank.wire.detail import Flag, Payload, SparseDetail, Text, Whole, WholeList
from biobank.wire.forms import FormContext
from biobank.wire.paging import Paged
from specimens.protocol.detail.protocols import ProtocolSummary, Workflow


class GroupSummary(SparseDetail):
    """A group in lists; `cpsCount` is there when statistics were asked for."""

    name: Text = None
    cps_count: Whole = None


class GroupDetail(SparseDetail):
    """A group; on input each protocol is named by id or short title."""

    name: Text = None
    cps: list[ProtocolSummary] | None = None
    activity_status: Text = None


class GroupQuery(Paged):
    query: Text = None
    cp_short_title: Text = None
    include_stats: Flag = False


class GroupDelete(Payload):
    id: WholeList = None
    reason: Text = None


class GroupWorkflows(Payload):
    group_id: Whole = None
    group_name: Text = None
    workflows: dict[str, Workflow]


class GroupForm(Payload):
    form_id: Whole = None
    multiple_records: Flag = None


class GroupFormsBody(Payload):
    level: Text = None
    forms: list[GroupForm] = Field(default_factory=list)


class GroupFormsDetail(Payload):
    """The forms of a group at one level."""

    group_id: Whole = None
    group_name: Text = None
    level: Text = None
    forms: list[FormContext] = Field(default_factory=list)


class GroupFormsQuery(Payload):
    level: Text = None
    form_id: WholeList = None
