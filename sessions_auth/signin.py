"""Signing in: who it is, whether they may, what is written down, and when an account locks (spec 01 §B.1)."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from biobank.configuration.reads import flag, number
from biobank.records import stamp
from biobank.wire.errors import Problem, Refused
from sessions_auth import mail, rules
from sessions_auth.actor import system_actor
from sessions_auth.models import LoginAudit, User
from sessions_auth.resources import LOCAL_DOMAIN


def sign_in(login: str | None, password: str | None, domain: str | None, address: str, *, door: str) -> User:
    """The user these credentials belong to. Raises `Refused` with the first reason of spec 01 §B.1.

    Writes the login audit and locks the account after too many failures; both stay when this is refused. A
    blank domain is `openspecimen`, else whichever has that login name.
    """
    user = _find(login, domain)
    if user is None:
        make_password(password or "-")  # takes as long as checking one, so nobody learns which names exist
        raise Refused(rules.INVALID_CREDENTIALS())
    return admit(user, address, door=door, check=lambda: _check(user, password))


def admit(user: User, address: str, *, door: str, check: Callable[[], Problem | None]) -> User:
    """Let a user in when the account is usable and `check` has nothing against it. Raises `Refused`.

    Every attempt on an active account is written down, and too many failures lock it.
    """
    problem = standing(user, address) or check()
    if problem is None:
        record(user, True, address, door)
        return user
    if user.activity_status == "Active":
        record(user, False, address, door)
        if _lock_if_failing(user):
            mail.account_locked(user, administrators(user))
        elif flag("auth", "notify_failed_logins"):
            mail.sign_in_failed(user, address)
    raise Refused(problem)


def _find(login: str | None, domain: str | None) -> User | None:
    if not login or "\0" in login:
        return None
    rows = User.objects.select_related("domain", "institute").filter(login_name__iexact=login)
    if domain:
        return rows.filter(domain__name__iexact=domain).first()
    found = sorted(rows, key=lambda user: user.domain.name != LOCAL_DOMAIN)
    return found[0] if found and (len(found) == 1 or found[0].domain.name == LOCAL_DOMAIN) else None


def standing(user: User, address: str) -> Problem | None:
    """Why the account cannot be used, whatever the password."""
    if user.api_user and not rules.is_within(address, user.ip_range):
        return rules.NA_IP_ADDRESS()
    if user.type != User.Type.SUPER and flag("administrative", "system_lockdown"):
        return rules.SYSTEM_LOCKDOWN()
    if user.activity_status == "Locked":
        return rules.USER_LOCKED()
    if user.activity_status == "Expired":
        return rules.PASSWD_EXPIRED()
    return None


def _check(user: User, password: str | None) -> Problem | None:
    known = user.activity_status == "Active" and user.domain.name == LOCAL_DOMAIN
    if known and password and user.check_password(password):
        return None
    return rules.INVALID_CREDENTIALS()


def must_reset(user: User) -> bool:
    """Whether right credentials only lead to a new password; off unless the installation wants it."""
    return settings.FORCE_PASSWORD_RESET and user.force_password_reset and user.domain.name == LOCAL_DOMAIN


def record(user: User, success: bool, address: str, door: str) -> None:
    """Write one line of the login audit."""
    LoginAudit.objects.create(user=user, success=success, ip_address=address[:64], door=door)


def restart_count(user_ids: list[int], door: str) -> None:
    """Begin the count of failures anew: unlocking and new passwords do (spec 01 §B.1)."""
    LoginAudit.objects.bulk_create(LoginAudit(user_id=pk, success=True, door=door) for pk in user_ids)


def _lock_if_failing(user: User) -> bool:
    """Lock the account when its last attempts all failed; several at once count one after the other."""
    allowed = number("auth", "allowed_failed_logins")
    if allowed <= 0:
        return False
    with transaction.atomic():
        locked = User.objects.select_for_update().filter(pk=user.pk, activity_status="Active").first()
        last = list(
            LoginAudit.objects.filter(user=user).order_by("-pk").values_list("success", flat=True)[:allowed]
        )
        if locked is None or len(last) < allowed or any(last):
            return False
        stamp(system_actor())
        User.objects.filter(pk=user.pk).update(activity_status="Locked")
    return True


def administrators(user: User) -> list[str]:
    """Addresses of those who can help the user."""
    reach = Q(type=User.Type.SUPER) | Q(type=User.Type.INSTITUTE, institute=user.institute_id)
    rows = User.objects.filter(reach, activity_status="Active", dnd=False).exclude(login_name__startswith="$")
    return list(rows.values_list("email_address", flat=True)[:50])
