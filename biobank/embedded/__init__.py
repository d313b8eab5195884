"""PostgreSQL and Valkey from wheels, and the supervisor behind `manage.py up`; nothing here needs Django."""

from biobank.embedded.errors import EmbeddedError
from biobank.embedded.layout import urls
from biobank.embedded.postgres import Postgres
from biobank.embedded.valkey import Valkey

__all__ = ["EmbeddedError", "Postgres", "Valkey", "urls"]
