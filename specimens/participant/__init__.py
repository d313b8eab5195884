"""Participants, medical record numbers, registrations, consents."""
