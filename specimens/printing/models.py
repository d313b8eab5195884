"""Print rules, and what was printed (spec 03 §4.5)."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from biobank.records import Record, tracked
from sessions_auth.models import UserGroup
from sites.models import Site
from specimens.protocol.models import CollectionProtocol, Lineage
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit


class Kind(models.TextChoices):
    SPECIMEN = "SPECIMEN", "Specimen labels"
    VISIT = "VISIT", "Visit names"


class Output(models.TextChoices):
    CSV = "CSV", "CSV, one row a label"
    ZPL = "ZPL", "ZPL, as label printers understand it"


@tracked
class PrintRule(Record):
    """What a label looks like and which printer gets it; of the rules that fit, the one with the lowest position wins.

    What a rule leaves open fits everything. `template` has, for CSV, a column a line as `Caption: text`; for ZPL
    it is the label itself. Tokens such as `%LABEL%` stand for values.
    """

    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SPECIMEN)
    position = models.IntegerField(default=100)
    protocol = models.ForeignKey(CollectionProtocol, models.CASCADE, null=True, blank=True, related_name="+")
    site = models.ForeignKey(Site, models.CASCADE, null=True, blank=True, related_name="+")
    user_group = models.ForeignKey(UserGroup, models.CASCADE, null=True, blank=True, related_name="+")
    lineage = models.CharField(max_length=10, choices=Lineage, null=True, blank=True)  # noqa: DJ001
    specimen_class = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    specimen_type = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    output = models.CharField(max_length=3, choices=Output, default=Output.CSV)
    template = models.TextField()
    printer = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - none: the caller's own

    class Meta:
        indexes = [models.Index(fields=["kind", "position", "id"], name="print_rule_order")]

    def __str__(self) -> str:
        return self.name


class PrintJob(models.Model):
    """Labels that were asked for in one go."""

    kind = models.CharField(max_length=10, choices=Kind)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="print_jobs")
    submitted_on = models.DateTimeField(default=timezone.now)
    automatic = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["submitted_by", "-id"], name="print_job_newest")]

    def __str__(self) -> str:
        return f"print job {self.pk}"


class PrintFile(models.Model):
    """What a printer gets; the row is the truth, the file in the printers' folder is made from it."""

    job = models.ForeignKey(PrintJob, models.CASCADE, related_name="files")
    rule = models.ForeignKey(PrintRule, models.PROTECT, related_name="+")
    printer = models.CharField(max_length=64)
    name = models.CharField(max_length=255, unique=True)
    content = models.TextField()
    made_at = models.DateTimeField(default=timezone.now)
    placed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["made_at"], name="print_file_waiting", condition=models.Q(placed_at=None))
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        return "Queued" if self.placed_at is None else "Printed"


class PrintItem(models.Model):
    """One label, in so many copies."""

    job = models.ForeignKey(PrintJob, models.CASCADE, related_name="items")
    file = models.ForeignKey(PrintFile, models.CASCADE, null=True, related_name="items", db_index=False)
    specimen = models.ForeignKey(
        Specimen, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    visit = models.ForeignKey(Visit, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    label = models.CharField(max_length=255)
    copies = models.IntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["label"], name="print_item_label")]

    def __str__(self) -> str:
        return self.label
