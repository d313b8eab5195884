"""Users and sign-in as an app."""

from django.apps import AppConfig


class SessionsAuthConfig(AppConfig):
    name = "sessions_auth"
    verbose_name = "Access"

    def ready(self) -> None:
        """Have the roles of coordinators follow the sites they are written into."""
        from sessions_auth.role_writes import follow_coordinators
        from sites.writes import FOLLOWERS

        FOLLOWERS.append(follow_coordinators)
