"""A broken database constraint is a refusal with its documented code, never a 500."""

from functools import cache

from django.apps import apps
from django.db import IntegrityError

from biobank.wire.errors import Problem

_IN_USE = Problem("COMMON_REF_ENTITY_FOUND", "Another record still refers to this one")


@cache
def _declared() -> dict[str, Problem]:
    """Constraint name to problem, from the `violation_error_code` of the models' constraints."""
    return {
        constraint.name: Problem(constraint.violation_error_code, str(constraint.violation_error_message))
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if constraint.violation_error_code
    }


def problem_of(error: IntegrityError) -> Problem | None:
    """The problem a database error stands for, or None when the constraint has no code of its own."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if name is None:
        return None
    found = _declared().get(name)
    if found is None and getattr(diagnosis, "sqlstate", "") == "23503":
        return _IN_USE
    return found
