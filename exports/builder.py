"""Building one export: freeze the content, write the zip under a name of its own, then say READY (spec 06 §3.3)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any
from urllib.parse import quote

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from biobank.files import published
from biobank.jobs.models import LeaseLost, State
from exports import engine, store
from exports.models import Export
from exports.registry import ExportKind, kind_of
from exports.writer import write_export

MAX_ATTEMPTS = 3
_SAFE = "@"  # beside what `quote` never touches: letters, digits and _.-~

log = logging.getLogger("exports")


def advance(export: Export) -> bool:
    """One attempt to build; never leaves work for the same slice. For `biobank.jobs.runner.run_slice`.

    An attempt that fails puts the job back, to be sent again after a pause; the third failure ends it with
    the reason. An attempt that was killed counts as well.
    """
    if export.attempts >= MAX_ATTEMPTS:
        _give_up(export, export.error or "the worker died while building")
        return False
    with transaction.atomic():
        export.commit(attempts=export.attempts + 1, error="")
    try:
        _build(export)
    except (LeaseLost, OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("attempt %s to build export %s failed", export.attempts, export.pk)
        reason = f"{type(error).__name__}: {error}"[:2000]
        if export.attempts >= MAX_ATTEMPTS:
            _give_up(export, reason)
        else:
            with transaction.atomic():
                export.commit(
                    state=State.PENDING, owner=None, lease_until=None, error=reason, sent_at=timezone.now()
                )
    return False


def _give_up(export: Export, reason: str) -> None:
    with transaction.atomic():
        export.finish(State.FAILED, error=reason)


def _build(export: Export) -> None:
    kind = kind_of(export.kind)
    version = kind.by_key(export.version_key)
    reason = "the version is gone" if version is None else kind.refusal(version)
    if reason is not None:
        _give_up(export, reason)
        return
    if not kind.is_snapshot_complete(version):
        with one_view():
            kind.take_snapshot(version)
    file = store.name_for(export)
    try:
        with one_view(), published(store.path_of(file)) as target:
            written = write_export(
                target,
                kind.header(version),
                kind.sections(version),
                stamp=kind.last_updated(version),
                size_hint=kind.size_hint(version),
            )
        engine.finish(
            export,
            file=file,
            file_name=file_name(kind, version),
            size=written.size,
            sha256=written.sha256,
            last_modified=kind.last_updated(version),
        )
    except (OperationalError, InterfaceError):
        raise  # whether the commit came through is unknown: the broom will see
    except BaseException:
        store.remove(file)
        raise


def file_name(kind: ExportKind[Any, Any], version: Any) -> str:
    """`<owner>_<repo>_<version>.<YYYY-MM-DD_HHMMSS>.zip`, UTC (spec 06 §1.6)."""
    name = "_".join(quote(part, safe=_SAFE).replace("~", "%7E") for part in kind.address(version))
    return f"{name}.{kind.last_updated(version).astimezone(UTC):%Y-%m-%d_%H%M%S}.zip"


@contextmanager
def one_view() -> Iterator[None]:
    """A transaction in which every statement sees the same state of the database."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
