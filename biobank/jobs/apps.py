"""Durable jobs as an app: the beat tasks live here."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "biobank.jobs"
    label = "jobs"
