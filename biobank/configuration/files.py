"""Files that are values of settings, such as the logo of the installation (spec 01 §E.4)."""

from pathlib import Path
from typing import Any

from django.core.files.base import File

from biobank.access import Actor
from biobank.configuration import rules
from biobank.configuration.known import KNOWN, Known, find
from biobank.configuration.reads import setting
from biobank.files import stored
from biobank.wire.errors import FILE_NOT_FOUND, Refused

AREA = "settings"


def file_setting(module: str | None, name: str | None) -> Known:
    """The declaration of a FILE setting. Raises CFG_MODULE_NOT_FOUND, CFG_SETTING_NOT_FOUND, COMMON_INVALID_INPUT."""
    known = find(module, name)
    if known is None and all(other.module != module for other in KNOWN):
        raise Refused(rules.MODULE_NOT_FOUND.missing(module=module))
    if known is None:
        raise Refused(rules.SETTING_NOT_FOUND.missing(module=module, name=name))
    if known.type != "FILE":
        raise Refused(rules.NOT_A_FILE(module=module, name=name))
    return known


def keep(known: Known, part: "File[Any]", actor: Actor) -> str:
    """Store an upload; returns the name that is to be put as the setting's value. Raises `Refused`."""
    actor.require_super()
    return stored.keep(AREA, part)


def is_kept(name: str) -> bool:
    """Whether a file was uploaded under this very name."""
    path = stored.place(AREA, name)
    return path.name == name and path.is_file()


def path_of(known: Known) -> Path | None:
    """Where the file in force lies; None when the setting has no value."""
    name = setting(known.module, known.name)
    return stored.place(AREA, name) if name else None


def required(known: Known) -> Path:
    """Where the file in force lies. Raises COMMON_FILE_NOT_FOUND."""
    path = path_of(known)
    if path is None or not path.is_file():
        raise Refused(FILE_NOT_FOUND())
    return path
