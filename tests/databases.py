"""Databases in which tests may commit: copies of the test database, thrown away afterwards."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from django.db import connection, connections


def connect(database: str) -> Any:
    """A connection of its own to a database of the test server; every statement commits."""
    parameters = {**connection.get_connection_params(), "dbname": database}
    parameters.pop("cursor_factory", None)
    found = psycopg2.connect(**parameters)
    found.autocommit = True
    return found


def _execute(statement: str) -> None:
    with contextlib.closing(connect("postgres")) as server, server.cursor() as cursor:
        cursor.execute(statement)


@contextlib.contextmanager
def elsewhere(template: str | None = None) -> Iterator[str]:
    """Everything goes to a new database, made of the template if one is named. Yields its name."""
    outer = connections["default"]
    original = str(outer.settings_dict["NAME"])
    other = f"{original}_{uuid4().hex[:8]}"
    outer.close()  # the transaction around the test is not needed, and a database in use cannot be copied
    _execute(f'CREATE DATABASE "{other}"' + (f' TEMPLATE "{template}"' if template else ""))
    outer.settings_dict["NAME"] = other  # shared with the connections of other threads
    connections["default"] = connections.create_connection("default")
    try:
        yield other
    finally:
        connection.close()
        connections["default"] = outer
        outer.settings_dict["NAME"] = original
        _execute(f'DROP DATABASE "{other}" WITH (FORCE)')


@pytest.fixture
def committed(db: None) -> Iterator[str]:
    """A copy of the test database for one test: what it commits, other processes see. Yields its URL."""
    with elsewhere(template=str(connection.settings_dict["NAME"])) as copy:
        yield os.environ["DATABASE_URL"].replace(_name_in_url(), f"/{copy}?", 1)


def _name_in_url() -> str:
    url = os.environ["DATABASE_URL"]
    return "/" + url.split("@", 1)[1].split("/", 1)[1].split("?", 1)[0] + "?"
