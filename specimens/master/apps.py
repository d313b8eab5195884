"""The master table as an app, so that its declarations are found."""

from django.apps import AppConfig


class MasterConfig(AppConfig):
    name = "specimens.master"
    label = "master"
