"""The app of `queries`."""

from django.apps import AppConfig


class QueriesConfig(AppConfig):
    name = "queries"
