"""The error codes of import jobs (spec 04 §1.8)."""

from biobank.wire.errors import Code, Kind

NOT_FOUND = Code("IMPORT_JOB_NOT_FOUND", "There is no import job {id}")
JOB_ACCESS_DENIED = Code(
    "IMPORT_JOB_ACCESS_DENIED", "This import job belongs to somebody else", Kind.FORBIDDEN
)
OUTPUT_NOT_CREATED = Code(
    "IMPORT_JOB_OUTPUT_FILE_NOT_CREATED", "The job has no report (or no longer has one)"
)
SCHEMA_NOT_FOUND = Code("IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND", "There is no import schema {name}")
PARSE_ERROR = Code("IMPORT_JOB_RECORD_PARSE_ERROR", "{reason}")
NOT_OVER = Code("IMPORT_JOB_NOT_OVER", "Import job {id} has not ended yet")
NOTHING_TO_RETRY = Code("IMPORT_JOB_NOTHING_TO_RETRY", "Import job {id} left no row behind")
NOT_IN_PROGRESS = Code("IMPORT_JOB_NOT_IN_PROGRESS", "Import job {id} is not in progress")
INVALID_DATE_FORMAT = Code("IMPORT_JOB_INVALID_DATE_FORMAT", "{pattern} is not a date pattern: {reason}")
INVALID_TIME_FORMAT = Code("IMPORT_JOB_INVALID_TIME_FORMAT", "{pattern} is not a time pattern: {reason}")
CSV_NOT_IN_ZIP = Code("IMPORT_JOB_CSV_NOT_FOUND_IN_ZIP", "The archive has no CSV file at its top level")
INVALID_FILENAME = Code("IMPORT_JOB_INV_FILENAME", "{name} does not say what to import, how, and when")
NO_SPACE = Code("IMPORT_JOB_NO_SPACE", "There is no room for the file on the server's disk", Kind.NO_SPACE)
UPLOAD_INVALID = Code("IMPORT_JOB_UPLOAD_INVALID", "The chunk cannot be taken: {reason}")
UPLOAD_UNKNOWN = Code(
    "IMPORT_JOB_UPLOAD_NOT_FOUND", "There is no such upload, or it has expired", Kind.NOT_FOUND
)
UPLOAD_OFFSET = Code("IMPORT_JOB_UPLOAD_OFFSET", "The upload goes on at byte {offset}", Kind.CONFLICT)
UPLOAD_TOO_LARGE = Code("COMMON_TOO_LARGE", "The file is larger than the {limit:,} bytes allowed")
UPLOAD_BUSY = Code("IMPORT_JOB_UPLOAD_BUSY", "Another request is sending this file")
UPLOAD_CHECKSUM = Code("IMPORT_JOB_UPLOAD_CHECKSUM", "The chunk arrived damaged; nothing of it was kept")
UPLOAD_VERSION = Code("IMPORT_JOB_UPLOAD_VERSION", "Only version 1.0.0 of the protocol is spoken here")
KEY_REUSED = Code(
    "IMPORT_JOB_KEY_REUSED", "The idempotency key {key} was used for another request", Kind.UNPROCESSABLE
)
FILE_MISSING = Code("INVALID_REQUEST", "The request cannot be understood: a part named file is expected")


class Malformed(Exception):
    """The input file cannot be read as CSV; the text tells the user where and why."""
