"""Query results as files of the data directory: complete or not there at all (spec 05 §3.7, §7.4)."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.utils import timezone

from biobank.access import Actor
from biobank.files import folder, published
from queries.csv import Preamble
from queries.models import FOLDER
from queries.moments import python_format
from queries.requests import Prepared, formats, zone_of
from queries.runner import export
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol


def results_folder() -> Path:
    return folder(FOLDER)


def write_result(
    name: str, entry: str | None, prepared: Prepared, actor: Actor, client_zone: str | None = None
) -> int:
    """Write a result to `name` in the folder of results, zipped as `entry` when that is given; answers the rows."""
    with published(results_folder() / name) as file:
        if entry is None:
            return export(prepared, actor, file, preamble(prepared, actor, client_zone))
        with _zipped(file, entry) as inner:
            return export(prepared, actor, inner, preamble(prepared, actor, client_zone))


@contextmanager
def _zipped(file: BinaryIO, entry: str) -> Iterator[BinaryIO]:
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(entry, "w", force_zip64=True) as inner,
    ):
        yield cast(BinaryIO, inner)


def preamble(prepared: Prepared, actor: Actor, client_zone: str | None = None) -> Preamble:
    """Who exports, when by their clock, and of which protocol."""
    user = User.objects.filter(pk=actor.user_id).first()
    moment = timezone.now().astimezone(zone_of(actor, client_zone))
    cp_id = prepared.question.cp_id
    protocol = (
        None
        if cp_id in (None, -1)
        else CollectionProtocol.objects.filter(pk=cp_id).values_list("short_title", flat=True).first()
    )
    return Preamble(str(user or actor.login), moment.strftime(python_format(formats().moment)), protocol)


def sweep_results() -> None:
    """Remove results that are past their retention (spec 05 §7.4)."""
    oldest = time.time() - settings.FILES_RETENTION_DAYS * 86400
    for path in results_folder().iterdir():
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
