"""What time does to accounts: passwords that grow old, accounts that nobody uses (spec 01 §C.6)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from biobank.configuration.reads import number
from biobank.records import stamp
from sessions_auth import mail, signin
from sessions_auth.actor import system_actor
from sessions_auth.models import LoginAudit, Token, User
from sessions_auth.resources import LOCAL_DOMAIN

_AT_ONCE = 1000  # accounts a run deals with; the next run goes on


def look_after() -> None:
    """Warn of passwords that end soon, end those that are too old, lock accounts nobody uses.

    Runs every hour and is the same however often it runs. The last active super administrator is spared:
    somebody must be able to help the others.
    """
    days = number("auth", "password_expiry_days")
    if days > 0:
        _warn(days)
        _expire(days)
    idle = number("auth", "inactive_account_days")
    if idle > 0:
        _lock_unused(idle)


def days_left(user: User) -> int:
    """Days until the password expires: -1 when it is kept elsewhere, 0 when it never does (spec 01 §C.4)."""
    if user.domain.name != LOCAL_DOMAIN:
        return -1
    days = number("auth", "password_expiry_days")
    if days <= 0:
        return 0
    begin = user.password_changed_at or user.creation_date
    return max((begin + timedelta(days=days) - timezone.now()).days, 0)


def _watched() -> QuerySet[Any]:
    rows = User.objects.filter(activity_status="Active").exclude(type=User.Type.CONTACT)
    since = Coalesce("password_changed_at", "creation_date")
    return rows.exclude(login_name__startswith="$").annotate(password_since=since).order_by("pk")


def _spared() -> set[int]:
    """The only active super administrator, if there is but one."""
    found = User.objects.filter(type=User.Type.SUPER, activity_status="Active").exclude(
        login_name__startswith="$"
    )
    pks = set(found.values_list("pk", flat=True)[:2])
    return pks if len(pks) == 1 else set()


def _warn(days: int) -> None:
    ahead = number("auth", "password_expiry_warning_days")
    if ahead <= 0:
        return
    now = timezone.now()
    due = _watched().filter(domain__name=LOCAL_DOMAIN, expiry_warned_at=None)
    users = list(due.filter(password_since__lte=now - timedelta(days=days - ahead))[:_AT_ONCE])
    with transaction.atomic():
        stamp(system_actor())
        User.objects.filter(pk__in=[user.pk for user in users]).update(expiry_warned_at=now)
    for user in users:
        mail.password_expires(user, days_left(user))


def _expire(days: int) -> None:
    due = _watched().filter(domain__name=LOCAL_DOMAIN).exclude(pk__in=_spared())
    old = due.filter(password_since__lte=timezone.now() - timedelta(days=days))
    for user in _become("Expired", old):
        mail.password_expired(user)


def _lock_unused(days: int) -> None:
    before = timezone.now() - timedelta(days=days)
    logins = LoginAudit.objects.filter(user=OuterRef("pk"), success=True).order_by().values("user")
    calls = Token.objects.filter(user=OuterRef("pk")).order_by().values("user")
    moment = DateTimeField()
    used = Greatest(
        F("creation_date"),
        Coalesce("password_changed_at", "creation_date"),
        Coalesce(Subquery(logins.annotate(at_last=Max("at")).values("at_last"), moment), "creation_date"),
        Coalesce(Subquery(calls.annotate(last=Max("last_used_at")).values("last"), moment), "creation_date"),
    )
    unused = _watched().exclude(pk__in=_spared()).annotate(last_used=used).filter(Q(last_used__lte=before))
    for user in _become("Locked", unused):
        mail.account_unused(user, signin.administrators(user))


def _become(status: str, rows: QuerySet[Any]) -> Sequence[User]:
    """Give the users a status, once: who is told is who was changed here, whoever else looks at the same time."""
    with transaction.atomic():
        stamp(system_actor())
        users = list(rows.select_for_update(of=("self",))[:_AT_ONCE])
        User.objects.filter(pk__in=[user.pk for user in users]).update(activity_status=status)
    return users
