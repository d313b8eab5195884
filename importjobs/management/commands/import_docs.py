"""Write or check docs/imports.md, the page of everything that can be imported."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from importjobs.catalogue import document


class Command(BaseCommand):
    help = "Write docs/imports.md; --check only says whether it is fresh."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when the committed copy is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        target = settings.BASE_DIR / "docs" / "imports.md"
        text = document()
        if not options["check"]:
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            raise CommandError("docs/imports.md is stale: run `manage.py import_docs` and commit it")
