"""Auth domains: where passwords are checked (spec 01 §E.3)."""

import re
from collections.abc import Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.records import freed
from biobank.wire.errors import ADMIN_RIGHTS_REQUIRED, Code, Problem, Refused
from sessions_auth.detail import DomainDetail
from sessions_auth.models import AuthDomain
from sessions_auth.resources import LOCAL_DOMAIN
from sites.rules import too_long

NOT_SPECIFIED = Code("AUTH_PROVIDER_NOT_SPECIFIED", "A domain needs a name")
TYPE_NOT_SPECIFIED = Code("AUTH_PROVIDER_TYPE_NOT_SPECIFIED", "A domain needs a type")
IMPL_NOT_SPECIFIED = Code("AUTH_PROVIDER_IMPL_NOT_SPECIFIED", "A domain of this type needs an implementation")
DUP_DOMAIN_NAME = Code("AUTH_PROVIDER_DUP_DOMAIN_NAME", "A domain with the same name exists already: {name}")
DOMAIN_NOT_FOUND = Code("AUTH_PROVIDER_DOMAIN_NOT_FOUND", "There is no such domain: {key}")
IN_USE = Code("AUTH_PROVIDER_REF_ENTITY_FOUND", "The domain is needed: {key}")
INVALID_AUTH_IMPL = Code("AUTH_PROVIDER_INVALID_AUTH_IMPL", "{name} cannot be the name of an implementation")
BUILT_IN = (LOCAL_DOMAIN, "ldap", "saml")


def domain(pk: int) -> AuthDomain:
    """The domain addressed by a request. Raises AUTH_PROVIDER_DOMAIN_NOT_FOUND."""
    found = AuthDomain.objects.exclude(activity_status="Disabled").filter(pk=pk).first()
    if found is None:
        raise Refused(DOMAIN_NOT_FOUND.missing(key=pk))
    return found


def domain_detail(row: AuthDomain) -> DomainDetail:
    """A domain on the wire, without the values of its properties."""
    return DomainDetail(
        id=row.pk,
        name=row.name,
        auth_type=row.auth_type,
        impl_class=row.impl_class,
        auth_provider_props=dict.fromkeys(row.props, "********"),
        activity_status=row.activity_status,
    )


def plan_domains(changes: Sequence[Change[DomainDetail]], actor: Actor) -> list[AuthDomain | Refusal]:
    """Decide what each domain would become; a handful of rows, so all names are loaded."""
    rows = {row.pk: row for row in AuthDomain.objects.exclude(activity_status="Disabled")}
    taken = {row.name.lower(): row.pk for row in rows.values()}
    return [_plan(change, rows, taken, actor) for change in changes]


def _plan(
    change: Change[DomainDetail], rows: dict[int, AuthDomain], taken: dict[str, int], actor: Actor
) -> AuthDomain | Refusal:
    row = AuthDomain() if change.pk is None else rows.get(change.pk)
    if row is None:
        return Refusal((DOMAIN_NOT_FOUND.missing(key=change.pk),))
    if not actor.is_super:
        return Refusal((ADMIN_RIGHTS_REQUIRED(),))
    detail = change.detail
    problems = _problems(detail, row)
    if detail.name and taken.get(detail.name.lower(), row.pk) != row.pk:
        problems.append(DUP_DOMAIN_NAME(name=detail.name))
    if problems:
        return Refusal(tuple(problems))
    row.name, row.auth_type = detail.name or "", detail.auth_type or ""
    row.impl_class = detail.impl_class or ""
    row.activity_status = detail.activity_status or "Active"
    if detail.auth_provider_props is not None:
        kept = {
            key: row.props.get(key)
            for key, value in detail.auth_provider_props.items()
            if value == "********"
        }
        row.props = {**detail.auth_provider_props, **kept}
    taken[row.name.lower()] = row.pk or -1
    return row


def _problems(detail: DomainDetail, row: AuthDomain) -> list[Problem]:
    problems: list[Problem] = []
    if not detail.name:
        problems.append(NOT_SPECIFIED())
    if not detail.auth_type:
        problems.append(TYPE_NOT_SPECIFIED())
    elif detail.auth_type not in BUILT_IN and not detail.impl_class:
        problems.append(IMPL_NOT_SPECIFIED())
    if detail.impl_class and not re.fullmatch(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)+", detail.impl_class):
        problems.append(INVALID_AUTH_IMPL(name=detail.impl_class))
    problems += too_long(
        name=(detail.name, 50), authType=(detail.auth_type, 32), implClass=(detail.impl_class, 255)
    )
    local = row.pk and row.name == LOCAL_DOMAIN
    if local and (detail.name != LOCAL_DOMAIN or detail.activity_status not in (None, "", "Active")):
        problems.append(IN_USE(key=LOCAL_DOMAIN))
    if (
        detail.activity_status == "Disabled"
        and row.pk
        and row.user_set.exclude(activity_status="Disabled").exists()
    ):
        problems.append(IN_USE(key=row.name))
    return problems


def apply_domains(rows: Sequence[AuthDomain], actor: Actor) -> list[int]:
    """Write the planned domains; a deleted one frees its name."""
    for row in rows:
        if row.activity_status == "Disabled":
            row.name = freed(row.name, 64) or ""
    old = [row for row in rows if row.pk is not None]
    insert([row for row in rows if row.pk is None])
    AuthDomain.objects.bulk_update(old, ["name", "auth_type", "impl_class", "props", "activity_status"])
    return [row.pk for row in rows]


DOMAINS: Door[DomainDetail, AuthDomain] = Door("auth domain", plan_domains, apply_domains)
