"""The wire shapes of consent statements and tiers (spec 02 §A9, §D1)."""

from biobank.wire.detail import SparseDetail, Text, Whole
from biobank.wire.paging import Paged


class StatementDetail(SparseDetail):
    code: Text = None
    statement: Text = None
    activity_status: Text = None


class StatementQuery(Paged):
    code: Text = None
    statement: Text = None


class TierDetail(SparseDetail):
    """A statement that the participants of a protocol respond to."""

    statement_id: Whole = None
    statement_code: Text = None
    statement: Text = None
