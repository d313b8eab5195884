"""Model instances for bulk work, new or stored, made at a fraction of what `Model.__init__` costs."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

M = TypeVar("M", bound=Model)


class Blank(Generic[M]):
    """Makes unsaved instances of a model; no `pre_init` or `post_init` signal is sent.

        new_visit = Blank(Visit)
        row = new_visit(name="V1", registration_id=7)

    Keywords are `attname`s and are not checked. What is not given has its default.
    """

    def __init__(self, model: type[M]) -> None:
        self._model = model
        fields = [field for field in model._meta.concrete_fields if not field.generated]
        shared = {field.attname: field.get_default() for field in fields}
        self._makers = {name: type(value) for name, value in shared.items() if isinstance(value, list | dict)}
        self._shared = {name: value for name, value in shared.items() if name not in self._makers}

    def __call__(self, **values: Any) -> M:
        row = self._model.__new__(self._model)
        row.__dict__ = found = {"_state": ModelState(), **self._shared, **values}
        for name, maker in self._makers.items():
            if name not in values:
                found[name] = maker()
        return row


class Part(Generic[M]):
    """Makes stored instances of a model of which only some columns were read; the others are read when asked for.

    registration = Part(Registration, ("id", "ppid"))
    row = registration((7, "P1"))
    """

    def __init__(self, model: type[M], attributes: Sequence[str]) -> None:
        self._model = model
        self._attributes = tuple(attributes)

    def __call__(self, values: Sequence[Any]) -> M:
        row = self._model.__new__(self._model)
        state = ModelState()
        state.adding, state.db = False, DEFAULT_DB_ALIAS
        row.__dict__ = {"_state": state, **dict(zip(self._attributes, values, strict=True))}
        return row


def stored(rows: QuerySet[M]) -> Iterator[M]:
    """The instances of a query, as its own iteration answers them."""
    names = [field.attname for field in rows.model._meta.concrete_fields]
    return map(Part(rows.model, names), rows.values_list(*names))
