"""What a new server begins with: the local domain, the system user, the administrator, the roles (spec 01 §D.6)."""

import os
import secrets
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, models, transaction
from django.utils import timezone

from biobank.records import stamp
from sessions_auth.actor import SYSTEM_ID, SYSTEM_LOGIN, system_actor
from sessions_auth.models import AuthDomain, Role, RoleEntry, User
from sessions_auth.resources import DEFAULT_ROLES, LOCAL_DOMAIN
from sites.models import Institute

ADMIN_ID = 2
ADMIN_LOGIN = "admin"
ADMIN_EMAIL = "admin@localhost"
M = TypeVar("M", bound=models.Model)

INSTITUTE = "Main Institute"
PASSWORD_FILE = "admin-password"  # noqa: S105 - the name of a file
_LOCK = 7_210_001  # of PostgreSQL's advisory locks: one process at a time sets up


def load_defaults() -> str | None:
    """Add what is missing, never change what is there. Returns the administrator's password if it was generated.

    A generated password is in `<data dir>/admin-password` (mode 600) before the account exists, so a start that
    is cut short loses none.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        stamp(system_actor())
        institute = Institute.objects.order_by("pk").first() or _with_id(Institute(pk=1, name=INSTITUTE))
        domain = AuthDomain.objects.filter(name=LOCAL_DOMAIN).first()
        domain = domain or _with_id(AuthDomain(pk=1, name=LOCAL_DOMAIN, auth_type=LOCAL_DOMAIN))
        if not User.objects.filter(pk=SYSTEM_ID).exists():
            _with_id(_system_user(institute, domain))
        _load_roles()
        return _load_administrator(institute, domain)


def _system_user(institute: Institute, domain: AuthDomain) -> User:
    """Owner of what nobody in particular did; cannot sign in."""
    return User(
        pk=SYSTEM_ID,
        login_name=SYSTEM_LOGIN,
        domain=domain,
        first_name="System",
        last_name="User",
        email_address="system@localhost",
        type=User.Type.SUPER,
        institute=institute,
        password=make_password(None),
    )


def _load_administrator(institute: Institute, domain: AuthDomain) -> str | None:
    if User.objects.filter(type=User.Type.SUPER).exclude(pk=SYSTEM_ID).exists():
        return None
    configured = os.environ.get("OS_ADMIN_PASSWORD", "")
    password = configured or secrets.token_urlsafe(15)
    if not configured:
        keep_secretly(settings.DATA_DIR / PASSWORD_FILE, password)
    _with_id(
        User(
            pk=None if User.objects.filter(pk=ADMIN_ID).exists() else ADMIN_ID,
            login_name=ADMIN_LOGIN,
            domain=domain,
            first_name="Super",
            last_name="Administrator",
            email_address=ADMIN_EMAIL,
            type=User.Type.SUPER,
            institute=institute,
            manage_forms=True,
            manage_wfs=True,
            manage_print_jobs=True,
            password=make_password(password),
            password_changed_at=timezone.now(),
        )
    )
    return None if configured else password


def keep_secretly(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing an older one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")


def _load_roles() -> None:
    """The default roles, on a server that has no roles at all: a laboratory may have removed some."""
    if Role.objects.exists():
        return
    roles = Role.objects.bulk_create(
        Role(name=role.name, description=role.description) for role in DEFAULT_ROLES
    )
    RoleEntry.objects.bulk_create(
        RoleEntry(role=row, resource=resource, operations=list(operations))
        for row, role in zip(roles, DEFAULT_ROLES, strict=True)
        for resource, operations in role.rights.items()
    )


def _with_id(row: M) -> M:
    """Insert a row, under its own key when it has one, and let later keys start above it."""
    row.save(force_insert=True)
    model = type(row)
    table, key = model._meta.db_table, "id"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), greatest(%s, nextval(pg_get_serial_sequence(%s, %s)) - 1))",
            [f'"{table}"', key, row.pk, f'"{table}"', key],
        )
    return row
