"""Building the file of one export job: whole or not at all, from the beginning after a kill (spec 04 §6.2, §6.3)."""

import time
from collections.abc import Callable
from errno import EDQUOT, ENOSPC

from django.db import InterfaceError, OperationalError, transaction

from biobank.access import EXPORT, Actor
from biobank.batch import schema as schemas
from biobank.batch.schema import Wanted
from biobank.files import published
from biobank.jobs.models import State
from biobank.jobs.runner import Unworkable
from biobank.memory import recall, remember
from biobank.tabular.zones import find_zone
from biobank.wire.dates import server_zone
from biobank.wire.errors import Refused
from exports.builder import one_view
from exports.objects.cells import Formats
from exports.objects.models import ObjectExport
from exports.objects.writing import path_of, stored_name, write_export
from sessions_auth.actor import actor_of
from sessions_auth.models import User

ZONE = "timeZone"  # the parameter that holds the zone of the caller
_EVERY = 1.0  # seconds between two reports of how far the job is


def advance(job: ObjectExport) -> bool:
    """Build the file and end the job; for `biobank.jobs.runner.run_slice`, never leaves work for the same slice."""
    schema = schemas.find(job.name)
    if schema is None or schema.export is None:
        raise Unworkable(f"{job.name} cannot be exported")
    formats = Formats.of_server(find_zone(job.params.get(ZONE) or "") or server_zone())
    wanted = Wanted(params=job.params, record_ids=job.record_ids)
    file = stored_name(job.pk, job.owner)
    path = path_of(file)
    try:
        with one_view(), published(path) as target:
            records = write_export(target, schema, wanted, creator(job), formats, _teller(job.pk))
        with transaction.atomic():
            job.finish(State.DONE, file=file, records=records, size=path.stat().st_size, error="")
    except (OperationalError, InterfaceError):
        raise  # whether the commit came through is unknown: the broom will see
    except Refused as refused:
        path.unlink(missing_ok=True)
        raise Unworkable("; ".join(problem.message for problem in refused.problems)) from refused
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unworkable(_explained(error)) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return False


def creator(job: ObjectExport) -> Actor:
    """The job's creator with the rights they have now, as far as these allow exports. Raises `Unworkable`."""
    active = User.objects.exclude(activity_status__in=["Closed", "Disabled"])
    user = active.filter(pk=job.created_by_id or 0).first()
    if user is None:
        raise Unworkable("The account of the job's creator is no longer active")
    return actor_of(user, via=EXPORT)


def _explained(error: OSError) -> str:
    if error.errno in (ENOSPC, EDQUOT):
        return "There is no room left on the disk for the file"
    return f"The file could not be written: {error.strerror or type(error).__name__}"


def _teller(pk: int) -> Callable[[int], None]:
    """Tells those who watch how many records there are so far; at most once a second."""
    last = time.monotonic()

    def tell(records: int) -> None:
        nonlocal last
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            remember(_key(pk), records, 600)

    return tell


def so_far(pk: int) -> int | None:
    """How many records a running job has read, as far as that is known."""
    found = recall(_key(pk))
    return found if isinstance(found, int) else None


def _key(pk: int) -> str:
    return f"export-job:{pk}"
