"""The wire shapes of users, sign-in, and roles (spec 01 parts B, C, D)."""

from biobank.wire.detail import Flag, Instant, SparseDetail, Text, Whole


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
