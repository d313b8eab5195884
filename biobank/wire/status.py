"""The one table from kinds to HTTP statuses, in both modes (spec 01 §A.1, §A.3)."""

from enum import Enum

from django.conf import settings

from biobank.wire.errors import Kind


class Effect(Enum):
    """What a successful call did: only `WRITE` differs between the modes."""

    READ = "read"
    WRITE = "write"  # POST or PUT that creates or updates a record
    ACTION = "action"  # searches, counts, runs, uploads, sessions, query and job calls


_DOCUMENTED = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.SIGN_IN_FAILED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD: 405,
    Kind.CONFLICT: 409,
    Kind.MEDIA_TYPE: 415,
    Kind.TOO_LARGE: 400,
    Kind.NO_SPACE: 507,
    Kind.UNPROCESSABLE: 422,
    Kind.INTERNAL: 500,
}
_BAD_REQUEST_UPSTREAM = (Kind.SIGN_IN_FAILED, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.CONFLICT)
_UPSTREAM = {**_DOCUMENTED, **dict.fromkeys(_BAD_REQUEST_UPSTREAM, 400)}
_SAME_IN_BOTH = frozenset({"COMMON_UNKNOWN_PATH"})


def of_success(effect: Effect) -> int:
    """201 for writes in mode `documented`, 200 for everything else."""
    return 201 if effect is Effect.WRITE and settings.API_STATUS == "documented" else 200


def of_refusal(kind: Kind, code: str = "") -> int:
    table = _DOCUMENTED if settings.API_STATUS == "documented" or code in _SAME_IN_BOTH else _UPSTREAM
    return table[kind]
