"""The history of a record's parts is read by the record: an index for each, as history has none on references."""

from django.db import migrations

PARTS = {
    "participant_medicalrecordhistory": "participant_id",
    "participant_consentresponsehistory": "registration_id",
    "protocol_protocolsitehistory": "protocol_id",
    "protocol_consenttierhistory": "protocol_id",
    "specimen_poolmemberhistory": "pool_id",
    "sessions_auth_roleentryhistory": "role_id",
    "sessions_auth_subjectrolehistory": "user_id",
}


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("participant", "0003_initial"),
        ("protocol", "0003_initial"),
        ("specimen", "0003_names_per_protocol_and_pools"),
        ("sessions_auth", "0003_remove_user_last_login_authdomain_impl_class_and_more"),
    ]

    operations = [
        migrations.RunSQL(
            f"CREATE INDEX IF NOT EXISTS {table}_owner ON {table} ({column})",
            f"DROP INDEX IF EXISTS {table}_owner",
        )
        for table, column in PARTS.items()
    ]
