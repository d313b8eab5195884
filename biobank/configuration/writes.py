"""Giving settings new values; the old ones stay as history (spec 01 §E.4)."""

from collections.abc import Sequence

from django.db import transaction

from biobank import memory
from biobank.access import Actor
from biobank.configuration import files, rules
from biobank.configuration.detail import SettingDetail
from biobank.configuration.known import KNOWN, Known, find
from biobank.configuration.models import SettingValue
from biobank.configuration.reads import memory_key
from biobank.wire.errors import Problem, Refused


def change_settings(wishes: Sequence[SettingDetail], actor: Actor) -> None:
    """Put values in force, all or none. Raises `Refused`: CFG_*, RBAC_ADMIN_RIGHTS_REQUIRED."""
    actor.require_super()
    problems = [problem for wish in wishes if (problem := problem_of(wish)) is not None]
    if problems:
        raise Refused(*problems)
    rows = [
        SettingValue(
            module=wish.module or "",
            name=wish.name or "",
            value=wish.value or "",
            activated_by_id=actor.user_id,
        )
        for wish in wishes
    ]
    keys = [memory_key(row.module, row.name) for row in rows]
    with transaction.atomic():
        SettingValue.objects.bulk_create(rows)
        memory.forget(keys)
        transaction.on_commit(lambda: memory.forget(keys))


def problem_of(wish: SettingDetail) -> Problem | None:
    """Why the setting cannot get this value."""
    known: Known | None = find(wish.module, wish.name)
    if known is not None:
        problem = rules.value_problem(known, wish.value or "")
        missing = known.type == "FILE" and wish.value and not files.is_kept(wish.value)
        return rules.INVALID_VALUE(name=known.name) if missing and problem is None else problem
    if all(known.module != wish.module for known in KNOWN):
        return rules.MODULE_NOT_FOUND(module=wish.module)
    return rules.SETTING_NOT_FOUND(module=wish.module, name=wish.name)
