"""Users and sign-in as an app."""

from django.apps import AppConfig


class SessionsAuthConfig(AppConfig):
    name = "sessions_auth"
