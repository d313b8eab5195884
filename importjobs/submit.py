"""Creating an import job: every check, in the documented order (spec 04 §1.3)."""

from dataclasses import dataclass

from django.db import transaction

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.batch.schema import ImportSchema
from biobank.configuration.reads import number
from biobank.jobs.runner import send
from biobank.tabular.zones import default_zone
from biobank.wire.errors import ACCESS_DENIED, INVALID_INPUT, Problem, Refused
from importjobs import inputs, layouts, uploads
from importjobs.cells import Formats
from importjobs.detail import JobDetail, NewJob
from importjobs.errors import PARSE_ERROR, SCHEMA_NOT_FOUND, Malformed
from importjobs.header import match
from importjobs.inputs import Input, Kind
from importjobs.models import CsvType, ImportJob, ImportType, Upload
from importjobs.reader import CsvFile, Size


@dataclass(frozen=True, slots=True)
class _Options:
    type: ImportType
    csv_type: CsvType
    formats: Formats


def submit(request: NewJob, actor: Actor, client_zone: str | None = None) -> ImportJob | JobDetail:
    """Check, store and queue a job; a `JobDetail` without id when the file is too large for it (§2.3).

    Raises `Refused` with the codes of §1.8.
    """
    if not actor.may_import:
        raise Refused(ACCESS_DENIED())
    try:
        upload = uploads.find(request.input_file_id, actor)
        uploads.rows_file(upload)  # what is wrong with the file is told first
        schema = find_schema(request.object_type)
        columns = schema.columns_with(request.object_params)
        zone = default_zone(actor, client_zone)
        found = inputs.prepare(upload, request.field_separator, columns, _formats_or_default(request, zone))
        header, size = _measure(found)
        atomic = bool(request.atomic) and not request.dry_run
        status = refusal_of(size, atomic=atomic, offline=bool(request.offline_queue))
        if status is not None:
            return JobDetail(status=status, total_records=size.records)
        options = _options(request, schema, zone)
        match(columns, header, drop_id=options.type == ImportType.CREATE)
        return _create(request, actor, upload, found, options, size)
    except Malformed as error:
        raise Refused(PARSE_ERROR(reason=error)) from None


def _formats_or_default(request: NewJob, zone: str) -> Formats:
    """The formats asked for; those of the server when they are wrong, which is told after the file was read."""
    try:
        return layouts.formats(request.date_format, request.time_format, request.time_zone or zone)
    except Refused:
        return layouts.formats(None, None, zone)


def find_schema(name: str | None) -> ImportSchema:
    """The schema of that name. Raises IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND."""
    found = schemas.find(name or "")
    if found is None or found.door is None:
        raise Refused(SCHEMA_NOT_FOUND(name=name or ""))
    return found


def _measure(found: Input) -> tuple[list[str], Size]:
    with CsvFile(found.path, found.separator) as file:
        return file.header, file.measure()


def refusal_of(size: Size, *, atomic: bool, offline: bool) -> str | None:
    """The status of the pseudo job that tells which limit is exceeded (spec 04 §2.3); None when none is."""
    online = number("common", "online_import_job_size_limit")
    too_large = 0 < online < size.records and not offline
    if atomic and size.records > number("common", "import_max_records_per_txn"):
        return "LARGE_TXN_N_JOB" if too_large else "TXN_SIZE_EXCEEDED"
    return "TOO_LARGE" if too_large else None


def _options(request: NewJob, schema: ImportSchema, zone: str) -> _Options:
    problems: list[Problem] = []
    type_, csv_type = request.import_type or ImportType.CREATE, request.csv_type or CsvType.SINGLE
    if type_ not in ImportType.values or type_ not in schema.operations:
        problems.append(INVALID_INPUT(name="importType", value=type_))
    if csv_type not in CsvType.values or (csv_type == CsvType.MULTIPLE and not _has_keys(schema)):
        problems.append(INVALID_INPUT(name="csvType", value=csv_type))
    formats = None
    try:
        formats = layouts.formats(request.date_format, request.time_format, request.time_zone or zone)
    except Refused as refused:
        problems.extend(refused.problems)
    if problems or formats is None:
        raise Refused(*problems)
    return _Options(ImportType(type_), CsvType(csv_type), formats)


def _has_keys(schema: ImportSchema) -> bool:
    """Whether rows can be grouped to objects (spec 04 §3.2): keys that tell them apart, items in rows of their own."""
    return any(getattr(item, "key", False) for item in schema.columns) and any(
        getattr(item, "one_a_row", False) for item in schema.columns
    )


def _create(
    request: NewJob, actor: Actor, upload: Upload, found: Input, options: _Options, size: Size
) -> ImportJob:
    formats = options.formats
    with transaction.atomic():
        job = ImportJob.objects.create(
            name=request.object_type or "",
            type=options.type,
            csv_type=options.csv_type,
            date_format=formats.day.text,
            time_format=formats.moment.text.removeprefix(formats.day.text + " "),
            time_zone=formats.zone.key,
            field_separator=_named(request, found),
            params=request.object_params,
            atomic=bool(request.atomic),
            offline=bool(request.offline_queue),
            held=bool(request.offline_queue),
            dry_run=bool(request.dry_run),
            filename=upload.filename,
            rows=size.rows,
            created_by_id=actor.user_id,
        )
        if job.dry_run:  # the file stays usable: for the run that follows
            upload = uploads.twin(upload)
        if found.kind == Kind.XLSX:
            uploads.choose(upload, found.path)
        if not Upload.objects.filter(pk=upload.pk, job=None).update(job=job):
            raise Malformed("a job has used the input file already")
        if not job.held:
            send(job)
    return job


def _named(request: NewJob, found: Input) -> str:
    """The separator as the job keeps it: as asked for, else blank for the one that goes without saying."""
    asked = "" if found.kind == Kind.XLSX else (request.field_separator or "")[:1]
    return asked or ("" if found.separator == layouts.SEPARATOR else found.separator)
