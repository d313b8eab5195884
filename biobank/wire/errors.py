"""Refusals as values: a code is public and stable, its message may be reworded (spec 01 §A.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum


class Kind(Enum):
    """What sort of refusal this is; `wire.status` turns it into an HTTP status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    SIGN_IN_FAILED = "sign-in failed"  # wrong user or password on POST /sessions
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    METHOD = "method"
    MEDIA_TYPE = "media type"
    CONFLICT = "conflict"
    TOO_LARGE = "too large"
    NO_SPACE = "no space"
    UNPROCESSABLE = "unprocessable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal, as it goes over the wire.

    `values` are the texts that the message names; reports of imports find the cell that is meant by them.
    """

    code: str
    message: str
    kind: Kind = Kind.INVALID
    values: tuple[str, ...] = field(default=(), compare=False)

    def wire(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Code:
    """A documented error code. Call it with the message's values to get a `Problem`.

    `CODE(...)` is the refusal of something inside a body (400); `CODE.missing(...)` of the record that path
    or query address (404 in mode `documented`).
    """

    code: str
    template: str
    kind: Kind = Kind.INVALID

    def __call__(self, **data: object) -> Problem:
        return Problem(self.code, self.template.format(**data), self.kind, tuple(map(str, data.values())))

    def missing(self, **data: object) -> Problem:
        return replace(self(**data), kind=Kind.NOT_FOUND)


class Refused(Exception):
    """The request cannot be carried out; holds every problem found in one pass."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(", ".join(problem.code for problem in problems))


def refuse_if(problems: Iterable[Problem]) -> None:
    """Raise `Refused` when there is at least one problem."""
    found = tuple(problems)
    if found:
        raise Refused(*found)


INVALID_REQUEST = Code("INVALID_REQUEST", "The request cannot be understood: {reason}")
INVALID_INPUT = Code("COMMON_INVALID_INPUT", "{name} has a value that is not allowed: {value}")
INVALID_TZ = Code("COMMON_INVALID_TZ", "Unknown time zone: {value}")
FILE_NOT_FOUND = Code("COMMON_FILE_NOT_FOUND", "The file no longer exists", Kind.NOT_FOUND)
UNAUTHENTICATED = Code("AUTH_TOKEN_INVALID", "Please sign in", Kind.UNAUTHENTICATED)
ACCESS_DENIED = Code("RBAC_ACCESS_DENIED", "You do not have the right to do this", Kind.FORBIDDEN)
ADMIN_RIGHTS_REQUIRED = Code(
    "RBAC_ADMIN_RIGHTS_REQUIRED", "Only a super administrator may do this", Kind.FORBIDDEN
)
INST_ADMIN_RIGHTS_REQUIRED = Code(
    "RBAC_INST_ADMIN_RIGHTS_REQ", "Only an administrator of the institute may do this", Kind.FORBIDDEN
)
UNKNOWN_PATH = Code("COMMON_UNKNOWN_PATH", "There is nothing at {path}", Kind.NOT_FOUND)
METHOD_NOT_ALLOWED = Code("COMMON_METHOD_NOT_ALLOWED", "{method} is not offered here", Kind.METHOD)
MEDIA_TYPE = Code("COMMON_MEDIA_TYPE", "Content type {type} is not accepted here", Kind.MEDIA_TYPE)
TOO_LARGE = Code("COMMON_TOO_LARGE", "The body is larger than the {limit:,} bytes allowed", Kind.INVALID)
SERVER_ERROR = Code("internal_error", "Something went wrong here; incident {incident}", Kind.INTERNAL)
ACTIVITY_STATUS_INVALID = Code("ACTIVITY_STATUS_INVALID", "{value} is not an activity status")
