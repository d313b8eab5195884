"""Visits of participants."""

from django.apps import AppConfig


class VisitConfig(AppConfig):
    name = "specimens.visit"
    label = "visit"
