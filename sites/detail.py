"""The wire shapes of institutes and sites (spec 01 §E.1, §E.2)."""

from typing import Any

from biobank.wire.detail import Detail, Flag, Payload, Text, TextList, Whole, WholeList
from biobank.wire.paging import Paged


class InstituteDetail(Detail):
    name: Text = None
    activity_status: Text = None
    users_count: Whole = 0


class InstituteQuery(Paged):
    id: WholeList = None
    name: Text = None
    exact_match: Flag = False
    include_stats: Flag = False


class Coordinator(Detail):
    """A user of the site's institute; on input id or e-mail address is enough (spec 01 §C.3)."""

    type: Text = None
    first_name: Text = None
    last_name: Text = None
    login_name: Text = None
    domain: Text = None
    email_address: Text = None
    institute_id: Whole = None
    institute_name: Text = None
    activity_status: Text = None


class SiteSummary(Detail):
    name: Text = None
    institute_name: Text = None
    code: Text = None
    type: Text = None
    activity_status: Text = None
    cp_count: Whole = 0


class SiteDetail(SiteSummary):
    coordinators: list[Coordinator] | None = None
    address: Text = None
    extension_detail: dict[str, Any] | None = None
    op_comments: Text = None


class SiteQuery(Paged):
    name: Text = None
    exact_match: Flag = False
    institute: Text = None
    resource: Text = None
    operation: Text = None
    include_type: TextList = None
    exclude_type: TextList = None
    list_all: Flag = False
    include_stats: Flag = False


class NameQuery(Payload):
    name: Text = None


class InstituteSitesQuery(Payload):
    name: Text = None
    site_name: Text = None


class DeleteQuery(Payload):
    """Parameters of every delete call; those that do not apply are ignored."""

    id: WholeList = None
    close: Flag = False
    force_delete: Flag = False
    reason: Text = None


class Dependents(Payload):
    """How many records of one kind stand in the way of a delete."""

    name: str
    count: int


class BulkSites(Payload):
    ids: WholeList = None
    names: TextList = None
    detail: SiteDetail = SiteDetail()
