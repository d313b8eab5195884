"""Label printing as an app."""

from django.apps import AppConfig


class PrintingConfig(AppConfig):
    name = "specimens.printing"
    label = "printing"

    def ready(self) -> None:
        from specimens.printing.writes.following import follow

        follow()
