"""`manage.py load_offline_imports`: let all jobs of the offline queue begin now."""

from typing import Any

from django.core.management.base import BaseCommand

from importjobs import offline


class Command(BaseCommand):
    help = "Let all jobs of the offline queue begin now, whatever the hour."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{offline.load_all()} jobs loaded")
