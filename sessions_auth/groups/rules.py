"""Codes and decisions about user groups (spec 01 §C.11)."""

from collections.abc import Iterator

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Code, Problem
from sessions_auth.groups.detail import UserGroupDetail
from sites.rules import too_long

ID_NAME_REQ = Code("USER_GROUP_ID_NAME_REQ", "Which user group is meant? An id or a name is needed")
NOT_FOUND = Code("USER_GROUP_NOT_FOUND", "There is no such user group: {key}")
NAME_REQ = Code("USER_GROUP_NAME_REQ", "A user group needs a name")
DUP_NAME = Code("USER_GROUP_DUP_NAME", "A user group with the same name exists already: {name}")
DESC_REQ = Code("USER_GROUP_DESC_REQ", "A user group needs a description")
INST_REQ = Code("USER_GROUP_INST_REQ", "A user group needs an institute")
USER_NOT_OF_INSTITUTE = Code(
    "USER_GROUP_USER_NOT_OF_INSTITUTE", "Members must belong to the institute of the group: {key}"
)
ADD, REMOVE = "ADD", "REMOVE"


def group_problems(detail: UserGroupDetail) -> Iterator[Problem]:
    """What is wrong with a group, before look-ups."""
    if not detail.name:
        yield NAME_REQ()
    if not detail.description:
        yield DESC_REQ()
    if not detail.institute:
        yield INST_REQ()
    yield from too_long(name=(detail.name, 255), description=(detail.description, 10_000))


def right_problem(actor: Actor, operation: str, *institute_ids: int) -> Problem | None:
    """Why the caller may not do this to a group of these institutes: the same rights as on users there."""
    if actor.is_super:
        return None
    at_home = all(institute_id == actor.institute_id for institute_id in institute_ids)
    return None if at_home and actor.has_any("User", operation) else ACCESS_DENIED()
