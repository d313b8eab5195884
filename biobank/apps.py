"""The project itself as an app: commands, templates, and what is collected at start."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps

from biobank.celery import app as celery_app

DECLARATIONS = ("imports", "fields", "kinds", "audited")


class BiobankConfig(AppConfig):
    name = "biobank"

    def ready(self) -> None:
        """Load what each package declares to the importer, the query language, the exporter and the audit."""
        celery_app.set_default()
        for config in apps.get_app_configs():
            if config.name.split(".")[0] in {"django", "rest_framework"}:
                continue
            for module in DECLARATIONS:
                if find_spec(f"{config.name}.{module}") is not None and _is_ours(config.name):
                    import_module(f"{config.name}.{module}")


def _is_ours(name: str) -> bool:
    return name.split(".")[0] in {
        "terminology", "sites", "sessions_auth", "specimens", "importjobs", "queries", "exports", "biobank",
    }  # fmt: skip
