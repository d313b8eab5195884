"""Reading user groups: lists, one, who is in them, and look-ups for those who share with them (spec 01 §C.11)."""

from collections.abc import Iterable, Sequence

from django.db.models import Count, Prefetch, Q, QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.wire.errors import Refused
from sessions_auth import reads
from sessions_auth.groups import rules
from sessions_auth.groups.detail import UserGroupDetail, UserGroupQuery
from sessions_auth.models import UserGroup


def groups() -> QuerySet[UserGroup]:
    """Groups that have not been deleted."""
    return UserGroup.objects.exclude(activity_status="Disabled")


def listed(query: UserGroupQuery, actor: Actor) -> QuerySet[UserGroup]:
    """The rows of a list call, by name."""
    rows = groups().select_related("institute")
    if query.query:
        rows = rows.filter(name__icontains=query.query)
    if query.institute:
        rows = rows.filter(institute__name__iexact=query.institute)
    if not actor.is_super and not query.list_all:
        rows = rows.filter(institute=actor.institute_id)
    if query.site:
        rows = rows.filter(institute__sites__name__iexact=query.site)
    return rows.order_by(Lower("name"), "pk")


def details(rows: Iterable[UserGroup], *, stats: bool = False) -> list[UserGroupDetail]:
    """Groups without their members, in the order given; `institute` should be loaded. One query with `stats`."""
    found = list(rows)
    sizes = _sizes([row.pk for row in found]) if stats else {}
    return [_detail(row, sizes.get(row.pk, 0)) for row in found]


def with_users(pk: int) -> UserGroupDetail:
    """A group, deleted or not, with its members; three queries."""
    people = reads.known_users().order_by("first_name", "last_name", "pk")
    row = UserGroup.objects.select_related("institute").prefetch_related(Prefetch("users", people)).get(pk=pk)
    users = [reads.summary(user) for user in row.users.all()]
    found = _detail(row, len(users))
    found.users = users
    return found


def _detail(row: UserGroup, size: int) -> UserGroupDetail:
    return UserGroupDetail(
        id=row.pk,
        name=row.name,
        description=row.description,
        institute=row.institute.name,
        no_of_users=size,
        activity_status=row.activity_status,
    )


def _sizes(pks: Sequence[int]) -> dict[int, int]:
    here = ~Q(users__activity_status="Disabled")
    counted = UserGroup.objects.filter(pk__in=pks).annotate(n=Count("users", filter=here))
    return dict(counted.values_list("pk", "n"))


def group(pk: int) -> UserGroup:
    """The group addressed by a request. Raises USER_GROUP_NOT_FOUND."""
    found = groups().select_related("institute").filter(pk=pk).first()
    if found is None:
        raise Refused(rules.NOT_FOUND.missing(key=pk))
    return found


def is_member(name: str | None, user_id: int) -> bool:
    """Whether the user is in the group of this name. Raises USER_GROUP_ID_NAME_REQ."""
    if not name:
        raise Refused(rules.ID_NAME_REQ())
    return groups().filter(name__iexact=name, users=user_id).exists()


def group_ids_of(user_id: int) -> QuerySet[UserGroup, int]:
    """The keys of the groups a user is in, to be used inside another query."""
    return groups().filter(users=user_id).values_list("pk", flat=True)


def load_groups(refs: Iterable[UserGroupDetail]) -> list[UserGroup]:
    """The groups meant by id, else by name, in the order given; one query.

    Raises USER_GROUP_ID_NAME_REQ, USER_GROUP_NOT_FOUND, with every problem.
    """
    wanted = list(refs)
    names = {ref.name.lower() for ref in wanted if not ref.id and ref.name}
    ids = {ref.id for ref in wanted if ref.id}
    rows: list[UserGroup] = []
    if ids or names:
        low = groups().annotate(lowered=Lower("name"))
        rows = list(low.filter(Q(pk__in=ids) | Q(lowered__in=names)).select_related("institute"))
    by_id, by_name = {row.pk: row for row in rows}, {row.name.lower(): row for row in rows}
    found, problems = [], []
    for ref in wanted:
        if not ref.id and not ref.name:
            problems.append(rules.ID_NAME_REQ())
            continue
        row = by_id.get(ref.id) if ref.id else by_name.get((ref.name or "").lower())
        if row is None:
            problems.append(rules.NOT_FOUND(key=ref.id or ref.name))
        else:
            found.append(row)
    if problems:
        raise Refused(*problems)
    return found
