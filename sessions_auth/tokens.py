"""Sign-in tokens: 256 random bits handed out once, a digest kept (spec 01 §B.2)."""

import hashlib
import secrets

from sessions_auth.models import Token, User


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(user: User, ip_address: str = "", device: str = "") -> str:
    """Create a token of the user and return its text, which is stored nowhere."""
    text = secrets.token_urlsafe(32)
    Token.objects.create(digest=digest(text), user=user, ip_address=ip_address, device=device[:255])
    return text
