"""An empty database gets its tables in one go: the same that walking through the migrations makes."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from tests.databases import connect

ROOT = Path(__file__).resolve().parents[2]
FACTS = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid), co.collname
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN pg_collation co ON co.oid = a.attcollation
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), obj_description(oid)
        FROM pg_trigger WHERE NOT tgisinternal""",
    "functions": """
        SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'plpgsql'""",
    "sequences": "SELECT sequencename, data_type, start_value FROM pg_sequences WHERE schemaname = 'public'",
    "extensions": "SELECT extname FROM pg_extension",
    "migrations": "SELECT app, name FROM django_migrations",
    "content types": "SELECT app_label, model FROM django_content_type",
    "permissions": """
        SELECT c.app_label, p.codename FROM auth_permission p JOIN django_content_type c ON c.id = content_type_id""",
}


def _facts(database: str) -> dict[str, set[tuple[Any, ...]]]:
    with contextlib.closing(connect(database)) as session, session.cursor() as cursor:
        found = {}
        for name, statement in FACTS.items():
            cursor.execute(statement)
            found[name] = set(cursor.fetchall())
        return found


@pytest.fixture
def walked(db: None) -> Iterator[str]:
    """A database whose tables came by walking through the migrations."""
    name = f"walked_{uuid4().hex[:8]}"
    server = connect("postgres")
    with contextlib.closing(server), server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            address, _, options = os.environ["DATABASE_URL"].partition("?")
            url = f"{address.rpartition('/')[0]}/{name}?{options}"
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--step-by-step", "--verbosity=0"],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": url},
                check=True,
            )
            yield name
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_tables_made_in_one_go_are_those_the_migrations_make(walked: str) -> None:
    steps, at_once = _facts(walked), _facts(str(connection.settings_dict["NAME"]))

    assert all(steps.values())
    for name in FACTS:
        assert steps[name] ^ at_once[name] == set(), name
