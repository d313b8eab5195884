"""The error codes of export jobs (spec 04 §6.5); the last two are ours."""

from biobank.wire.errors import Code

INVALID_OBJECT_TYPE = Code("EXPORT_INVALID_OBJECT_TYPE", "There is no kind of records named {name}")
NO_GENERATOR = Code("EXPORT_NO_GEN_FOR_OBJECT_TYPE", "{name} cannot be exported")
NOT_FOUND = Code("EXPORT_JOB_NOT_FOUND", "There is no export job {id}")
IN_PROGRESS = Code("EXPORT_JOB_IN_PROGRESS", "Export job {id} is still running; its file is not there yet")
OUTPUT_NOT_CREATED = Code(
    "EXPORT_JOB_OUTPUT_FILE_NOT_CREATED", "Export job {id} has no file, or no longer has one"
)
