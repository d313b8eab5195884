"""`manage.py up`: the whole server in one command."""

import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from biobank.embedded import cli


class Command(BaseCommand):
    """Hands over to the supervisor, which needs no Django."""

    help = cli.HELP
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        cli.add_options(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(cli.main(argv[2:]))

    def handle(self, *args: object, **options: object) -> None:
        sys.exit(cli.main([f"--port={options['port']}", f"--data-dir={options['data_dir']}"]))
