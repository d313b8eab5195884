"""Codes and decisions about institutes and sites (spec 01 §E.1, §E.2)."""

from collections.abc import Iterator

from biobank.access import Actor
from biobank.wire.errors import (
    ACTIVITY_STATUS_INVALID,
    ADMIN_RIGHTS_REQUIRED,
    INST_ADMIN_RIGHTS_REQUIRED,
    Code,
    Problem,
)
from sites.detail import InstituteDetail, SiteDetail

INSTITUTE_NAME_REQUIRED = Code("INSTITUTE_NAME_REQUIRED", "An institute needs a name")
INSTITUTE_DUP_NAME = Code("INSTITUTE_DUP_NAME", "An institute with the same name exists already: {name}")
INSTITUTE_NOT_FOUND = Code("INSTITUTE_NOT_FOUND", "There is no such institute: {key}")
INSTITUTE_IN_USE = Code("INSTITUTE_REF_ENTITY_FOUND", "The institute still has sites or users")
SITE_NAME_REQUIRED = Code("SITE_NAME_REQUIRED", "A site needs a name")
SITE_INSTITUTE_REQUIRED = Code("SITE_INSTITUTE_REQUIRED", "A site needs an institute")
SITE_TYPE_REQUIRED = Code("SITE_TYPE_REQUIRED", "A site needs a type")
SITE_INVALID_TYPE = Code("SITE_INVALID_TYPE", "{type} is not a site type")
SITE_DUP_NAME = Code("SITE_DUP_NAME", "A site with the same name exists already: {name}")
SITE_DUP_CODE = Code("SITE_DUP_CODE", "A site with the same code exists already: {code}")
SITE_NOT_FOUND = Code("SITE_NOT_FOUND", "There is no such site: {key}")
SITE_IN_USE = Code("SITE_REF_ENTITY_FOUND", "Other records still refer to the site")
SITE_INVALID_COORDINATOR = Code(
    "SITE_INVALID_COORDINATOR", "Coordinators must belong to the site's institute"
)
COORDINATOR_NOT_FOUND = Code("USER_NOT_FOUND", "There is no such user: {key}")
RESOURCE_NOT_FOUND = Code("RBAC_RESOURCE_NOT_FOUND", "There is no such resource: {key}")
OPERATION_NOT_FOUND = Code("RBAC_OPERATION_NOT_FOUND", "There is no such operation: {key}")

STATUSES = ("Active", "Closed", "Disabled")
TOO_LONG = Code("COMMON_VALUE_TOO_LONG", "{name} is longer than {limit} characters")


def too_long(**lengths: tuple[str | None, int]) -> Iterator[Problem]:
    """One problem for each text that does not fit its column."""
    for name, (value, limit) in lengths.items():
        if value is not None and len(value) > limit:
            yield TOO_LONG(name=name, limit=limit)


def institute_problems(detail: InstituteDetail, actor: Actor) -> Iterator[Problem]:
    """What is wrong with an institute, before look-ups."""
    if not actor.is_super:
        yield ADMIN_RIGHTS_REQUIRED()
        return
    if not detail.name:
        yield INSTITUTE_NAME_REQUIRED()
    yield from too_long(name=(detail.name, 255))
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)


def site_problems(detail: SiteDetail) -> Iterator[Problem]:
    """What is wrong with a site, before look-ups."""
    if not detail.name:
        yield SITE_NAME_REQUIRED()
    if not detail.institute_name:
        yield SITE_INSTITUTE_REQUIRED()
    yield from too_long(name=(detail.name, 255), code=(detail.code, 50))
    if not detail.type:
        yield SITE_TYPE_REQUIRED()
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)


def may_change_site(actor: Actor, institute_id: int) -> Problem | None:
    """Sites are changed by super administrators and by the administrators of their institute."""
    if actor.is_super or (actor.is_institute_admin and actor.institute_id == institute_id):
        return None
    return INST_ADMIN_RIGHTS_REQUIRED()
