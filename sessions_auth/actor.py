"""Building the `Actor` of a user: one look-up of roles, flattened to grants (spec 01 §D.1)."""

from django.conf import settings

from biobank.access import Actor, Grant
from sessions_auth.models import RoleEntry, User

SYSTEM_ID = 1
SYSTEM_LOGIN = "$system"


def system_actor(via: str = "system") -> Actor:
    """The server itself: what nobody in particular does is done in its name."""
    return Actor(user_id=SYSTEM_ID, login=SYSTEM_LOGIN, kind=User.Type.SUPER, institute_id=1, via=via)


def actor_of(user: User, *, via: str = "rest", ip_address: str = "") -> Actor:
    """What the user may do now; one query (none for super and institute administrators)."""
    grants: frozenset[Grant] = frozenset()
    if user.type == User.Type.NONE:
        rows = RoleEntry.objects.filter(role__subjectrole__user=user).values_list(
            "resource", "operations", "role__subjectrole__site_id", "role__subjectrole__protocol_id"
        )
        grants = frozenset(
            Grant(resource, operation, site_id, protocol_id)
            for resource, operations, site_id, protocol_id in rows
            for operation in operations
        )
    return Actor(
        user_id=user.pk,
        login=user.login_name,
        kind=user.type,
        institute_id=user.institute_id,
        grants=grants,
        time_zone=user.time_zone or settings.TIME_ZONE,
        via=via,
        ip_address=ip_address,
    )
