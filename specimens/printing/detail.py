"""The wire shapes of printing (spec 03 §4.5)."""

from biobank.wire.detail import Detail, Instant, Payload, SparseDetail, Text, TextList, Whole, WholeList
from sessions_auth.detail import UserSummary


class SpecimenPrint(Payload):
    """Whose labels are wanted: the first of ids, labels, visit, registration that is there."""

    specimen_ids: WholeList = None
    specimen_labels: TextList = None
    visit_id: Whole = None
    visit_name: Text = None
    cpr_id: Whole = None
    cp_short_title: Text = None
    ppid: Text = None
    num_copies: Whole = None


class VisitPrint(Payload):
    """Which visits' names are wanted: ids, else names."""

    visit_ids: WholeList = None
    visit_names: TextList = None
    copies: Whole = None


class PrintJobSummary(SparseDetail):
    """What was sent to printers: `files` are the names for `output-file`."""

    item_type: Text = None
    submission_date: Instant = None
    submitted_by: UserSummary | None = None
    items_count: Whole = None
    files: TextList = None


class PrintToken(Payload):
    """A token that templates of labels may use."""

    name: str
    description: str


class OutputFileQuery(Payload):
    job_id: Whole = None
    filename: Text = None


class PrintRuleDetail(Detail):
    """A print rule, as the admin writes it; ids of what it is restricted to."""

    name: Text = None
    kind: Text = None
    position: Whole = None
    protocol_id: Whole = None
    site_id: Whole = None
    user_group_id: Whole = None
    lineage: Text = None
    specimen_class: Text = None
    specimen_type: Text = None
    output: Text = None
    template: str | None = None
    printer: Text = None
    activity_status: Text = None


class PrintRuleRow(PrintRuleDetail):
    """A print rule as files have it: what it is restricted to goes by name (spec 04 §5.24)."""

    cp_short_title: Text = None
    site_name: Text = None
    user_group: Text = None
    template: Text = None
