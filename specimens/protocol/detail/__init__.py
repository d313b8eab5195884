"""The wire shapes of protocols, events, requirements, consents and versions (spec 02)."""

from specimens.protocol.detail.protocols import ProtocolDetail, ProtocolSummary

__all__ = ["ProtocolDetail", "ProtocolSummary"]
