"""CSV of users and their roles: imports and exports (spec 04 §5.4, §5.5)."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from biobank.access import Actor
from biobank.batch.batches import in_batches, wanted_rows
from biobank.batch.door import Refusal
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Sub, Wanted, register
from biobank.wire.errors import Problem
from sessions_auth import reads, role_reads, role_rules, rules
from sessions_auth.detail import RoleLine, UserDetail, UserRoles, UserSummary
from sessions_auth.models import User
from sessions_auth.role_lists import ROLE_LISTS, find_users
from sessions_auth.writes import USERS, changeable
from sites.rules import SITE_NOT_FOUND

# --- Users ------------------------------------------------------------------------------------------


def _users(details: Sequence[UserDetail], actor: Actor) -> list[int | Refusal | None]:
    """By identifier, else by e-mail address, else by login name and domain; three queries at most."""
    refs = [_reference(detail) for detail in details]
    known = reads.load_users(refs)
    return [_found(known, ref) for ref in refs]


def _reference(detail: UserDetail) -> UserSummary:
    return UserSummary(
        id=detail.id,
        email_address=detail.email_address,
        login_name=detail.login_name,
        domain=detail.domain_name,
    )


def _found(known: reads.Users, ref: UserSummary) -> int | None:
    # An address nobody has may be the new one of the account that is named, too.
    user = known.find(ref) or (known.find(ref, login_first=True) if ref.id is None else None)
    return None if user is None or user.login_name.startswith("$") else user.pk


def _user_keys(detail: UserDetail) -> Iterator[Hashable]:
    ref = _reference(detail)
    for key in (reads.email_key(ref), reads.login_key(ref)):
        if key is not None:
            yield key


def _no_user(detail: UserDetail) -> Problem:
    key = detail.id or detail.email_address or (detail.login_name if detail.domain_name else None)
    return rules.EMAIL_REQUIRED() if key is None else rules.NOT_FOUND.missing(key=key)


def _export_users(wanted: Wanted, actor: Actor) -> Iterator[Sequence[UserDetail]]:
    """Newest first; closed and locked ones too."""
    rows = wanted_rows(reads.exportable(actor), wanted).order_by("-pk")
    return in_batches(rows.values_list("pk", flat=True), reads.details)


_USER_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(rules.NOT_FOUND.code,)),
    Column("Last Name", "lastName", codes=(rules.LAST_NAME_REQUIRED.code,)),
    Column("First Name", "firstName", codes=(rules.FIRST_NAME_REQUIRED.code,)),
    Column(
        "Domain Name", "domainName",
        codes=(
            rules.DOMAIN_NAME_REQUIRED.code, rules.DOMAIN_NOT_FOUND.code, rules.DOMAIN_CHANGE_NOT_ALLOWED.code,
        ),
        hint="openspecimen for accounts whose password is kept here",
    ),
    Column(
        "Login Name", "loginName",
        codes=(rules.LOGIN_NAME_REQUIRED.code, rules.DUP_LOGIN_NAME.code, rules.SYS_LOGIN_NAME.code),
        hint="Not needed for contacts; with the domain it finds the user",
    ),
    Column(
        "Email Address", "emailAddress",
        codes=(rules.INVALID_EMAIL.code, rules.DUP_EMAIL.code, rules.EMAIL_SELF_UPDATE.code),
        hint="Unique; finds the user when Identifier is blank",
    ),
    Column(
        "Institute", "instituteName",
        codes=(rules.INST_REQUIRED.code, rules.INSTITUTE_NOT_FOUND.code), hint="An institute that exists",
    ),
    Column(
        "Primary Site", "primarySite",
        codes=(rules.SITE_NOT_FOUND.code, rules.INVALID_SITE_INSTITUTE.code), hint="A site of the institute",
    ),
    Column(
        "Type", "type", codes=(rules.INVALID_TYPE.code,),
        hint="SUPER, INSTITUTE (administrator), CONTACT (no account) or NONE, which is a regular user",
    ),
    Column("Address", "address"),
    Column("Phone Number", "phoneNumber"),
    Column(
        "Activity Status", "activityStatus",
        codes=("ACTIVITY_STATUS_INVALID", rules.IN_USE.code),
        hint="Active, Locked, Closed or Disabled; Disabled deletes",
    ),
    Column("Disable Email Notifications", "dnd", Cell.FLAG, hint="yes or no"),
    Column("Manage Forms", "manageForms", Cell.FLAG, hint="yes or no; administrators always may"),
    Column("Manage Workflows", "manageWfs", Cell.FLAG, hint="yes or no; administrators always may"),
    Column("Download Labels Print File", "downloadLabelsPrintFile", Cell.FLAG, hint="yes or no"),
)  # fmt: skip

USER = register(
    ImportSchema(
        name="user",
        label="Users",
        detail=UserDetail,
        door=USERS,
        columns=_USER_COLUMNS,
        operations=ALL,
        matching=Matching(find=_users, missing=_no_user, keys=_user_keys),
        update_door=patching(USERS, User, _USER_COLUMNS, stored=reads.known_details, may=changeable),
        export=Export(_export_users),
        about=(
            "Passwords are not imported: new users get theirs by mail. An update finds the user by Identifier, else by "
            "Email Address, else by Login Name and Domain Name."
        ),
    )
)

# --- Roles of users ---------------------------------------------------------------------------------


def _no_subject(detail: UserRoles) -> Problem:
    return role_rules.SUBJECT_NOT_FOUND.missing(key=detail.subject_id or detail.email_address)


def _subject_keys(detail: UserRoles) -> Iterator[Hashable]:
    if detail.email_address:
        yield detail.email_address.lower()


def _subjects(wanted: Wanted, actor: Actor) -> list[int]:
    """The users with roles that administrators may export, newest first."""
    rows = reads.exportable(actor)
    if not (actor.is_super or actor.is_institute_admin):
        rows = rows.none()
    held = wanted_rows(rows, wanted).filter(subject_roles__isnull=False).distinct()
    return list(held.order_by("-pk").values_list("pk", flat=True))


def _export_roles(wanted: Wanted, actor: Actor) -> Iterator[Sequence[Any]]:
    def given(pks: Sequence[int]) -> list[UserRoles]:
        return [detail for detail in role_reads.user_roles(pks) if detail.roles]

    return in_batches(_subjects(wanted, actor), given)


def _export_lines(wanted: Wanted, actor: Actor) -> Iterator[Sequence[RoleLine]]:
    return in_batches(_subjects(wanted, actor), role_reads.role_lines)


ROLES = register(
    ImportSchema(
        name="userRoles",
        label="User Roles",
        detail=UserRoles,
        door=ROLE_LISTS,
        columns=(
            Column(
                "Identifier", "subjectId", Cell.WHOLE, codes=(role_rules.SUBJECT_NOT_FOUND.code,),
                hint="That of the user; with an Email Address it must be the same user's",
            ),
            Column(
                "Email Address", "emailAddress", codes=(rules.EMAIL_REQUIRED.code,),
                hint="Names the user when Identifier is blank",
            ),
            Sub(
                "roles",
                (
                    Column(
                        "Name", "roleName",
                        codes=(role_rules.ROLE_NAME_REQUIRED.code, role_rules.ROLE_NOT_FOUND.code),
                        hint="A role that exists, spelled as there",
                    ),
                    Column(
                        "Site Name", "siteName",
                        codes=(SITE_NOT_FOUND.code, role_rules.INV_SITE_USER.code),
                        hint="Blank: all sites of the user's institute",
                    ),
                    Column(
                        "CP Short Title", "cpShortTitle",
                        codes=(
                            role_rules.CP_NOT_FOUND.code, role_rules.INV_CP_USER.code, role_rules.INV_CP_SITE.code,
                        ),
                        hint="Blank: all protocols",
                    ),
                ),
                caption="Role",
                multiple=True,
            ),
        ),
        operations=ALL,
        matching=Matching(
            find=lambda details, actor: find_users(details), missing=_no_subject, keys=_subject_keys
        ),
        export=Export(_export_roles),
        about=(
            "Create adds the roles to those a user has; update puts them in their place. Roles that come by themselves "
            "(of institute administrators and of coordinators of sites) are neither listed nor taken away."
        ),
    )
)  # fmt: skip

ROLES_DETAILED = register(
    ImportSchema(
        name="userRolesDetailed",
        label="User Roles",
        detail=RoleLine,
        door=None,
        columns=(
            Column("Identifier", "id", Cell.WHOLE),
            Column("First Name", "firstName"),
            Column("Last Name", "lastName"),
            Column("Email Address", "emailAddress"),
            Column("Institute", "instituteName"),
            Column("Primary Site", "primarySite"),
            Column("Domain Name", "domainName"),
            Column("API User", "apiUser", Cell.FLAG),
            Column("Manage Workflows", "manageWfs", Cell.FLAG),
            Column("Manage Forms", "manageForms", Cell.FLAG),
            Column("Type", "type"),
            Column("Activity Status", "activityStatus"),
            Column("Site Name", "siteName"),
            Column("CP Short Title", "cpShortTitle"),
            Column("Role", "role"),
        ),
        export=Export(_export_lines),
        about="Export only: one line for each role of a user.",
    )
)
