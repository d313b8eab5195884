"""Visits as an app."""

from django.apps import AppConfig


class VisitConfig(AppConfig):
    name = "specimens.visit"
    label = "visit"

    def ready(self) -> None:
        from specimens.visit.writes.following import follow_registrations
        from specimens.visit.writes.joining import follow_merges

        follow_registrations()
        follow_merges()
