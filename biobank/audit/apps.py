"""The audit as an app; what can be audited is declared by each package in its `audited.py`."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "biobank.audit"
    label = "audit"
