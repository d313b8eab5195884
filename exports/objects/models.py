"""The row of an export job (spec 04 §6.2)."""

from typing import ClassVar

from django.db import models

from biobank.jobs.models import Job, State


class ObjectExport(Job):
    """One export of records. The row says whether there is a file; nothing else counts.

    `fingerprint` is the same for requests that must get the same file: same caller with the same rights, same
    kind, parameters and records. `deferred`: a client was told that the job still runs and has not seen its end.
    """

    TASK: ClassVar[str] = "exports.tasks.export_objects"

    name = models.CharField("object type", max_length=64)
    params = models.JSONField(default=dict)  # text to text, with the time zone of the caller
    record_ids = models.JSONField(null=True)
    disable_notifs = models.BooleanField("without e-mail", default=False)
    readers = models.JSONField(default=list)  # keys of other users who may fetch the file
    fingerprint = models.CharField(max_length=64, editable=False)
    deferred = models.BooleanField(default=False, editable=False)
    records = models.PositiveBigIntegerField(null=True, editable=False)
    file = models.CharField(max_length=120, blank=True, editable=False)  # name in the folder of these files
    size = models.BigIntegerField(null=True, editable=False)  # bytes

    class Meta(Job.Meta):
        verbose_name = "record export"
        ordering = ["-id"]
        indexes = [
            *(index.clone() for index in Job.Meta.indexes),
            models.Index(fields=["fingerprint"], name="objectexport_same"),
            models.Index(fields=["created_by", "-id"], name="objectexport_newest"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.name}"

    @property
    def status(self) -> str:
        """The status on the wire."""
        match self.state:
            case State.DONE:
                return "COMPLETED"
            case State.FAILED:
                return "FAILED"
            case State.STOPPED:
                return "STOPPED"
        return "IN_PROGRESS"
