"""How Django's admin checks a password: the same accounts and lock-out as `POST /sessions`."""

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from sessions_auth.models import User


class AdminBackend(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **extra: object,
    ) -> User | None:
        return None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, activity_status="Active").first()
