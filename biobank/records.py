"""What every record has in common: activity status, soft delete, and its history."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import pghistory
import pgtrigger
from django.db import connection, models
from pghistory.models import Context

from biobank.access import Actor

M = TypeVar("M", bound=type[models.Model])
UNTRACKED = ("password", "last_login", "ui_state", "file_uid")


class ActivityStatus(models.TextChoices):
    ACTIVE = "Active"
    CLOSED = "Closed"
    DISABLED = "Disabled"


class Record(models.Model):
    """A row that is never removed: deleting sets `Disabled` and frees the unique texts (spec 01 §A.9)."""

    activity_status = models.CharField(max_length=20, default=ActivityStatus.ACTIVE)

    class Meta:
        abstract = True


def tracked(model: M) -> M:
    """Record every insert, update and delete of the model by statement triggers: bulk writes and SQL too.

    Password hashes never enter the history, nor what pages remember for a user at every click, nor what only files
    of imports call a record.
    """
    return pghistory.track(  # type: ignore[no-any-return]
        pghistory.InsertEvent(level=pgtrigger.Statement),
        pghistory.UpdateEvent(level=pgtrigger.Statement),
        pghistory.DeleteEvent(level=pgtrigger.Statement),
        exclude=[field.name for field in model._meta.fields if field.name in UNTRACKED],
        obj_field=pghistory.ObjForeignKey(
            related_name="history", related_query_name="history_rows", db_index=True
        ),
        model_name=f"{model.__name__}History",
    )(model)


def stamp(actor: Actor, **facts: object) -> UUID:
    """Tell the history triggers who writes in this transaction, through which door, and why.

    `reason` is taken from the facts, else from the actor, who has it from the body of the call. Answers the context
    that what is written from now on has.
    """
    context = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pghistory.context_id', %s, true), set_config('pghistory.context_metadata', %s, true)",
            [str(context), json.dumps(_who(actor, facts))],
        )
    return context


def contexts(actor: Actor, reasons: Iterable[str]) -> dict[str, UUID]:
    """A context for each reason, beside the one of the transaction."""
    made = {reason: Context(metadata=_who(actor, {"reason": reason})) for reason in reasons}
    Context.objects.bulk_create(made.values())
    return {reason: context.id for reason, context in made.items()}


def _who(actor: Actor, facts: Mapping[str, object]) -> dict[str, object]:
    who: dict[str, object] = {"user": actor.user_id, "login": actor.login, "via": actor.via, **facts}
    who["reason"] = facts.get("reason") or actor.reason
    who["ip"] = actor.ip_address
    who["impersonated_by"] = actor.impersonated_by
    return {name: fact for name, fact in who.items() if fact not in (None, "")}


def past(model: type[models.Model]) -> "models.QuerySet[Any]":
    """The recorded states of all rows of a tracked model."""
    history = model._meta.get_field("history_rows").related_model
    rows: models.QuerySet[Any] = cast(Any, history)._default_manager.all()
    return rows


def freed(value: str | None, length: int, now_ms: int | None = None) -> str | None:
    """`value` renamed to `<value>_<epoch millis>`, cut to fit `length`; None stays None (spec 01 §A.9)."""
    if value is None:
        return None
    suffix = f"_{now_ms if now_ms is not None else int(time.time() * 1000)}"
    return value[: length - len(suffix)] + suffix


def disable(rows: Sequence[Any], **lengths: int) -> list[str]:
    """Mark rows as deleted in memory and free their unique texts; returns the attributes to save."""
    now_ms = int(time.time() * 1000)
    for row in rows:
        row.activity_status = ActivityStatus.DISABLED
        for attribute, length in lengths.items():
            setattr(row, attribute, freed(getattr(row, attribute), length, now_ms))
    return ["activity_status", *lengths]
