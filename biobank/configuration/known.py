"""The settings that exist, with type and default (spec 01 §E.4)."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Known:
    """One setting; `default` is its value when nothing was stored."""

    module: str
    name: str
    type: str = "STRING"
    default: str = ""
    secured: bool = False
    allowed: tuple[str, ...] = ()


KNOWN: tuple[Known, ...] = (
    Known("common", "allowed_req_origins"),
    Known("common", "date_format", default="MM-dd-yyyy"),
    Known("common", "time_format", default="HH:mm"),
    Known("common", "import_max_records_per_txn", "INT", str(settings.IMPORT_MAX_ATOMIC_ROWS)),
    Known("common", "online_import_job_size_limit", "INT", "0"),
    Known("notifications", "cc_import_emails_to_admin", "BOOLEAN", "false"),
    Known("auth", "token_inactive_interval", "INT", str(settings.TOKEN_INACTIVE_MINUTES)),
    Known("auth", "allowed_failed_logins", "INT", str(settings.ALLOWED_FAILED_LOGINS)),
    Known("query", "floating_point_precision", "INT", "0"),
    Known("query", "max_concurrent_queries", "INT", "10"),
    Known("query", "zip_scheduled_results", "BOOLEAN", "false"),
)


def default_of(module: str, name: str) -> str:
    return next((known.default for known in KNOWN if (known.module, known.name) == (module, name)), "")
