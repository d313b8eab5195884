"""Codes and decisions about roles and who holds them (spec 01 part D)."""

from collections.abc import Collection, Iterator, Mapping

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Code, Problem
from sessions_auth.detail import RoleDetail
from sites.rules import OPERATION_NOT_FOUND, RESOURCE_NOT_FOUND, too_long

ROLE_NAME_REQUIRED = Code("RBAC_ROLE_NAME_REQUIRED", "A role needs a name")
DUP_ROLE_NAME = Code("RBAC_DUP_ROLE_NAME", "A role with the same name exists already: {name}")
ROLE_NOT_FOUND = Code("RBAC_ROLE_NOT_FOUND", "There is no such role: {key}")
ROLE_IN_USE = Code("RBAC_REF_ENTITY_FOUND", "Users still have the role")
SUBJECT_NOT_FOUND = Code("RBAC_SUBJECT_NOT_FOUND", "There is no such user: {key}")
SUBJECT_ROLE_NOT_FOUND = Code("RBAC_SUBJECT_ROLE_NOT_FOUND", "The user has no such role: {key}")
GROUP_ID_REQUIRED = Code("RBAC_GROUP_ID_REQUIRED", "Which user group? Its id is needed")
GROUP_NOT_FOUND = Code("RBAC_GROUP_NOT_FOUND", "There is no such user group: {key}")
INV_SITE_USER = Code("RBAC_INV_SITE_USER", "The site is not of the user's institute: {key}")
INV_CP_USER = Code("RBAC_INV_CP_USER", "The protocol has no site of the user's institute: {key}")
INV_CP_SITE = Code("RBAC_INV_CP_SITE", "The protocol does not use the site: {key}")
CP_NOT_FOUND = Code("CP_NOT_FOUND", "There is no such collection protocol: {key}")


def role_problems(
    detail: RoleDetail, resources: Collection[str], operations: Collection[str]
) -> Iterator[Problem]:
    """What is wrong with a role, given the words there are."""
    if not detail.name:
        yield ROLE_NAME_REQUIRED()
    yield from too_long(name=(detail.name, 64), description=(detail.description, 255))
    for entry in detail.acl or []:
        if entry.resource_name not in resources:
            yield RESOURCE_NOT_FOUND(key=entry.resource_name)
        for operation in entry.operations or []:
            if operation.operation_name not in operations:
                yield OPERATION_NOT_FOUND(key=operation.operation_name)


def rights_of(detail: RoleDetail) -> Mapping[str, list[str]]:
    """Resource to operations; of a resource named twice the last counts."""
    return {
        entry.resource_name or "": list(
            dict.fromkeys(operation.operation_name or "" for operation in entry.operations or [])
        )
        for entry in detail.acl or []
    }


def assignment_problem(
    actor: Actor, institute_id: int, site_id: int | None, protocol_id: int | None
) -> Problem | None:
    """Why the caller may not give or take a role in this scope to a user of this institute (spec 01 §D.5)."""
    if actor.is_super:
        return None
    if actor.institute_id != institute_id:
        return ACCESS_DENIED()
    covered = any(
        grant.site_id in (None, site_id) and grant.protocol_id in (None, protocol_id)
        for grant in actor.grants_for("User", "Update")
    )
    return None if covered else ACCESS_DENIED()
