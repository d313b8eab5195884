"""`manage.py prepare`: the database as this version of the code wants it."""

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Migrates, then creates the default data; changes nothing when both are there."""

    help = "Apply migrations and create the default data (pick lists, roles, administrator)."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        call_command("migrate", interactive=False, stdout=self.stderr)
        call_command("create_defaults", stdout=self.stdout)
