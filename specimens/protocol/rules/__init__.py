"""Decisions about protocols, events, requirements and consents; codes that packages below use too."""

from specimens.protocol.rules.codes import (
    CP_NOT_FOUND,
    CP_SHORT_TITLE_REQUIRED,
    CPE_CLOSED,
    CPE_NOT_FOUND,
    SR_NOT_FOUND,
)

__all__ = ["CPE_CLOSED", "CPE_NOT_FOUND", "CP_NOT_FOUND", "CP_SHORT_TITLE_REQUIRED", "SR_NOT_FOUND"]
