"""CSV of protocols, events, requirements and units (spec 04 §5.6-§5.8, §5.24)."""

from specimens.protocol.imports.events import EVENT
from specimens.protocol.imports.protocols import PROTOCOL
from specimens.protocol.imports.requirements import REQUIREMENT
from specimens.protocol.imports.units import UNIT

__all__ = ["EVENT", "PROTOCOL", "REQUIREMENT", "UNIT"]
