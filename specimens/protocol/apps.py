"""Collection protocols, events, requirements, consent tiers, label formats."""

from django.apps import AppConfig


class ProtocolConfig(AppConfig):
    name = "specimens.protocol"
    label = "protocol"
