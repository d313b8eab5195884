"""An empty database gets its tables in one go: the same that walking through the migrations makes."""

import contextlib
import sys
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from tests.databases import connect, elsewhere

_RELOAD = ProjectState.reload_model
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


def _only_shapes(self: ProjectState, app_label: str, model_name: str, delay: bool = False) -> None:
    """Render a model again when its fields changed, and with it what points at it directly.

    Django does so for whatever changes, and with all that hang together: most of the time that migrating takes. What
    is sent to the database names only tables and columns, which a constraint, index or trigger leaves as they are.
    """
    frame = sys._getframe(1)
    fields_stay = frame.f_code.co_name in ("_append_option", "_remove_option") or isinstance(
        frame.f_locals.get("self"), AddTrigger | RemoveTrigger
    )
    if "apps" not in self.__dict__ or fields_stay:
        return
    field = frame.f_locals.get("field")
    plain = frame.f_code.co_name == "add_field" and not getattr(field, "is_relation", True)
    if plain or frame.f_code.co_name == "add_model":  # nothing that points at it sees the difference
        self._reload({(app_label, model_name.lower())})  # type: ignore[attr-defined]
    else:
        _RELOAD(self, app_label, model_name, delay=True)


def test_tables_made_in_one_go_are_those_the_migrations_make(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = _facts(str(connection.settings_dict["NAME"]))
    monkeypatch.setattr(ProjectState, "reload_model", _only_shapes)
    ContentType.objects.clear_cache()
    try:
        with elsewhere() as empty:
            call_command("migrate", step_by_step=True, verbosity=0)
            steps = _facts(empty)
    finally:
        ContentType.objects.clear_cache()  # its ids are not those of the other database

    assert all(steps.values())
    for name in FACTS:
        assert steps[name] ^ at_once[name] == set(), name
