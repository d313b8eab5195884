"""Fragments of SQL with their parameters: values never become part of the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sql:
    """Text with `%s` places and the values that go there, in order."""

    text: str
    params: tuple[object, ...] = ()


def sql(template: str, *parts: Sql) -> Sql:
    """The template with its `{}` places filled by fragments, in order."""
    pieces = template.split("{}")
    text, params = [pieces[0]], list[object]()
    for part, piece in zip(parts, pieces[1:], strict=True):
        text.append(part.text)
        text.append(piece)
        params.extend(part.params)
    return Sql("".join(text), tuple(params))


def value(content: object) -> Sql:
    """A place for one value."""
    return Sql("%s", (content,))


def listed(parts: Iterable[Sql], separator: str = ", ") -> Sql:
    """Fragments one after the other."""
    found = list(parts)
    return Sql(separator.join(part.text for part in found), tuple(p for part in found for p in part.params))
