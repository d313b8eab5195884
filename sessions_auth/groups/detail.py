"""The wire shapes of user groups (spec 01 §C.11)."""

from biobank.wire.detail import Flag, Payload, SparseDetail, Text, Whole
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary


class UserGroupDetail(SparseDetail):
    """A group; `users` is filled on request only. On input, no `users` key leaves the members as they are."""

    name: Text = None
    description: Text = None
    institute: Text = None
    no_of_users: Whole = None
    users: list[UserSummary] | None = None
    activity_status: Text = None


class UserGroupQuery(Paged):
    query: Text = None
    institute: Text = None
    site: Text = None
    list_all: Flag = False
    include_stats: Flag = False


class UserGroupOneQuery(Payload):
    include_users: Flag = False


class MembershipQuery(Payload):
    """`op`: ADD or REMOVE."""

    op: Text = None


class MemberOfQuery(Payload):
    group_name: Text = None
