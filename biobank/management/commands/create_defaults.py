"""`manage.py create_defaults`: pick lists, units, roles and the administrator of a new server; may be repeated."""

from django.conf import settings
from django.core.management.base import BaseCommand

from sessions_auth import defaults
from specimens.printing.defaults import load_defaults as load_print_rules
from specimens.protocol.defaults import load_defaults as load_units
from terminology.defaults import load_defaults as load_pick_lists


class Command(BaseCommand):
    help = "Add the default pick lists, units, roles and the administrator where they are missing."

    def handle(self, *args: object, **options: object) -> None:
        values = load_pick_lists()
        if values and options.get("verbosity"):
            self.stdout.write(f"{values} pick-list values added")
        load_units()
        password = defaults.load_defaults()
        load_print_rules()
        if password is not None:
            path = settings.DATA_DIR / defaults.PASSWORD_FILE
            self.stdout.write(
                f"Administrator: {defaults.ADMIN_LOGIN}   Password: {password}   (kept in {path})"
            )
