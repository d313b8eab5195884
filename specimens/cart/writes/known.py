"""User groups that carts and folders name: looked up once a batch."""

from collections.abc import Iterable

from django.db.models import Q
from django.db.models.functions import Lower

from sessions_auth.models import UserGroup
from specimens.cart.detail import CartGroup


class Groups:
    """The ids of groups by id and by name."""

    def __init__(self, rows: Iterable[tuple[int, str]]) -> None:
        self._by_key: dict[int | str, int] = {}
        for pk, name in rows:
            self._by_key |= {pk: pk, name.lower(): pk}

    def find(self, ref: CartGroup) -> int | None:
        """The group's id; None when there is no such group."""
        return self._by_key.get(ref.id if ref.id is not None else (ref.name or "").lower())


def load_groups(refs: Iterable[CartGroup]) -> Groups:
    """The groups that the references may mean; one query when there are any."""
    wanted = list(refs)
    if not wanted:
        return Groups(())
    ids = {ref.id for ref in wanted if ref.id is not None}
    names = {ref.name.lower() for ref in wanted if ref.id is None and ref.name}
    rows = UserGroup.objects.exclude(activity_status="Disabled").annotate(low=Lower("name"))
    return Groups(rows.filter(Q(pk__in=ids) | Q(low__in=names)).values_list("pk", "name"))
