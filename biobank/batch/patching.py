"""Partial updates through a door that replaces: what a row names is laid over what is stored (spec 04 §3.4)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model

from biobank.access import Actor
from biobank.batch import shapes
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.schema import Items, Sub
from biobank.wire.detail import Payload

D = TypeVar("D", bound=Payload)
P = TypeVar("P")

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step(Generic[P]):
    """A record as the door planned it; `plan` None: nothing of it changes."""

    pk: int
    plan: P | None = None


def patching(
    door: Door[D, P],
    model: type[Model],
    columns: Items,
    *,
    stored: Callable[[Sequence[int]], Mapping[int, D]],
    may: Callable[[Sequence[int], Actor], AbstractSet[int]],
) -> Door[D, Step[P]]:
    """A door that takes details of which only what is set counts, and only for records that are there.

    `stored` answers whole details by key; `may` those of the records that the caller may change. Rows of these that
    say nothing new are accepted as they are: neither checked nor written. So what an export printed can be imported
    again, even where a record would be refused today (a closed event that stays closed). The rows are locked: what
    others write meanwhile is not undone.
    """

    def plan(changes: Sequence[Change[D]], actor: Actor) -> list[Step[P] | Refusal]:
        pks = [change.pk for change in changes if change.pk is not None]
        rows = model._default_manager.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk")
        list(rows.values_list("pk"))
        known, allowed = stored(pks), may(pks, actor)
        lists = _lists(columns, type(changes[0].detail)) if changes else {}
        found: list[Step[P] | Refusal | None] = []
        sent: list[Change[D]] = []
        for change in changes:
            pk = change.pk or 0
            full = known.get(pk)
            if full is not None and pk in allowed and is_known(change.detail, full, lists):
                found.append(Step(pk))
            else:
                found.append(None)
                sent.append(change if full is None else Change(laid(change.detail, full), change.pk))
        planned = iter(zip(sent, door.plan(sent, actor) if sent else (), strict=True))
        return [step if step is not None else _step(*next(planned)) for step in found]

    def apply(steps: Sequence[Step[P]], actor: Actor) -> list[int]:
        plans = [step.plan for step in steps if step.plan is not None]
        if plans:
            door.apply(plans, actor)
        return [step.pk for step in steps]

    return Door(door.name, plan, apply)


def _step(change: Change[D], planned: P | Refusal) -> Step[P] | Refusal:
    return planned if isinstance(planned, Refusal) else Step(change.pk or 0, planned)


def laid(patch: D, full: D) -> D:
    """A copy of the whole detail with the keys that the other one names; their values, also None, win."""
    named = {name: getattr(patch, name) for name in patch.model_fields_set if name != "id"}
    values = {**{name: getattr(full, name) for name in type(full).model_fields}, **named}
    made: D = type(full).model_construct(_fields_set=set(values), **values)  # type: ignore[assignment]
    return made


def _lists(columns: Items, shape: type[Payload]) -> dict[str, Names]:
    """The repeated records among the columns, by attribute, and what their items consist of in a file."""
    fields = shapes.fields(shape)
    found: dict[str, Names] = {}
    for item in columns:
        if isinstance(item, Sub) and item.multiple:
            name, field = fields[item.attribute]
            inner = shapes.inner_shape(field)
            if inner is not None:
                known = shapes.fields(inner)
                found[name] = tuple(known[one.attribute][0] for one in item.columns)
    return found


def is_known(patch: Payload, full: Payload, lists: Mapping[str, Names]) -> bool:
    """Whether the patch says nothing but what is stored."""
    return all(
        _same_items(getattr(patch, name), getattr(full, name), lists[name])
        if name in lists
        else _same(getattr(patch, name), getattr(full, name))
        for name in patch.model_fields_set
    )


def _same(said: Any, stored: Any) -> bool:
    if isinstance(said, Payload):
        return stored is not None and is_known(said, stored, {})
    return bool((None if said == "" else said) == (None if stored == "" else stored))


def _same_items(said: Any, stored: Any, names: Names) -> bool:
    """Items replace each other as wholes: what one does not name is empty. Their order does not matter."""
    said, stored = said or [], stored or []
    return len(said) == len(stored) and _contents(said, names) == _contents(stored, names)


def _contents(items: Sequence[Any], names: Names) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(getattr(item, name) or None for name in names) for item in items)
