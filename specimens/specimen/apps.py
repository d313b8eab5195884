"""Specimens, their tree and events."""

from django.apps import AppConfig


class SpecimenConfig(AppConfig):
    name = "specimens.specimen"
    label = "specimen"
