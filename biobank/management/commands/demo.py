"""`manage.py demo`: a working biobank with data, made over HTTP."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from biobank.demo import server
from biobank.demo.client import CallFailed, Client
from biobank.demo.story import Story


class Command(BaseCommand):
    help = "Start a server, carry a biobank's data through it over HTTP, and leave it running."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--data-dir", type=Path, default=settings.DATA_DIR)
        parser.add_argument("--participants", type=int, default=1000, help="10 specimens come with each")

    def handle(self, *args: Any, **options: Any) -> None:
        data_dir = options["data_dir"].resolve()
        began = time.monotonic()
        try:
            address, started = server.ensure(options["port"], data_dir)
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{'Started' if started else 'Using'} the server at {address}")
        client = Client(address)
        client.sign_in("admin", server.password(data_dir))
        try:
            Story(client, options["participants"]).tell()
        except (CallFailed, RuntimeError, TimeoutError) as error:
            raise CommandError(
                f"{error}\nThe server at {address} keeps running; make down stops it."
            ) from error
        self.stdout.write(f"\nDone in {time.monotonic() - began:.0f} s. The server keeps running:")
        self.stdout.write(f"  admin     {address}admin/")
        self.stdout.write(f"  API       {address}openspecimen/rest/ng/docs")
        kept = data_dir / "admin-password"
        where = f"in {kept}" if kept.exists() else "as given in OS_ADMIN_PASSWORD"
        self.stdout.write(f"  sign-in   admin, password {where}")
        self.stdout.write("  stop it   make down")
