"""The wire shapes of users, sign-in, and roles (spec 01 parts B, C, D)."""

from typing import Any

from pydantic import Field

from biobank.wire.detail import (
    Day,
    Detail,
    Flag,
    Instant,
    Payload,
    SparseDetail,
    Text,
    TextList,
    Whole,
    WholeList,
)
from biobank.wire.paging import Paged
from sites.detail import SiteDetail


class UserSummary(SparseDetail):
    """A user as embedded everywhere; on input a reference to one (spec 01 §C.3)."""

    type: Text = None
    first_name: Text = None
    last_name: Text = None
    login_name: Text = None
    domain: Text = None
    email_address: Text = None
    institute_id: Whole = None
    institute_name: Text = None
    primary_site: Text = None
    admin: Flag = None
    institute_admin: Flag = None
    phone_number: Text = None
    manage_forms: Flag = None
    manage_wfs: Flag = None
    download_labels_print_file: Flag = None
    cp_count: Whole = None
    creation_date: Instant = None
    activity_status: Text = None
    impersonated: Flag = None
    days_before_password_expiry: Whole = None


class UserDetail(SparseDetail):
    """A user in full (spec 01 §C.2). There is no password key: passwords go through their own calls."""

    first_name: Text = None
    last_name: Text = None
    email_address: Text = None
    domain_name: Text = None
    login_name: Text = None
    institute_id: Whole = None
    institute_name: Text = None
    primary_site: Text = None
    type: Text = None
    phone_number: Text = None
    address: Text = None
    manage_forms: Flag = None
    manage_wfs: Flag = None
    manage_print_jobs: Flag = None
    dnd: Flag = None
    api_user: Flag = None
    ip_range: Text = None
    time_zone: Text = None
    default_printer: Text = None
    download_labels_print_file: Flag = None
    creation_date: Instant = None
    activity_status: Text = None
    op_comments: Text = None


class UserQuery(Payload):
    """Filters of `GET /users` (spec 01 §C.5); paging starts at `start` here."""

    start: Whole = 0
    max_results: Whole = 100
    search_string: Text = None
    name: Text = None
    login_name: Text = None
    institute: Text = None
    group: TextList = None
    domain_name: Text = None
    activity_status: Text = None
    list_all: Flag = True
    type: Text = None
    exclude_type: TextList = None
    active_since: Day = None
    site: Text = None
    cp: Text = None
    role: TextList = None
    resource: Text = None
    op: TextList = None
    include_stats: Flag = False
    include_sys_user: Flag = False

    def bounds(self) -> tuple[int, int]:
        """First row and one past the last row of the page."""
        start, size = max(self.start or 0, 0), self.max_results or 0
        return start, start + (size if size > 0 else 100)


class BulkUsers(Payload):
    ids: WholeList = None
    names: TextList = None  # e-mail addresses
    detail: UserDetail = UserDetail()


class StatusChange(Payload):
    activity_status: Text = None


class Announcement(Payload):
    subject: Text = None
    message: Text = None


# --- Signing in and passwords ---


class SignIn(Payload):
    """Credentials (spec 01 §B.1); a blank domain is `openspecimen`."""

    login_name: Text = None
    password: Text = None
    domain_name: Text = None


class OtpProps(Payload):
    otp: Text = None


class OtpSignIn(Payload):
    """Whose one-time password: asked for, or in `props.otp` presented (spec 01 §B.3)."""

    email_address: Text = None
    props: OtpProps | None = None


class YesNo(Payload):
    """Answer of a yes-or-no call."""

    status: bool


class SignedIn(SparseDetail):
    """Who signed in and the token; or only the token to reset a password with."""

    first_name: Text = None
    last_name: Text = None
    login_name: Text = None
    token: Text = None
    admin: Flag = None
    institute_admin: Flag = None
    reset_password_token: Text = None


class Done(Payload):
    """Answer of calls that only succeed; its key is spelled with a capital."""

    status: str = Field(default="Success", alias="Status")


class Impersonate(Payload):
    login_name: Text = None
    domain_name: Text = None


class Impersonating(Payload):
    impersonate_user_token: str | None = None


class PasswordChange(Payload):
    user_id: Whole = None
    old_password: Text = None
    new_password: Text = None


class ForgottenPassword(Payload):
    """Whose password is forgotten; `user_id` is a login name or an e-mail address."""

    id: Whole = None
    user_id: Text = None
    login_name: Text = None
    email_address: Text = None
    domain_name: Text = None


class NewPassword(Payload):
    login_name: Text = None
    reset_password_token: Text = None
    new_password: Text = None


# --- Roles ---


class RoleOperation(Payload):
    resource_instance_id: Whole = None
    operation_name: Text = None


class RoleResource(SparseDetail):
    resource_name: Text = None
    operations: list[RoleOperation] | None = None


class RoleDetail(SparseDetail):
    name: Text = None
    description: Text = None
    acl: list[RoleResource] | None = None


class RoleQuery(Paged):
    name: Text = None


class RoleProtocol(SparseDetail):
    """The protocol of a role; on input by id, else title, else short title."""

    title: Text = None
    short_title: Text = None
    code: Text = None
    activity_status: Text = None


class SubjectRoleDetail(Detail):
    """A role given to a user; no site means all of the institute's, no protocol means all (spec 01 §D.3)."""

    role: RoleDetail | None = None
    site: SiteDetail | None = None
    collection_protocol: RoleProtocol | None = None
    system_role: Flag = None


class HeldRole(Payload):
    """A role as CSV has it: no site means all of the institute's, no protocol means all (spec 04 §5.5)."""

    role_name: Text = None
    site_name: Text = None
    cp_short_title: Text = None


class UserRoles(Payload):
    """The roles of a user, who is named by id or e-mail address."""

    subject_id: Whole = None
    email_address: Text = None
    roles: list[HeldRole] | None = None


class RoleLine(UserDetail):
    """A user with one of their roles."""

    site_name: Text = None
    cp_short_title: Text = None
    role: Text = None


# --- Auth domains ---


class DomainSummary(Detail):
    name: Text = None


class DomainDetail(SparseDetail):
    """Where passwords are checked; `auth_provider_props` are taken and never told (they hold secrets)."""

    name: Text = None
    auth_type: Text = None
    impl_class: Text = None
    auth_provider_props: dict[str, Any] | None = None
    activity_status: Text = None
