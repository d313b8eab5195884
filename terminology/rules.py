"""Codes of pick lists."""

from biobank.wire.errors import Code

VALUE_REQUIRED = Code("PV_VALUE_REQUIRED", "A value given as text needs its attribute")
NOT_FOUND = Code("PV_NOT_FOUND", "There is no such permissible value: {value}")
