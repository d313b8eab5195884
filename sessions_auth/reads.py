"""Finding users, and telling others about them (spec 01 §C.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.db.models.functions import Lower

from sessions_auth.detail import UserSummary
from sessions_auth.models import User


@dataclass(frozen=True)
class Users:
    """The users that a batch refers to; deleted users are not among them."""

    by_id: dict[int, User] = field(default_factory=dict)
    by_email: dict[str, User] = field(default_factory=dict)
    by_login: dict[tuple[str, str], User] = field(default_factory=dict)

    def find(self, ref: UserSummary | None, *, login_first: bool = False) -> User | None:
        """The user meant: by id, else by e-mail address, else by login name and domain.

        `login_first` tries login name and domain before the e-mail address (spec 02 §0).
        """
        if ref is None:
            return None
        if ref.id is not None:
            return self.by_id.get(ref.id)
        email, login = email_key(ref), login_key(ref)
        if login is not None and (login_first or email is None):
            return self.by_login.get(login)
        return self.by_email.get(email) if email is not None else None


def email_key(ref: UserSummary) -> str | None:
    return ref.email_address.lower() if ref.email_address else None


def login_key(ref: UserSummary) -> tuple[str, str] | None:
    return (ref.login_name.lower(), ref.domain.lower()) if ref.login_name and ref.domain else None


def load_users(refs: Iterable[UserSummary | None]) -> Users:
    """Load every user that the references may mean: one query per kind of key that is used at all."""
    ids: set[int] = set()
    emails: set[str] = set()
    logins: set[tuple[str, str]] = set()
    for ref in refs:
        if ref is None:
            continue
        if ref.id is not None:
            ids.add(ref.id)
            continue
        if email := email_key(ref):
            emails.add(email)
        if login := login_key(ref):
            logins.add(login)
    return Users(_by_id(ids), _by_email(emails), _by_login(logins))


def known_users() -> QuerySet[User]:
    """Users that were not deleted, with what a summary shows."""
    return User.objects.exclude(activity_status="Disabled").select_related(
        "institute", "primary_site", "domain"
    )


def _by_id(ids: set[int]) -> dict[int, User]:
    return known_users().in_bulk(ids) if ids else {}


def _by_email(emails: set[str]) -> dict[str, User]:
    if not emails:
        return {}
    rows = known_users().annotate(email_key=Lower("email_address")).filter(email_key__in=emails)
    return {row.email_address.lower(): row for row in rows}


def _by_login(logins: set[tuple[str, str]]) -> dict[tuple[str, str], User]:
    if not logins:
        return {}
    rows = (
        known_users()
        .annotate(login_key=Lower("login_name"))
        .filter(login_key__in={login for login, _ in logins})
    )
    found = {(row.login_name.lower(), row.domain.name.lower()): row for row in rows}
    return {key: row for key, row in found.items() if key in logins}


def summary(user: User, *, cp_count: int = 0) -> UserSummary:
    """What others see of a user; `institute`, `primary_site` and `domain` should be loaded."""
    return UserSummary(
        id=user.pk,
        type=user.type,
        first_name=user.first_name,
        last_name=user.last_name,
        login_name=user.login_name,
        domain=user.domain.name,
        email_address=user.email_address,
        institute_id=user.institute_id,
        institute_name=user.institute.name,
        primary_site=user.primary_site.name if user.primary_site else None,
        admin=user.type == User.Type.SUPER,
        institute_admin=user.type == User.Type.INSTITUTE,
        phone_number=user.phone_number,
        manage_forms=user.manage_forms,
        manage_wfs=user.manage_wfs,
        download_labels_print_file=user.download_labels_print_file,
        cp_count=cp_count,
        creation_date=user.creation_date,
        activity_status=user.activity_status,
    )


def summaries(user_ids: Iterable[int | None]) -> dict[int, UserSummary]:
    """Summaries by user id, deleted users included (records keep naming them); one query."""
    ids = {user_id for user_id in user_ids if user_id is not None}
    if not ids:
        return {}
    rows: Sequence[User] = list(
        User.objects.select_related("institute", "primary_site", "domain").filter(pk__in=ids)
    )
    return {row.pk: summary(row) for row in rows}
