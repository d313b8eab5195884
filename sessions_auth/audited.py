"""What the audit sees of accounts, roles and signing in."""

from django.db.models import Q, QuerySet

from biobank.access import Actor
from biobank.audit.registry import Audited, Part, Report, register, register_report
from sessions_auth.models import LoginAudit, Role, RoleEntry, SubjectRole, User, UserGroup
from sessions_auth.reads import known_users


def _users(actor: Actor) -> QuerySet[User]:
    """Accounts tell more by their past than a look at them does: oneself, and those whom one administers."""
    reach = Q(pk=actor.user_id)
    if actor.is_institute_admin or actor.has_any("User", "Create", "Update"):
        reach |= Q(institute=actor.institute_id)
    return known_users().filter(reach)


def _roles(actor: Actor) -> QuerySet[Role]:
    return Role.objects.all() if actor.is_institute_admin else Role.objects.none()


register(
    Audited(
        "user",
        "User",
        User,
        _users,
        parts=(Part("roles", SubjectRole, "user"),),
    )
)
register(
    Audited(
        "user_group",
        "User group",
        UserGroup,
        lambda actor: UserGroup.objects.filter(institute=actor.institute_id),
    )
)
register(Audited("role", "Role", Role, _roles, parts=(Part("acl", RoleEntry, "role"),)))

_LOGINS, _USERS = LoginAudit._meta.db_table, User._meta.db_table
register_report(
    Report(
        "auth",
        "logins.csv",
        f"""
        SELECT a.at AS "Date", u.login_name AS "User", a.ip_address AS "IP Address", a.door AS "Door",
            CASE WHEN a.success THEN 'Yes' ELSE 'No' END AS "Success"
        FROM {_LOGINS} a JOIN {_USERS} u ON u.id = a.user_id
        WHERE a.at >= %(start)s AND a.at < %(end)s
            AND (%(users)s::bigint[] IS NULL OR a.user_id = ANY(%(users)s::bigint[])) ORDER BY a.id""",  # noqa: S608
    )
)
