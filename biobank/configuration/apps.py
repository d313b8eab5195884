"""Configuration settings of the running installation (spec 01 §E.4)."""

from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    name = "biobank.configuration"
    label = "configuration"
