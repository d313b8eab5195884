"""Participants, medical record numbers, registrations, consents."""

from django.apps import AppConfig


class ParticipantConfig(AppConfig):
    name = "specimens.participant"
    label = "participant"

    def ready(self) -> None:
        from specimens.participant.writes.joining import follow_merges
        from specimens.participant.writes.removal import follow_protocols

        follow_protocols()
        follow_merges()
