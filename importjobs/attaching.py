"""Files that rows bring along in their archive (spec 04 §3.3): unpacked as chunks name them, attached as they are
written, removed when the run ends."""

import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Outcome
from biobank.batch.schema import Attachments, ImportSchema
from biobank.tabular.attachments import MARK, plain
from importjobs import archives, uploads
from importjobs.models import ImportJob, Upload

_FOLDER = "files"


class Writes(Protocol):
    """What sends details through the doors of a schema."""

    def write(self, details: Sequence[Any]) -> list[Outcome]: ...


class _Undo(Exception):
    """Some rows cannot keep their files: what was written is undone and written again without them."""


class AttachingWriter:
    """Writes rows with the files they name; a row whose file is missing, or not accepted, is not written."""

    def __init__(self, writer: Writes, attachments: Attachments, upload: Upload, actor: Actor) -> None:
        self._writer = writer
        self._attachments = attachments
        self._actor = actor
        self._archive = _Archive(upload)

    def write(self, details: Sequence[Any]) -> list[Outcome]:
        """One outcome a detail, in order; runs inside the caller's transaction."""
        names = [self._attachments.name_of(detail) for detail in details]
        if not any(names):
            return self._writer.write(details)
        paths = self._archive.unpacked({name for name in names if name})
        outcomes: dict[int, Outcome] = {}
        left: list[int] = []
        for place, name in enumerate(names):
            if name and name not in paths:
                outcomes[place] = Outcome(problems=(self._attachments.missing(name),))
            else:
                left.append(place)
        files = {place: paths[name] for place, name in enumerate(names) if name and name in paths}
        while left:
            refused = self._attempt(details, left, files, outcomes)
            if not refused:
                break
            left = [place for place in left if place not in refused]
        return [outcomes[place] for place in range(len(details))]

    def _attempt(
        self,
        details: Sequence[Any],
        left: Sequence[int],
        files: dict[int, Path],
        outcomes: dict[int, Outcome],
    ) -> set[int]:
        """Write these rows with their files; answers the rows whose files were refused, then nothing was written."""
        refused: set[int] = set()
        try:
            with transaction.atomic():
                written = self._writer.write([details[place] for place in left])
                outcomes.update(zip(left, written, strict=True))
                named = [
                    (place, outcome.pk)
                    for place, outcome in zip(left, written, strict=True)
                    if outcome.ok and outcome.pk is not None and place in files
                ]
                pairs = [(pk, files[place]) for place, pk in named]
                answers = self._attachments.attach(pairs, self._actor) if pairs else []
                for (place, _), problems in zip(named, answers, strict=True):
                    if problems:
                        outcomes[place] = Outcome(problems=tuple(problems))
                        refused.add(place)
                if refused:
                    raise _Undo
        except _Undo:
            pass
        return refused


def attaching(writer: Writes, schema: ImportSchema, job: ImportJob, actor: Actor) -> Writes:
    """The writer of a job, attaching files where the schema has any."""
    if schema.attachments is None:
        return writer
    return AttachingWriter(writer, schema.attachments, Upload.objects.get(job=job), actor)


class _Archive:
    """The files of an upload; one without archive has none."""

    def __init__(self, upload: Upload) -> None:
        self._home = uploads.home(upload.id)
        self._entries: dict[str, zipfile.ZipInfo] | None = None
        self._exported = False  # an export wrote it, and numbered the names

    def unpacked(self, names: set[str]) -> dict[str, Path]:
        """Where each of the files that the archive has now stands. Raises `Malformed` when it cannot be unpacked."""
        found: dict[str, Path] = {}
        with ExitStack() as stack:
            archive: zipfile.ZipFile | None = None
            entries = self._listed()
            for name in sorted(names):
                entry = entries.get(unicodedata.normalize("NFC", name))
                if entry is None:
                    continue
                target = self._home / _FOLDER / (_apart(name) if self._exported else name)
                if not target.exists():
                    archive = archive or stack.enter_context(archives.opened(self._home / "original"))
                    with uploads.space_needed():
                        archives.unpack(archive, entry, target)
                found[name] = target
        return found

    def _listed(self) -> dict[str, zipfile.ZipInfo]:
        if self._entries is None:
            original = self._home / "original"
            with original.open("rb") as file:
                is_archive = archives.is_archive(file.read(4))
            self._entries = {}
            if is_archive:
                with archives.opened(original) as archive:
                    if not archives.is_workbook(archive):
                        self._entries = archives.attachments(archive)
                        self._exported = archive.comment == MARK
        return self._entries


def _apart(name: str) -> Path:
    """A place where a file can have the name it had before it was exported, which another one may have, too."""
    original = plain(name)
    return Path(name) if original == name else Path(name.removesuffix(original)) / original


def forget_files(job: ImportJob) -> None:
    """Remove what was unpacked for a job that has ended; its archive stays as long as its report (spec 04 §2.9)."""
    upload = Upload.objects.filter(job=job).first()
    if upload is not None:
        shutil.rmtree(uploads.home(upload.id) / _FOLDER, ignore_errors=True)
