"""Asking a query in a test."""

from typing import Any

from biobank.access import Actor
from queries.requests import Question, prepare
from queries.runner import Result, execute


def ask(aql: str, actor: Actor, **more: Any) -> Result:
    return execute(prepare(Question(aql, **more), actor), actor)


def rows(aql: str, actor: Actor, **more: Any) -> list[list[str | None]]:
    return [list(row) for row in ask(aql, actor, **more).rows]
