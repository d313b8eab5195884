"""Files whose names say what they are: the drop folder of scheduled imports (spec 04 §1.7)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.db import transaction

from biobank.access import Actor
from biobank.wire.errors import Refused
from importjobs import uploads
from importjobs.detail import NewJob
from importjobs.errors import CSV_NOT_IN_ZIP, INVALID_FILENAME, PARSE_ERROR, Malformed
from importjobs.models import CsvType, ImportJob
from importjobs.submit import submit


@dataclass(frozen=True, slots=True)
class Name:
    """What a file name says: `<type>_<operation>_<yyyyMMddHHmmssSSS>[_m | _cpId_<id>].csv`."""

    object_type: str
    operation: str
    at: datetime
    is_multiple: bool
    params: dict[str, str]

    @classmethod
    def parse(cls, filename: str) -> "Name":
        """Raises IMPORT_JOB_INV_FILENAME."""
        tokens = filename.removesuffix(".csv").split("_")
        params: dict[str, str] = {}
        if tokens[0] == "extensions" and len(tokens) >= 5:
            params = {"entityType": tokens[1], "formName": "_".join(tokens[2:-2])}
            tokens = [tokens[0], *tokens[-2:]]
        if len(tokens) < 3:
            raise Refused(INVALID_FILENAME(name=filename))
        object_type, operation, stamp, *more = tokens
        if more[:1] == ["cpId"] and len(more) == 2:
            params["cpId"] = more[1]
        return cls(object_type, operation, _instant(stamp, filename), more == ["m"], params)


def _instant(text: str, filename: str) -> datetime:
    try:
        if len(text) != 17 or not text.isascii() or not text.isdigit():
            raise ValueError
        return datetime.strptime(text + "000", "%Y%m%d%H%M%S%f")
    except ValueError:
        raise Refused(INVALID_FILENAME(name=filename)) from None


def schedule(file: "File[Any]", actor: Actor) -> list[ImportJob]:
    """Queue a CSV, or every CSV of an archive in the order of their time stamps; all of them or none."""
    try:
        with uploads.csv_files(file) as files:
            found = sorted(
                ((Name.parse(item.name or ""), item) for item in files), key=lambda pair: pair[0].at
            )
            if not found:
                raise Refused(CSV_NOT_IN_ZIP())
            with transaction.atomic():
                return [_queue(name, item, actor) for name, item in found]
    except Malformed as error:
        raise Refused(PARSE_ERROR(reason=error)) from None


def _queue(name: Name, file: "File[Any]", actor: Actor) -> ImportJob:
    upload = uploads.store(file, actor)
    job = submit(
        NewJob(
            object_type=name.object_type,
            import_type=name.operation.upper(),
            csv_type=CsvType.MULTIPLE if name.is_multiple else CsvType.SINGLE,
            input_file_id=str(upload.id),
            object_params=name.params,
            offline_queue=True,
        ),
        actor,
    )
    if not isinstance(job, ImportJob):
        raise Refused(PARSE_ERROR(reason=f"{file.name}: {job.status}"))
    return job
