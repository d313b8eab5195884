"""Signing in with six digits that came by mail (spec 01 §B.3)."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from biobank.wire.errors import Problem, Refused
from sessions_auth import mail, rules, signin
from sessions_auth.models import OneTimePassword, User
from sessions_auth.reads import known_users
from sessions_auth.resources import LOCAL_DOMAIN

VALID_FOR = timedelta(minutes=5)
_SALT = "one-time password"


def send(email: str | None, address: str) -> None:
    """Mail a one-time password, which replaces an earlier one; unknown addresses are not told apart.

    Raises `Refused`: USER_EMAIL_REQUIRED, AUTH_NA_IP_ADDRESS, AUTH_SYSTEM_LOCKDOWN, AUTH_USER_LOCKED.
    """
    if not email:
        raise Refused(rules.EMAIL_REQUIRED())
    user = _owner(email)
    if user is None:
        return
    problem = signin.standing(user, address)
    if problem is not None and problem.code != rules.PASSWD_EXPIRED.code:
        raise Refused(problem)
    if user.activity_status != "Active":
        return
    digits = f"{secrets.randbelow(10**6):06}"
    fresh = {"digest": _digest(user, digits), "ip_address": address[:64], "created_at": timezone.now()}
    OneTimePassword.objects.update_or_create(user=user, defaults=fresh)
    mail.one_time_password(user, digits)


def verify(email: str | None, digits: str | None, address: str) -> User:
    """The user who signs in with a one-time password, which is used up.

    Raises `Refused`: AUTH_INVALID_CREDENTIALS, AUTH_OTP_EXPIRED and what stands against the account. Failures
    count towards the lock-out as those with passwords do, so a million guesses are out of reach.
    """
    user = _owner(email) if email and digits else None
    if user is None:
        raise Refused(rules.INVALID_CREDENTIALS())
    return signin.admit(user, address, door="otp", check=lambda: _check(user, digits or "", address))


def _owner(email: str) -> User | None:
    rows = known_users().filter(email_address__iexact=email, domain__name=LOCAL_DOMAIN)
    return rows.exclude(login_name__startswith="$").exclude(type=User.Type.CONTACT).first()


def _check(user: User, digits: str, address: str) -> Problem | None:
    with transaction.atomic():
        live = OneTimePassword.objects.select_for_update().filter(user=user).first()
        if user.activity_status != "Active" or live is None or live.ip_address != address[:64]:
            return rules.INVALID_CREDENTIALS()
        if not constant_time_compare(live.digest, _digest(user, digits)):
            return rules.INVALID_CREDENTIALS()
        live.delete()
    return rules.OTP_EXPIRED() if timezone.now() - live.created_at > VALID_FOR else None


def _digest(user: User, digits: str) -> str:
    """Keyed by the server's secret: a leaked table tells nothing, though there are only a million codes."""
    return salted_hmac(_SALT, f"{user.pk}:{digits}", algorithm="sha256").hexdigest()
