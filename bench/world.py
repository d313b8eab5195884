"""A server's databases for measuring: real durability, default data, one protocol with many visits."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ADMIN_PASSWORD = "Bench-pass-1"  # noqa: S105 - a throw-away server on this machine


@contextmanager
def world() -> Iterator[Path]:
    """Start private servers, set up Django against them, create the default data; all of it is removed at the end."""
    from biobank.embedded import Postgres, Valkey

    home = Path(tempfile.mkdtemp(prefix="biobank-bench-"))
    home.chmod(0o711)
    postgres, valkey = Postgres(home), Valkey(home)
    try:
        postgres.start()
        valkey.start()
        os.environ.update(
            DATA_DIR=str(home),
            DATABASE_URL=postgres.url,
            REDIS_URL=valkey.url,
            SECRET_KEY="only for measuring",  # noqa: S106
            OS_ADMIN_PASSWORD=ADMIN_PASSWORD,
            DJANGO_SETTINGS_MODULE="biobank.settings",
            LOG_LEVEL="ERROR",
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("create_defaults", verbosity=0)
        yield home
    finally:
        from django.db import connections

        connections.close_all()
        valkey.stop()
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


ROOT = Path(__file__).parent.parent


def command_of(task: str, model: str, pk: int) -> list[str]:
    return ["-m", "bench.worker", task, model, str(pk)]


def work_off(task: str, model: str, pk: int) -> dict[str, Any]:
    """Run a job in a worker process of its own; answers seconds, megabytes (peak) and state."""
    import json

    command = [sys.executable, *command_of(task, model, pk)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def seed_protocol(short_title: str, visits: int, *, with_visits: bool = True) -> int:
    """A protocol with `visits` registrations of one visit each, named `<short title>-<n>`; answers its key.

    Without visits it has the registrations only.
    """
    from datetime import UTC, date, datetime

    from biobank.batch.insert import insert
    from sessions_auth.models import User
    from sites.models import Institute, Site
    from specimens.participant.models import Participant, Registration
    from specimens.protocol.models import CollectionProtocol, Event, ProtocolSite
    from specimens.visit.models import Visit

    admin = User.objects.get(login_name="admin")
    site, _ = Site.objects.get_or_create(
        name="Bench site", defaults={"institute": Institute.objects.order_by("pk")[0], "type": "Repository"}
    )
    protocol = CollectionProtocol.objects.create(
        title=f"Bench {short_title}",
        short_title=short_title,
        principal_investigator=admin,
        manual_ppid_enabled=True,
        manual_visit_name_enabled=True,
        manual_spec_label_enabled=True,
    )
    ProtocolSite.objects.create(protocol=protocol, site=site)
    event = Event.objects.create(protocol=protocol, label="Baseline", point=0, point_unit="DAYS")
    people = [Participant(gender="Female") for _ in range(visits)]
    insert(people)
    registrations = [
        Registration(
            protocol=protocol,
            participant=person,
            ppid=f"{short_title}-{n}",
            registration_date=date(2024, 1, 1),
            site=site,
        )
        for n, person in enumerate(people)
    ]
    insert(registrations)
    if not with_visits:
        return protocol.pk
    insert(
        [
            Visit(
                registration=registration,
                protocol=protocol,
                event=event,
                name=registration.ppid,
                visit_date=datetime(2024, 1, 1, 8, tzinfo=UTC),
                site=site,
            )
            for registration in registrations
        ]
    )
    return protocol.pk
