"""Participants, medical record numbers, registrations, consents."""

from django.apps import AppConfig


class ParticipantConfig(AppConfig):
    name = "specimens.participant"
    label = "participant"
