"""The wire shapes of settings (spec 01 §E.4)."""

from biobank.wire.detail import Instant, Payload, SparseDetail, Text, TextList


class Activator(SparseDetail):
    """Who gave a setting its value."""

    first_name: Text = None
    last_name: Text = None
    login_name: Text = None
    email_address: Text = None


class SettingDetail(SparseDetail):
    """A setting with one value; `value` is always text."""

    module: Text = None
    name: Text = None
    value: Text = None
    type: Text = None
    allowed_values: TextList = None
    display_name_code: Text = None
    desc_code: Text = None
    activation_date: Instant = None
    activated_by: Activator | None = None
    secured: bool = False


class SettingQuery(Payload):
    module: Text = None
    property: Text = None


class Locale(Payload):
    """How dates look, and what the server's clock shows (`utc_offset`: minus its offset, in milliseconds)."""

    locale: str
    date_fmt: str
    time_fmt: str
    de_fe_date_fmt: str
    de_be_date_fmt: str
    utc_offset: int


class PasswordRule(Payload):
    pattern: str
    desc: str
