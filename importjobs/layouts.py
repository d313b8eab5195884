"""How the cells of one file are to be read: separator, formats, zone, with their defaults (spec 04 §1.3)."""

from biobank.configuration.reads import setting
from biobank.wire.errors import INVALID_INPUT, Refused
from importjobs.cells import Formats

SEPARATOR = ","
_NOT_SEPARATORS = frozenset('"\r\n\0')


def separator(text: str | None) -> str:
    """The separator a client asked for: its first character counts. Raises COMMON_INVALID_INPUT."""
    if not text:
        return SEPARATOR
    if text[0] in _NOT_SEPARATORS:
        raise Refused(INVALID_INPUT(name="fieldSeparator", value=repr(text[0])))
    return text[0]


def formats(date_format: str | None, time_format: str | None, time_zone: str) -> Formats:
    """The formats a client asked for, else those of the server. Raises a problem for each wrong one."""
    return Formats.parse(
        date_format or setting("common", "date_format"),
        time_format or setting("common", "time_format"),
        time_zone,
    )
