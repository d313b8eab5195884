"""Finding users, and telling others about them (spec 01 §C.3, §C.5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from biobank.access import EXPORT_IMPORT, Actor
from biobank.wire.dates import server_zone
from biobank.wire.errors import Refused
from sessions_auth import rules
from sessions_auth.detail import UserDetail, UserQuery, UserSummary
from sessions_auth.models import SubjectRole, User, UserGroup
from sites.detail import Dependents


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


# Most answers name users: building the same statement anew would take longer than running it.
_SUMMARIES = """
    SELECT u.id, u.type, u.first_name, u.last_name, u.login_name, d.name, u.email_address, u.institute_id, i.name,
        s.name, u.type = 'SUPER', u.type = 'INSTITUTE', u.phone_number, u.manage_forms, u.manage_wfs,
        u.download_labels_print_file, 0, u.creation_date, u.activity_status
    FROM sessions_auth_user u
    JOIN sessions_auth_authdomain d ON d.id = u.domain_id
    JOIN sites_institute i ON i.id = u.institute_id
    LEFT JOIN sites_site s ON s.id = u.primary_site_id
    WHERE u.id = ANY(%s)
"""
_SHOWN = (
    "id", "type", "first_name", "last_name", "login_name", "domain", "email_address", "institute_id",
    "institute_name", "primary_site", "admin", "institute_admin", "phone_number", "manage_forms", "manage_wfs",
    "download_labels_print_file", "cp_count", "creation_date", "activity_status",
)  # fmt: skip


def summaries(user_ids: Iterable[int | None]) -> dict[int, UserSummary]:
    """Summaries by user id, deleted users included (records keep naming them); one query."""
    ids = {user_id for user_id in user_ids if user_id is not None}
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARIES, [list(ids)])
        return {row[0]: UserSummary(**dict(zip(_SHOWN, row, strict=True))) for row in cursor.fetchall()}


def user(pk: int) -> User:
    """The user addressed by a request. Raises USER_NOT_FOUND."""
    found = known_users().filter(pk=pk).first()
    if found is None:
        raise Refused(rules.NOT_FOUND.missing(key=pk))
    return found


def detail_of(user: User) -> UserDetail:
    """A user in full; `institute`, `primary_site` and `domain` should be loaded."""
    return UserDetail(
        id=user.pk,
        first_name=user.first_name,
        last_name=user.last_name,
        email_address=user.email_address,
        domain_name=user.domain.name,
        login_name=user.login_name,
        institute_id=user.institute_id,
        institute_name=user.institute.name,
        primary_site=user.primary_site.name if user.primary_site else None,
        type=user.type,
        phone_number=user.phone_number,
        address=user.address,
        manage_forms=user.manage_forms,
        manage_wfs=user.manage_wfs,
        manage_print_jobs=user.manage_print_jobs,
        dnd=user.dnd,
        api_user=user.api_user,
        ip_range=user.ip_range,
        time_zone=user.time_zone,
        default_printer=user.default_printer,
        download_labels_print_file=user.download_labels_print_file,
        creation_date=user.creation_date,
        activity_status=user.activity_status,
    )


def details(pks: Sequence[int]) -> list[UserDetail]:
    """Users in full, in the order of `pks`, deleted ones too; one query."""
    found = User.objects.select_related("institute", "primary_site", "domain").in_bulk(list(pks))
    return [detail_of(found[pk]) for pk in pks]


def known_details(pks: Sequence[int]) -> dict[int, UserDetail]:
    """Users that were not deleted, in full, by key; one query."""
    return {pk: detail_of(row) for pk, row in known_users().in_bulk(list(pks)).items()}


def people() -> QuerySet[User]:
    """Users that were not deleted, without those that belong to the server."""
    return known_users().exclude(login_name__startswith="$")


def exportable(actor: Actor) -> QuerySet[User]:
    """The users that the caller may export: those of the own institute, with the right (spec 04 §6.1)."""
    if actor.is_super:
        return people()
    if not actor.has_any("User", EXPORT_IMPORT):
        return people().none()
    return people().filter(institute=actor.institute_id)


def listed(query: UserQuery, actor: Actor) -> QuerySet[User]:
    """The rows of a list call, in its order (spec 01 §C.5). Raises USER_INVALID_TYPE."""
    rows = known_users().filter(_named(query), _of_status(query.activity_status), _of_type(query))
    if not query.include_sys_user:
        rows = rows.exclude(login_name__startswith="$")
    if not query.list_all and not actor.is_super:
        rows = rows.filter(institute=actor.institute_id)
    if query.institute:
        rows = rows.filter(institute__name__iexact=query.institute)
    if query.domain_name:
        rows = rows.filter(domain__name__iexact=query.domain_name)
    if query.active_since:
        begin = datetime.combine(query.active_since, time.min, server_zone())
        rows = rows.filter(creation_date__gte=begin)
    if query.group:
        named = UserGroup.objects.exclude(activity_status="Disabled").annotate(low=Lower("name"))
        members = named.filter(low__in=[name.lower() for name in query.group]).values("users")
        rows = rows.filter(pk__in=members)
    return _holding_rights(rows, query).order_by("first_name", "last_name", "pk")


def _named(query: UserQuery) -> Q:
    if text := query.search_string:
        names = (
            Q(first_name__icontains=text) | Q(last_name__icontains=text) | Q(email_address__icontains=text)
        )
        first, _, last = text.partition(" ")
        return names | Q(first_name__iexact=first, last_name__iexact=last.strip())
    found = Q()
    if query.name:
        found &= Q(first_name__icontains=query.name) | Q(last_name__icontains=query.name)
    if query.login_name:
        found &= Q(login_name__icontains=query.login_name)
    return found


def _of_status(status: str | None) -> Q:
    if not status:
        return ~Q(activity_status="Closed")
    if status.lower() == "all":
        return Q()
    return Q(activity_status=rules.user_status(status) or status)


def _of_type(query: UserQuery) -> Q:
    wanted = [rules.user_type(query.type)] if query.type else []
    barred = [rules.user_type(text) for text in query.exclude_type or []]
    if None in wanted or None in barred:
        raise Refused(rules.INVALID_TYPE(value=query.type))
    return (Q(type__in=wanted) if wanted else Q()) & ~Q(type__in=barred)


def _holding_rights(rows: QuerySet[User], query: UserQuery) -> QuerySet[User]:
    """Users with a role that fits every one of the given site, protocol, role, resource and operations."""
    given = Q()
    if query.role:
        given &= Q(role__name__in=query.role)
    if query.resource:
        given &= Q(role__acl__resource=query.resource)
    if query.op:
        any_of = Q()
        for operation in query.op:
            any_of |= Q(role__acl__operations__contains=[operation])
        given &= any_of
    if query.site:
        given &= Q(site=None) | Q(site__name__iexact=query.site)
    if query.cp:
        given &= Q(protocol=None) | Q(protocol__short_title__iexact=query.cp)
    if not given:
        return rows
    return rows.filter(pk__in=SubjectRole.objects.filter(given).values("user"))


def protocol_counts(pks: Sequence[int]) -> dict[int, int]:
    """How many protocols each user has a role on, by user id; one query."""
    counted = User.objects.filter(pk__in=pks).annotate(n=Count("subject_roles__protocol", distinct=True))
    return dict(counted.values_list("pk", "n"))


def dependents(pks: Iterable[int]) -> dict[int, list[Dependents]]:
    """What keeps each user from being deleted, by user id; one query."""
    wanted = list(pks)
    if not wanted:
        return {}
    counted = (
        User.objects.filter(pk__in=wanted)
        .annotate(
            sites_led=_alive("coordinated_sites"),
            protocols_led=_alive("led_protocols"),
            protocols_helped=_alive("coordinated_protocols"),
        )
        .values_list("pk", "sites_led", "protocols_led", "protocols_helped")
    )
    return {
        pk: [
            Dependents(name=name, count=count)
            for name, count in (("site", sites), ("collection_protocol", led + helped))
            if count
        ]
        for pk, sites, led, helped in counted
    }


def _alive(relation: str) -> Count:
    return Count(relation, distinct=True, filter=~Q(**{f"{relation}__activity_status": "Disabled"}))


def recently_active(days: int) -> list[str]:
    """E-mail addresses of active users who signed in during the last days and want mails."""
    since = timezone.now() - timedelta(days=days)
    rows = known_users().filter(
        activity_status="Active", dnd=False, logins__at__gte=since, logins__success=True
    )
    return sorted(set(rows.values_list("email_address", flat=True)))
