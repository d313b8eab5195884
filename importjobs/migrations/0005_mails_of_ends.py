"""Which jobs' mails were sent; those that are over before this are told."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("importjobs", "0004_held_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="told_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(
            "UPDATE importjobs_importjob SET told_at = finished_at WHERE finished_at IS NOT NULL",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(
                condition=models.Q(("told_at", None)), fields=["finished_at"], name="importjob_untold"
            ),
        ),
    ]
