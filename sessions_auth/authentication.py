"""Who is calling: token header, cookie, or Basic (spec 01 §A.2)."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from biobank.access import Actor
from sessions_auth.actor import actor_of
from sessions_auth.models import Token, User
from sessions_auth.tokens import digest


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        text = request.headers.get("X-OS-API-TOKEN") or request.COOKIES.get("osAuthToken")
        if not text:
            return None
        token = Token.objects.select_related("user").filter(digest=digest(text)).first()
        if token is None:
            raise AuthenticationFailed
        return token.user, actor_of(token.user)

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="OpenSpecimen"'
