"""Write or check docs/openapi.json, the committed copy of the OpenAPI document."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


class Command(BaseCommand):
    help = "Write docs/openapi.json; --check only says whether it is fresh."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when the committed copy is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        target = settings.BASE_DIR / "docs" / "openapi.json"
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        if GENERATOR_STATS:
            raise CommandError("the OpenAPI document has warnings")
        text = json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if not options["check"]:
            validate_schema(schema)  # type: ignore[no-untyped-call]  # slow, and the same text stays valid
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            raise CommandError("docs/openapi.json is stale: run `make openapi` and commit it")
