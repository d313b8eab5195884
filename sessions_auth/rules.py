"""Codes and decisions about users, signing in and passwords (spec 01 parts B, C)."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from biobank.access import CONTACT, INSTITUTE, REGULAR, SUPER, Actor
from biobank.wire.errors import (
    ACCESS_DENIED,
    ACTIVITY_STATUS_INVALID,
    ADMIN_RIGHTS_REQUIRED,
    INST_ADMIN_RIGHTS_REQUIRED,
    INVALID_TZ,
    Code,
    Kind,
    Problem,
)
from sessions_auth.detail import UserDetail
from sites.rules import too_long

# Signing in
INVALID_CREDENTIALS = Code(
    "AUTH_INVALID_CREDENTIALS", "Login name or password is not right", Kind.SIGN_IN_FAILED
)
NA_IP_ADDRESS = Code("AUTH_NA_IP_ADDRESS", "This account may not be used from this address")
SYSTEM_LOCKDOWN = Code("AUTH_SYSTEM_LOCKDOWN", "The server is closed for maintenance")
USER_LOCKED = Code("AUTH_USER_LOCKED", "The account is locked; an administrator can unlock it")
PASSWD_EXPIRED = Code("AUTH_PASSWD_EXPIRED", "The password has expired; please reset it")
OTP_EXPIRED = Code("AUTH_OTP_EXPIRED", "The one-time password is no longer valid; ask for another one")

# Users
NOT_FOUND = Code("USER_NOT_FOUND", "There is no such user: {key}")
FIRST_NAME_REQUIRED = Code("USER_FIRST_NAME_REQUIRED", "A user needs a first name")
LAST_NAME_REQUIRED = Code("USER_LAST_NAME_REQUIRED", "A user needs a last name")
LOGIN_NAME_REQUIRED = Code("USER_LOGIN_NAME_REQUIRED", "A user needs a login name")
SYS_LOGIN_NAME = Code("USER_SYS_LOGIN_NAME", "This login name belongs to the server")
INVALID_EMAIL = Code("USER_INVALID_EMAIL", "A user needs a valid e-mail address")
EMAIL_REQUIRED = Code("USER_EMAIL_REQUIRED", "An e-mail address or login name is needed")
DUP_LOGIN_NAME = Code("USER_DUP_LOGIN_NAME", "A user with the same login name exists already")
DUP_EMAIL = Code("USER_DUP_EMAIL", "A user with the same e-mail address exists already")
INST_REQUIRED = Code("USER_INST_REQUIRED", "A user needs an institute")
INSTITUTE_NOT_FOUND = Code("INSTITUTE_NOT_FOUND", "There is no such institute: {key}")
DOMAIN_NAME_REQUIRED = Code("USER_DOMAIN_NAME_REQUIRED", "A user needs a domain")
DOMAIN_CHANGE_NOT_ALLOWED = Code(
    "USER_DOMAIN_CHANGE_NOT_ALLOWED", "Only a super administrator moves users to another domain"
)
USER_NAME_REQUIRED = Code("USER_NAME_REQUIRED", "Which users? Their ids or e-mail addresses are needed")
INACTIVE = Code("USER_INACTIVE", "The account of {key} is not active")
DOMAIN_NOT_FOUND = Code("USER_DOMAIN_NOT_FOUND", "There is no such domain: {key}")
SITE_NOT_FOUND = Code("SITE_NOT_FOUND", "There is no such site: {key}")
INVALID_SITE_INSTITUTE = Code("SITE_INVALID_SITE_INSTITUTE", "The site belongs to another institute: {key}")
INVALID_TYPE = Code("USER_INVALID_TYPE", "{value} is not a type of user")
IP_REQ = Code("USER_IP_REQ", "A user of the API needs the addresses it calls from")
INVALID_IP = Code("USER_INVALID_IP", "Not an address or range of addresses: {value}")
INVALID_PRINTER = Code("USER_INVALID_PRINTER_NAME", "There is no such printer: {value}")
EMAIL_SELF_UPDATE = Code("USER_EMAIL_SELF_UPDATE_NA", "Nobody can change their own e-mail address")
IN_USE = Code("USER_REF_ENTITY_FOUND", "Other records still refer to the user")
STATUS_CHANGE_NOT_ALLOWED = Code("USER_STATUS_CHANGE_NOT_ALLOWED", "The status cannot become {value}")
SOME_NOT_FOUND = Code("USER_ONE_OR_MORE_NOT_FOUND", "There are no such users: {key}")
SIGN_UP_NOT_ALLOWED = Code("USER_SIGN_UP_NOT_ALLOWED", "Signing up is switched off")
LOCAL_SIGN_UP_NA = Code("USER_LOCAL_ACC_SIGNUP_NA", "Nobody can sign up for a local account")
ANN_SUBJECT_REQ = Code("USER_ANN_SUBJECT_REQ", "An announcement needs a subject")
ANN_MESSAGE_REQ = Code("USER_ANN_MESSAGE_REQ", "An announcement needs a message")

# Passwords
PASSWD_CHANGE_NOT_ALLOWED = Code(
    "USER_PASSWD_CHANGE_NOT_ALLOWED", "This account's password is kept elsewhere"
)
OLD_PASSWD_NOT_SPECIFIED = Code("USER_OLD_PASSWD_NOT_SPECIFIED", "The present password is needed")
INVALID_OLD_PASSWD = Code("USER_INVALID_OLD_PASSWD", "The present password is not right")
PERMISSION_DENIED = Code("USER_PERMISSION_DENIED", "You may not change this user's password", Kind.FORBIDDEN)
PASSWD_VIOLATES_RULES = Code("USER_PASSWD_VIOLATES_RULES", "The new password does not follow the rules")
PASSWD_SAME_AS_LAST_N = Code("USER_PASSWD_SAME_AS_LAST_N", "This password has been used before")
FORGOT_DISABLED = Code("USER_FORGOT_PASSWD_DISABLED", "Passwords cannot be reset by mail here")
NOT_IN_OS_DOMAIN = Code("USER_NOT_FOUND_IN_OS_DOMAIN", "There is no active local account of that name")
INVALID_PASSWD_TOKEN = Code(
    "USER_INVALID_PASSWD_TOKEN", "The link to reset the password is not valid (any more)"
)

TYPES = (SUPER, INSTITUTE, REGULAR, CONTACT)
STATUSES = ("Active", "Disabled", "Closed", "Locked", "Expired", "Pending")
SETTABLE_STATUSES = ("Active", "Locked", "Closed", "Disabled")
OWN_KEYS = frozenset(
    {"phone_number", "time_zone", "dnd", "default_printer", "download_labels_print_file", "address"}
)


def user_type(text: str | None) -> str | None:
    """The type meant, NONE when nothing is said; None for a text that is no type."""
    if not text or text.lower() == "regular":
        return REGULAR
    return text.upper() if text.upper() in TYPES else None


def user_status(text: str | None) -> str | None:
    """The status meant, Active when nothing is said; None for a text that is no status."""
    if not text:
        return "Active"
    wanted = "Closed" if text.lower() == "archived" else text.capitalize()
    return wanted if wanted in STATUSES else None


def user_problems(detail: UserDetail) -> Iterator[Problem]:
    """What is wrong with a user, before look-ups; the type must have been made canonical."""
    if not detail.first_name:
        yield FIRST_NAME_REQUIRED()
    if not detail.last_name:
        yield LAST_NAME_REQUIRED()
    if not is_email(detail.email_address):
        yield INVALID_EMAIL()
    if not detail.institute_name:
        yield INST_REQUIRED()
    yield from _login_problems(detail)
    yield from _choice_problems(detail)
    yield from _ip_problems(detail)
    yield from too_long(
        firstName=(detail.first_name, 255),
        lastName=(detail.last_name, 255),
        loginName=(detail.login_name, 255),
        emailAddress=(detail.email_address, 255),
        phoneNumber=(detail.phone_number, 255),
        ipRange=(detail.ip_range, 255),
        defaultPrinter=(detail.default_printer, 255),
    )


def _login_problems(detail: UserDetail) -> Iterator[Problem]:
    if (detail.login_name or "").startswith("$"):
        yield SYS_LOGIN_NAME()
    if detail.type == CONTACT:
        return
    if not detail.login_name:
        yield LOGIN_NAME_REQUIRED()
    if not detail.domain_name:
        yield DOMAIN_NAME_REQUIRED()


def _choice_problems(detail: UserDetail) -> Iterator[Problem]:
    if user_type(detail.type) is None:
        yield INVALID_TYPE(value=detail.type)
    if user_status(detail.activity_status) is None:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    if detail.time_zone and detail.time_zone not in available_timezones():
        yield INVALID_TZ(value=detail.time_zone)


def _ip_problems(detail: UserDetail) -> Iterator[Problem]:
    if detail.api_user and not detail.ip_range:
        yield IP_REQ()
    if detail.ip_range and not is_ip_range(detail.ip_range):
        yield INVALID_IP(value=detail.ip_range)


def is_email(text: str | None) -> bool:
    try:
        validate_email(text or "")
    except ValidationError:
        return False
    return True


def is_ip_range(text: str) -> bool:
    """Whether the text is `*` or a comma list of addresses and networks."""
    try:
        return text.strip() == "*" or bool(_networks(text))
    except ValueError:
        return False


def is_within(address: str, ip_range: str | None) -> bool:
    """Whether the address belongs to the range; a blank range holds none."""
    if not ip_range:
        return False
    if ip_range.strip() == "*":
        return True
    try:
        found = ipaddress.ip_address(address)
        return any(found in network for network in _networks(ip_range))
    except ValueError:
        return False


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",")]


def follows(password: str, pattern: str) -> bool:
    """Whether a new password is one: not blank, and matching the whole pattern where one is set."""
    return bool(password.strip()) and (not pattern or re.fullmatch(pattern, password) is not None)


@dataclass(frozen=True, slots=True)
class Standing:
    """What matters of a user for the question who may change them; ids of 0 mean none yet."""

    user_id: int
    type: str
    institute_id: int
    email_address: str
    api_user: bool


def may_update(actor: Actor, now: Standing) -> bool:
    """Whether the caller may change all keys of the user, not only those of their own profile."""
    return actor.is_super or (
        now.institute_id == actor.institute_id and actor.has_any("User", "Update") and _outranks(actor, now)
    )


def _outranks(actor: Actor, user: Standing) -> bool:
    return user.type in (REGULAR, CONTACT) or (user.type == INSTITUTE and actor.is_institute_admin)


def right_problems(actor: Actor, now: Standing | None, wish: Standing, operation: str) -> Iterator[Problem]:
    """Why the caller may not make this change, at most one reason (spec 01 §C.7); `now` None: create."""
    states = [wish] if now is None else [now, wish]
    readdressed = now is not None and now.email_address.lower() != wish.email_address.lower()
    if readdressed and wish.user_id == actor.user_id:
        yield EMAIL_SELF_UPDATE()
    elif actor.is_super:
        return
    elif any(state.type == SUPER or state.api_user for state in states):
        yield ADMIN_RIGHTS_REQUIRED()
    elif any(state.type == INSTITUTE for state in states) and not actor.is_institute_admin:
        yield INST_ADMIN_RIGHTS_REQUIRED()
    elif any(
        state.institute_id != actor.institute_id for state in states if state.type != CONTACT
    ) or not actor.has_any("User", operation):
        yield ACCESS_DENIED()
    elif readdressed and not actor.is_institute_admin:
        yield INST_ADMIN_RIGHTS_REQUIRED()
