"""Where a failure happened, for the log, without the exception's text: it may quote a record."""

import sys
import traceback
from types import TracebackType
from typing import Any


def frames_only(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """structlog processor: replace `exc_info` by the exception's type and its frames."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    if isinstance(given, BaseException):
        kind: type[BaseException] | None = type(given)
        trace: TracebackType | None = given.__traceback__
    else:
        kind, _, trace = given if isinstance(given, tuple) else sys.exc_info()
    if kind is not None:
        event["exception"] = kind.__name__
        event["frames"] = "".join(traceback.format_tb(trace))
    for key in ("error", "error_message"):
        event.pop(key, None)
    return event
