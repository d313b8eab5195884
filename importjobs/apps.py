"""The app of `importjobs`."""

from django.apps import AppConfig


class ImportjobsConfig(AppConfig):
    name = "importjobs"
    verbose_name = "Bulk imports"
