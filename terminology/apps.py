"""Pick lists as an app."""

from django.apps import AppConfig


class TerminologyConfig(AppConfig):
    name = "terminology"
