"""Institutes and sites as an app."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "sites"
