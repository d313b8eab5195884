"""The error codes of queries and scheduled jobs (spec 05 §9)."""

from biobank.wire.errors import Code, Kind, Refused

MALFORMED = Code("QUERY_MALFORMED", "The query cannot be understood: {reason}")
CYCLES = Code("QUERY_CYCLES_IN_QUERY", "The forms of the query refer to each other in a circle")
NOT_FOUND = Code("QUERY_NOT_FOUND", "There is no saved query {id}")
OP_NOT_ALLOWED = Code("QUERY_OP_NOT_ALLOWED", "You may not do this with the query", Kind.FORBIDDEN)
TITLE_REQUIRED = Code("QUERY_TITLE_REQUIRED", "A query needs a title")
DEPENDENTS_FOUND = Code("QUERY_DEPS_FOUND", "Other queries use this one: {ids}")
INVALID_PAGE = Code("QUERY_INVALID_PAGINATION_FILTER", "startAt must be 0 or more, maxResults 1 or more")
TOO_BUSY = Code("QUERY_TOO_BUSY", "Too many queries are running; please try again in a moment")
TIMEOUT = Code("QUERY_TIMEOUT", "The query took longer than {seconds} seconds")
PHI_IN_AGGREGATE = Code(
    "QUERY_PHI_NOT_ALLOWED_IN_AGR", "Identifying fields cannot be part of a summary: {fields}"
)
EXPORT_IN_PROGRESS = Code("QUERY_EXPORT_DATA_IN_PROGRESS", "The export is still running")
EXPORT_NOT_FOUND = Code("QUERY_EXPORT_DATA_FILE_NOT_FOUND", "There is no such export")
GROUP_NOT_FOUND = Code("CP_GROUP_NOT_FOUND", "There is no group of collection protocols {id}")
NOT_IN_GROUP = Code("CP_GROUP_CP_NOT_IN_GRP", "Protocol {id} does not belong to the group {group}")
RESULT_VIEW_INVALID = Code("QUERY_INV_RV_CFG", "The default result view is not configured correctly")
AUDIT_LOG_NOT_FOUND = Code("QUERY_AUDIT_LOG_NOT_FOUND", "There is no query audit log entry {id}")

LIST_NOT_FOUND = Code("CP_INVALID_LIST_NAME", "There is no list called {name}")
LIST_INVALID = Code("CP_INVALID_LIST_CONFIG", "The list {name} is not configured correctly: {reason}")

REPORT_DISABLED = Code("CP_RPT_DISABLED", "Reports of this collection protocol are switched off")
REPORT_GONE = Code("CP_RPT_FILE_NOT_FOUND", "There is no such report", Kind.NOT_FOUND)

FOLDER_NOT_FOUND = Code("QUERY_FOLDER_NOT_FOUND", "There is no query folder {id}")
FOLDER_NAME_REQUIRED = Code("QUERY_FOLDER_NAME_REQUIRED", "A query folder needs a name")
QUERIES_NOT_ACCESSIBLE = Code(
    "QUERY_QUERIES_NOT_ACCESSIBLE", "Some queries do not exist or are not yours: {ids}"
)
SHARE_INVALID = Code("QUERY_INVALID_SHARE_ACCESS_DETAILS", "Some users do not exist: {ids}")

JOB_NOT_FOUND = Code("SCHEDULED_JOB_NOT_FOUND", "There is no scheduled job {id}")
RUN_NOT_FOUND = Code("SCHEDULED_JOB_JOB_RUN_NOT_FOUND", "There is no run {id}")
JOB_NAME_REQUIRED = Code("SCHEDULED_JOB_NAME_REQUIRED", "A scheduled job needs a name")
JOB_NAME_TAKEN = Code("SCHEDULED_JOB_DUP_JOB_NAME", "A scheduled job called {name} exists already")
SCHEDULE_REQUIRED = Code("SCHEDULED_JOB_REPEAT_SCHEDULE_REQUIRED", "How often the job repeats must be said")
SCHEDULE_INVALID = Code("SCHEDULED_JOB_INVALID_REPEAT_SCHEDULE", "Unknown repeat schedule: {value}")
TIME_INVALID = Code(
    "SCHEDULED_JOB_INVALID_SCHEDULED_TIME", "The time of the schedule is missing or out of range"
)
END_BEFORE_START = Code("SCHEDULED_JOB_END_DATE_BEFORE_START_DATE", "The job would end before it starts")
JOB_TYPE_INVALID = Code("SCHEDULED_JOB_INVALID_TYPE", "Unknown type of scheduled job: {value}")
EXTERNAL_FORBIDDEN = Code("SCHEDULED_JOB_EXT_TASK_FORBIDDEN", "External commands cannot be scheduled")
TASK_REQUIRED = Code("SCHEDULED_JOB_TASK_IMPL_FQN_REQUIRED", "The server task must be named")
TASK_INVALID = Code("SCHEDULED_JOB_INVALID_TASK_IMPL_FQN", "Unknown server task: {value}")
QUERY_REQUIRED = Code("SCHEDULED_JOB_QUERY_REQ", "The saved query to run must be named")
JOB_OP_NOT_ALLOWED = Code("SCHEDULED_JOB_OP_NOT_ALLOWED", "You may not do this with the job", Kind.FORBIDDEN)
RESULT_NOT_AVAILABLE = Code("SCHEDULED_JOB_RESULT_DATA_FILE_NOT_AVAILABLE", "The run has no result file")
RESULT_GONE = Code(
    "SCHEDULED_JOB_RESULT_DATA_FILE_NOT_FOUND", "The result file no longer exists", Kind.NOT_FOUND
)


class Malformed(Refused):
    """The query cannot be compiled; becomes `QUERY_MALFORMED` (spec 05 §1.14)."""

    def __init__(self, reason: str) -> None:
        super().__init__(MALFORMED(reason=reason))
