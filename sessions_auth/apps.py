"""Users and sign-in as an app."""

from django.apps import AppConfig


class SessionsAuthConfig(AppConfig):
    name = "sessions_auth"
    verbose_name = "Access"

    def ready(self) -> None:
        """Have the roles of people follow the sites they are about."""
        from sessions_auth.role_writes import follow_sites
        from sites.writes import FOLLOWERS

        FOLLOWERS.append(follow_sites)
