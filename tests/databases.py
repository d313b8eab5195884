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


@pytest.fixture
def committed(db: None) -> Iterator[str]:
    """A copy of the test database for one test: what it commits, other processes see. Yields its URL."""
    outer = connections["default"]
    original = str(outer.settings_dict["NAME"])
    copy = f"{original}_{uuid4().hex[:8]}"
    outer.close()  # the transaction around the test is not needed, and a database in use cannot be copied
    _execute(f'CREATE DATABASE "{copy}" TEMPLATE "{original}"')
    outer.settings_dict["NAME"] = copy  # shared with the connections of other threads
    connections["default"] = connections.create_connection("default")
    try:
        yield os.environ["DATABASE_URL"].replace(_name_in_url(), f"/{copy}?", 1)
    finally:
        connection.close()
        connections["default"] = outer
        outer.settings_dict["NAME"] = original
        _execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


def _name_in_url() -> str:
    url = os.environ["DATABASE_URL"]
    return "/" + url.split("@", 1)[1].split("/", 1)[1].split("?", 1)[0] + "?"
