"""Writing protocols, events, requirements and consents; every change of a definition goes through here."""

from specimens.protocol.writes.versions import publish_version

__all__ = ["publish_version"]
