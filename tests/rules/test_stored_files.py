"""Uploads keep a name that every file system takes."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from biobank.files.stored import keep, original, place


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".pdf", "ß" * 300 + ".pdf", "\U0001f9ec" * 300 + ".pdf", ".pdf", ""]
)
def test_any_name_can_be_kept(name: str, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    stored = keep("area", ContentFile(b"content", name=name or None))
    assert place("area", stored).read_bytes() == b"content"
    assert original(stored).endswith("pdf" if name else "file")
