"""Sign-in tokens: 256 random bits handed out once, a digest kept (spec 01 §B.2)."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from biobank import memory
from biobank.access import Actor
from biobank.configuration.reads import flag, number
from sessions_auth import mail
from sessions_auth.actor import actor_of
from sessions_auth.models import Token, User
from sessions_auth.rules import is_within

_LONGEST_GRACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """What valid credentials stand for; remembered for seconds."""

    actor: Actor
    zone: str = ""  # the user's own time zone; blank: whatever the caller says
    bound_to: str = ""  # the only address that may use the token; blank: any
    ip_range: str = ""  # the addresses the account may be used from; blank: any


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(user: User, ip_address: str = "", device: str = "") -> str:
    """Create a token of the user and return its text, which is stored nowhere.

    Beyond the allowed number of sessions (`auth/max_login_sessions`, 0: any) the oldest ends.
    """
    text = secrets.token_urlsafe(32)
    Token.objects.create(digest=digest(text), user=user, ip_address=ip_address, device=device[:255])
    most = number("auth", "max_login_sessions")
    if most > 0:
        newest = Token.objects.filter(user=user).order_by("-pk")[:most]
        oldest = Token.objects.filter(user=user).exclude(pk__in=list(newest.values_list("pk", flat=True)))
        if oldest.exists():
            _revoke(oldest)
            mail.session_ended(user)
    return text


def recall(text: str, ip_address: str) -> Session | None:
    """The session of a token, or None when the token is unknown, expired, or not valid here and now."""
    found = digest(text)
    session: Session | None = memory.recall(_key(found))
    if session is None:
        session = _load(found)
        if session is None:
            return None
        memory.remember(_key(found), session, settings.TOKEN_CACHE_SECONDS)
    if session.bound_to and session.bound_to != ip_address:
        return None
    if session.ip_range and not is_within(ip_address, session.ip_range):
        return None
    return session


def _load(found: str) -> Session | None:
    token = Token.objects.select_related("user").filter(digest=found).first()
    if token is None or not may_call(token.user) or _is_shut_out(token.user):
        return None
    if is_expired(token.last_used_at):
        return None
    _note_use(token)
    return Session(
        actor=replace(actor_of(token.user), token_id=token.pk),
        zone=token.user.time_zone or "",
        bound_to=token.ip_address if flag("auth", "verify_token_ip_address") else "",
        ip_range=(token.user.ip_range or "") if token.user.api_user else "",
    )


def may_call(user: User) -> bool:
    """Whether tokens of the user are good: losing a password or being locked ends no session (spec 01 §A.2)."""
    return user.type != User.Type.CONTACT and user.activity_status not in ("Closed", "Disabled", "Pending")


def _is_shut_out(user: User) -> bool:
    return user.type != User.Type.SUPER and flag("administrative", "system_lockdown")


def inactive_after() -> timedelta:
    """How long a token lives without a call."""
    minutes = number("auth", "token_inactive_interval")
    return timedelta(minutes=minutes if minutes > 0 else settings.TOKEN_INACTIVE_MINUTES)


def is_expired(last_used: datetime) -> bool:
    """Whether a token was idle for too long; never early, although uses are noted once a minute at most."""
    limit = inactive_after()
    return timezone.now() - last_used > limit + _grace(limit)


def _grace(limit: timedelta) -> timedelta:
    return min(_LONGEST_GRACE, limit / 10)


def _note_use(token: Token) -> None:
    now = timezone.now()
    if now - token.last_used_at > _grace(inactive_after()):
        Token.objects.filter(pk=token.pk).update(last_used_at=now)


def revoke(text: str) -> None:
    """End one session."""
    _revoke(Token.objects.filter(digest=digest(text)))


def revoke_all(user_ids: Iterable[int], *, but: str | None = None) -> None:
    """End every session of the users; the token `but` stays."""
    rows = Token.objects.filter(user__in=list(user_ids))
    _revoke(rows.exclude(digest=digest(but)) if but else rows)


def forget(user_ids: Iterable[int]) -> None:
    """Have the rights of the users looked up again: to be called when they change."""
    _forget(Token.objects.filter(user__in=list(user_ids)))


def _revoke(rows: QuerySet[Token]) -> None:
    _forget(rows)
    rows.delete()


def _forget(rows: QuerySet[Token]) -> None:
    keys = [_key(found) for found in rows.values_list("digest", flat=True)]
    if keys:
        memory.forget(keys)
        transaction.on_commit(lambda: memory.forget(keys))  # a call in between may have remembered the old


def remove_dead() -> int:
    """Delete tokens that nobody can use any more; returns how many."""
    limit = inactive_after()
    return Token.objects.filter(last_used_at__lt=timezone.now() - limit - _grace(limit)).delete()[0]


def _key(found: str) -> str:
    return f"token:{found}"
