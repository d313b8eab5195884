"""Tables of exports: the jobs that build files, and the frozen content of protocol versions (spec 06 §1.2, §5)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from biobank.jobs.models import Job, State
from exports.objects.models import ObjectExport as ObjectExport
from specimens.protocol.models import PublishedVersion

LIVE = (State.PENDING, State.RUNNING, State.DONE)


class Export(Job):
    """One build of the file of one version; the row says whether there is a file, and all a HEAD answers.

    Per version at most one row is live (waiting, running, or done and so holding the file). A forced rebuild
    is a second live row beside the one that still holds the old file, marked `rebuild` until it takes its
    place. Rows that failed stay for a while and tell why.
    """

    TASK: ClassVar[str] = "exports.tasks.build"

    kind = models.CharField(max_length=64, editable=False)  # slug of the repository kind
    version_key = models.BigIntegerField(editable=False)  # primary key of the version's row
    label = models.CharField(max_length=500, editable=False)  # owner/repository/version, for people
    rebuild = models.BooleanField(default=False, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    file = models.CharField(max_length=120, blank=True, editable=False)  # name in the folder of exports
    file_name = models.TextField(blank=True, editable=False)  # name the client sees
    size = models.BigIntegerField(null=True, editable=False)  # bytes
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    last_modified = models.DateTimeField(null=True, editable=False)

    class Meta(Job.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "version_key", "rebuild"],
                condition=Q(state__in=LIVE),
                name="export_live",
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_ready(self) -> bool:
        return self.state == State.DONE


class Snapshot(models.Model):
    """The content of a protocol version as it was when it was published; complete from its first commit on."""

    version = models.OneToOneField(PublishedVersion, models.CASCADE, related_name="snapshot")
    header = models.TextField()  # JSON text: its keys keep their order
    counts = models.JSONField(default=dict)  # section -> rows
    size = models.BigIntegerField(default=0)  # bytes of JSON in the blocks
    taken_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"snapshot of version {self.version_id}"


class SnapshotBlock(models.Model):
    """Some frozen records of a data freeze: their JSON, joined by commas and compressed (zlib)."""

    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="blocks", db_index=False)
    section = models.CharField(max_length=32)
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["snapshot", "section", "id"], name="snapshot_blocks")]

    def __str__(self) -> str:
        return f"{self.section} block {self.pk}"
