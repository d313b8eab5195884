"""Acting for somebody else: a signed, short-lived token a super administrator holds beside their own (spec 01 §B.4)."""

from datetime import timedelta

from django.core import signing

from sessions_auth.models import User
from sessions_auth.tokens import may_call

LIFETIME = timedelta(minutes=60)
_SALT = "impersonation"


def token_for(user: User, administrator_id: int) -> str:
    """A token with which this administrator, and nobody else, acts for the user."""
    return signing.dumps({"as": user.pk, "by": administrator_id}, salt=_SALT)


def user_of(token: str, administrator_id: int) -> User | None:
    """Who the token lets the administrator act for; None when it is not good (any more)."""
    try:
        claim = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    if claim.get("by") != administrator_id:
        return None
    user = User.objects.filter(pk=claim.get("as")).first()
    return user if user is not None and may_call(user) else None
