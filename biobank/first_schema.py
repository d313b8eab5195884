"""The tables of an empty database in one go: what all migrations come to, without the way there."""

from collections.abc import Iterator

from django.contrib.postgres.operations import CreateExtension
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration, RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState


def is_empty(connection: BaseDatabaseWrapper) -> bool:
    """No table, so no migration either."""
    return not connection.introspection.table_names()


def create(connection: BaseDatabaseWrapper) -> bool:
    """Create the tables, indexes and triggers at the end of all migrations, and note the migrations as applied.

    Walking through the migrations renders most models again after each operation, which takes most of a minute.
    Extensions come first; Python and SQL of migrations runs afterwards, in its order, on the finished tables: there
    is no data it could be too late for. False, and nothing done, when a migration tells the state something else
    than the database: then only walking is right. The transaction makes everything or nothing.
    """
    loader = MigrationLoader(connection)
    plan = _in_order(loader)
    operations = [(migration, operation) for migration in plan for operation in migration.operations]
    if any(isinstance(operation, SeparateDatabaseAndState) for _, operation in operations):
        return False
    state: ProjectState = loader.project_state()
    extensions = [step for step in operations if isinstance(step[1], CreateExtension)]
    scripts = [step for step in operations if isinstance(step[1], RunPython | RunSQL)]
    with transaction.atomic(using=connection.alias):
        with connection.schema_editor() as editor:
            for migration, operation in extensions:
                operation.database_forwards(migration.app_label, editor, state, state)
            for model in state.apps.get_models():
                if model._meta.can_migrate(connection):
                    editor.create_model(model)
        with connection.schema_editor() as editor:
            for migration, operation in scripts:
                operation.database_forwards(migration.app_label, editor, state, state)
        recorder = MigrationRecorder(connection)
        recorder.ensure_schema()
        applied = {
            key for migration in plan for key in [(migration.app_label, migration.name), *migration.replaces]
        }
        recorder.Migration.objects.using(connection.alias).bulk_create(
            recorder.Migration(app=app, name=name) for app, name in sorted(applied)
        )
    return True


def _in_order(loader: MigrationLoader) -> list[Migration]:
    """All migrations, each after those it depends on."""

    def walk() -> Iterator[Migration]:
        seen = set()
        for leaf in loader.graph.leaf_nodes():
            for key in loader.graph.forwards_plan(leaf):
                if key not in seen:
                    seen.add(key)
                    yield loader.graph.nodes[key]

    return list(walk())
