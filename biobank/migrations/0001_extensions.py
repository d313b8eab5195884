"""PostgreSQL extensions the indexes need; all of them ship with the embedded server."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    run_before = [("participant", "0001_initial"), ("specimen", "0001_initial")]
    operations = [TrigramExtension()]
