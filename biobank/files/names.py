"""File names as they may be kept and shown."""

import re
import unicodedata

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"<>|:*?]')


def safe_name(name: str, default: str = "file", length: int = 200) -> str:
    """The last part of a path without anything a file system, a header or a page could trip over."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    clean = _UNSAFE.sub("_", last).strip(" .")
    return clean[-length:] or default
