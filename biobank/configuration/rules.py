"""Codes and decisions about settings (spec 01 §E.4)."""

import re

from biobank.configuration.known import Known
from biobank.wire.errors import Code, Problem

MODULE_NOT_FOUND = Code("CFG_MODULE_NOT_FOUND", "There is no such module: {module}")
SETTING_NOT_FOUND = Code("CFG_SETTING_NOT_FOUND", "There is no such setting: {module}/{name}")
INVALID_VALUE = Code("CFG_INVALID_SETTING_VALUE", "{name} cannot have this value")
FIXED = Code("CFG_INVALID_SETTING_VALUE", "{name} cannot be changed here")
NOT_A_FILE = Code("COMMON_INVALID_INPUT", "{module}/{name} does not hold a file")
LONGEST = 10_000


def value_problem(known: Known, value: str) -> Problem | None:
    """Why the setting cannot have this value; blank always means the default."""
    if known.fixed:
        return FIXED(name=known.name)
    fits = len(value) <= LONGEST and (not known.allowed or value in known.allowed) and _parses(known, value)
    return None if not value or fits else INVALID_VALUE(name=known.name)


def _parses(known: Known, value: str) -> bool:
    if known.type == "BOOLEAN":
        return value.lower() in ("true", "false")
    try:
        if known.type == "INT":
            return abs(int(value)) < 2**31
        if known.type == "FLOAT":
            return abs(float(value)) < float("inf")
        if known.name.endswith("_pattern"):
            re.compile(value)
    except (ValueError, re.error, OverflowError):
        return False
    return True
