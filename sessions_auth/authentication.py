"""Who is calling: token header, cookie, or Basic; and on whose behalf (spec 01 §A.2)."""

import base64
from dataclasses import replace
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from biobank.access import Actor
from biobank.wire.errors import Refused
from sessions_auth import impersonation, signin, tokens
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from sessions_auth.resources import LOCAL_DOMAIN
from sessions_auth.tokens import Session

TOKEN_HEADER, TOKEN_COOKIE = "X-OS-API-TOKEN", "osAuthToken"
OTHER_HEADER, OTHER_COOKIE = "X-OS-IMPERSONATE-USER", "osImpersonateUser"


class Caller(SimpleLazyObject):  # type: ignore[type-arg]
    """The calling user, loaded when more than its key is asked for."""

    def __init__(self, user_id: int) -> None:
        self.__dict__["pk"] = user_id
        super().__init__(lambda: User.objects.get(pk=user_id))


_zones = cache(available_timezones)  # looking them up reads the whole zone database


class TokenAuthentication(BaseAuthentication):
    """Raises `AuthenticationFailed` for credentials that are no good; without any it says nothing."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        address = address_of(request._request)
        session = _by_token(request, address) or _by_password(request, address)
        if session is None:
            return None
        session = impersonated(request, session)
        zone = session.zone or request.headers.get("X-OS-CLIENT-TZ", "")
        zone = zone if zone in _zones() else settings.TIME_ZONE
        actor = replace(session.actor, ip_address=address, time_zone=zone)
        return Caller(actor.user_id), actor

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="OpenSpecimen"'


def _by_token(request: Request, address: str) -> Session | None:
    text = token_of(request)
    if not text:
        return None
    session = tokens.recall(text, address)
    if session is None:
        raise AuthenticationFailed
    return session


def _by_password(request: Request, address: str) -> Session | None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, password = base64.b64decode(encoded.strip(), validate=True).decode().split(":")
        user = signin.sign_in(login, password, LOCAL_DOMAIN, address, door="basic")
    except (ValueError, Refused):
        raise AuthenticationFailed from None
    if signin.must_reset(user) or not tokens.may_call(user):
        raise AuthenticationFailed
    return Session(actor_of(user), user.time_zone or "")


def token_of(request: Request) -> str | None:
    """The sign-in token a request carries; the header goes before the cookie."""
    return request.headers.get(TOKEN_HEADER) or request.COOKIES.get(TOKEN_COOKIE)


def impersonated(request: Request, session: Session) -> Session:
    """The user a super administrator acts for; everybody else is who they are."""
    text = request.headers.get(OTHER_HEADER, "").strip()
    if text.lower() in ("", "undefined", "null"):
        text = request.COOKIES.get(OTHER_COOKIE, "")
    if not text or not session.actor.is_super:
        return session
    user = impersonation.user_of(text, session.actor.user_id)
    if user is None:
        raise AuthenticationFailed
    actor = replace(actor_of(user), impersonated_by=session.actor.user_id, token_id=session.actor.token_id)
    return Session(actor, user.time_zone or "")


def address_of(request: HttpRequest | None) -> str:
    """The client's address; behind a proxy of ours, the one which that proxy saw."""
    if request is None:
        return ""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    return forwarded.rpartition(",")[2].strip()[:64] or str(request.META.get("REMOTE_ADDR") or "")
