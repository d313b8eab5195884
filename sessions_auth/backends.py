"""How Django's admin checks a password: the same accounts, lock-out and audit as `POST /sessions`."""

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from biobank.wire.errors import Refused
from sessions_auth import signin
from sessions_auth.authentication import address_of
from sessions_auth.models import User


class AdminBackend(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **extra: object,
    ) -> User | None:
        """The user, or None whatever the reason (Django's form says only that it did not work)."""
        try:
            user = signin.sign_in(
                (username or "").strip(), (password or "").strip(), None, address_of(request), door="admin"
            )
        except Refused:
            return None
        return None if signin.must_reset(user) else user

    def get_user(self, user_id: int) -> User | None:
        """The user of a session; it ends when the account is no longer active."""
        return User.objects.filter(pk=user_id, activity_status="Active").first()
