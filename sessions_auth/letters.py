"""What people are told when their accounts change: invitations, approvals, locks (spec 01 §C.8, §C.9, §D.3)."""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q

from sessions_auth import mail, passwords
from sessions_auth.models import SubjectRole, User
from sessions_auth.resources import LOCAL_DOMAIN

_TOLD = ("Active", "Locked", "Closed")


def statuses(pks: Iterable[int]) -> dict[int, str]:
    """The status of users by key, to be compared with after a change."""
    return dict(User.objects.filter(pk__in=list(pks)).values_list("pk", "activity_status"))


def invite(pks: Iterable[int]) -> None:
    """Mail new users a link to choose their password."""
    _mail_links(list(pks), approved=False)


def tell_changes(before: Mapping[int, str]) -> None:
    """Tell users whose status is no longer what it was: who is approved gets a link, others the new status."""
    now = statuses(before)
    changed = {pk: status for pk, status in now.items() if status != before[pk]}
    approved = [pk for pk, status in changed.items() if before[pk] == "Pending" and status == "Active"]
    _mail_links(approved, approved=True)
    others = [pk for pk, status in changed.items() if status in _TOLD and pk not in approved]
    for user in User.objects.filter(pk__in=others).exclude(type=User.Type.CONTACT).order_by("pk"):
        mail.status_changed(user, user.activity_status.lower())


def _mail_links(pks: Sequence[int], *, approved: bool) -> None:
    rows = User.objects.filter(pk__in=pks, activity_status="Active", domain__name=LOCAL_DOMAIN)
    users = list(rows.exclude(type=User.Type.CONTACT).order_by("pk"))
    links = passwords.reset_tokens(users)
    for user in users:
        mail.password_link(user, links[user.pk], approved=approved)


def tell_role(row: SubjectRole, verb: str) -> None:
    """Tell the user, and who administers the site (or the institute), that a role was given, changed or taken."""
    scope = [f"site {row.site.name}" if row.site else "all sites"]
    scope.append(f"protocol {row.protocol.short_title}" if row.protocol else "all protocols")
    if row.site_id is not None:
        rows = User.objects.filter(coordinated_sites=row.site_id)
    else:
        rows = User.objects.filter(Q(type=User.Type.INSTITUTE, institute=row.user.institute_id))
    addresses = rows.filter(activity_status="Active").values_list("email_address", flat=True)
    mail.roles_changed(row.user, f"{row.role.name} ({', '.join(scope)}) was {verb}", list(addresses[:50]))
