"""Specimens, their tree and events."""

from django.apps import AppConfig


class SpecimenConfig(AppConfig):
    name = "specimens.specimen"
    label = "specimen"

    def ready(self) -> None:
        from specimens.specimen.writes.following import follow_visits

        follow_visits()
