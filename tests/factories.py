"""The cast: records with sensible defaults. Plain ones are made directly, as nearly every test needs some."""

from itertools import count
from typing import Any

from biobank.access import Actor
from biobank.batch.door import Change
from sessions_auth.models import AuthDomain, Role, RoleEntry, SubjectRole, User
from sites.detail import SiteDetail
from sites.models import Institute, Site
from sites.writes import SITES

_numbers = count(1)
SYSTEM = Actor(user_id=1, login="$system", kind="SUPER", institute_id=1, via="system")


def number() -> int:
    """A number no other record of this run uses."""
    return next(_numbers)


def institute(name: str | None = None) -> Institute:
    return Institute.objects.create(name=name or f"Institute {number()}")


def site(name: str | None = None, *, of: Institute | None = None, **more: Any) -> Site:
    """A collection site; what more is said of it goes through the door."""
    home, name, kind = (
        of or Institute.objects.order_by("pk")[0],
        name or f"Site {number()}",
        "Collection Site",
    )
    if not more:
        return Site.objects.create(name=name, institute=home, type=kind)
    detail = SiteDetail(name=name, institute_name=home.name, type=kind, **more)
    return Site.objects.get(pk=SITES.write([Change(detail)], SYSTEM)[0])


def user(kind: str = "NONE", *, of: Institute | None = None, login: str | None = None, **more: Any) -> User:
    """A user with the password `Secret-pass-1`."""
    n = number()
    found = User(
        login_name=login or f"user{n}",
        domain=AuthDomain.objects.get(name="openspecimen"),
        first_name="Una",
        last_name=f"User{n}",
        email_address=f"user{n}@example.org",
        type=kind,
        institute=of or Institute.objects.order_by("pk")[0],
        **more,
    )
    found.set_password("Secret-pass-1")
    found.save()
    return found


def grant(
    to: User, rights: dict[str, list[str]], *, site: Site | None = None, protocol: Any = None
) -> SubjectRole:
    """Give a user a role with these rights (resource to operations), for a site and a protocol, or all."""
    role = Role.objects.create(name=f"Role {number()}")
    RoleEntry.objects.bulk_create(
        RoleEntry(role=role, resource=resource, operations=operations)
        for resource, operations in rights.items()
    )
    return SubjectRole.objects.create(user=to, role=role, site=site, protocol=protocol)
