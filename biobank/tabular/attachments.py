"""The names of attachments in archives that exports write and imports read (spec 04 §3.3, §6.3)."""

import re

FOLDER = "files"
MARK = b"exported: names begin with a number"  # the comment of an archive whose attachments are named so
_NUMBER = re.compile(r"\d+_(?=.)")


def numbered(number: int, name: str) -> str:
    """A name that no other attachment of the archive has."""
    return f"{number}_{name}"


def plain(name: str) -> str:
    """The name without its number."""
    return _NUMBER.sub("", name, count=1) if _NUMBER.match(name) else name
