"""Django's `migrate`; an empty database gets its tables in one go."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from biobank import first_schema


class Command(Migrate):
    """Everything else, and every database that has tables, goes Django's way."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--step-by-step", action="store_true", help="apply each migration, also to an empty database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        special = ("app_label", "check_unapplied", "plan", "prune", "fake", "fake_initial", "step_by_step")
        connection = connections[options["database"]]
        if not any(options.get(name) for name in special) and first_schema.is_empty(connection):
            first_schema.create(connection)
        super().handle(*args, **options)
