"""Visits: when a participant came, or should have (spec 03 §2)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from biobank.records import Record, tracked
from sites.models import Site
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol, Event


class VisitStatus(models.TextChoices):
    COMPLETE = "Complete"
    PENDING = "Pending"
    MISSED = "Missed Collection"
    NOT_COLLECTED = "Not Collected"


@tracked
class Visit(Record):
    """`protocol` repeats the registration's, so that scopes and labels need no further join."""

    registration = models.ForeignKey(Registration, models.PROTECT, related_name="visits")
    protocol = models.ForeignKey(CollectionProtocol, models.PROTECT, related_name="+")
    event = models.ForeignKey(Event, models.PROTECT, null=True, blank=True, related_name="visits")
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=20, choices=VisitStatus, default=VisitStatus.COMPLETE)
    visit_date = models.DateTimeField(null=True, blank=True)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="visits")
    clinical_diagnoses = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    clinical_status = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    cohort = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    surgical_pathology_number = models.CharField(max_length=50, null=True, blank=True)  # noqa: DJ001
    spr_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    spr_file = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - its name on disk
    spr_locked = models.BooleanField(default=False)
    comments = models.TextField(null=True, blank=True)  # noqa: DJ001
    missed_reason = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    missed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="visit_name",
                violation_error_code="VISIT_DUP_NAME",
                violation_error_message="A visit with the same name exists already",
            )
        ]
        indexes = [models.Index(fields=["protocol", "-visit_date"], name="visit_listing")]

    def __str__(self) -> str:
        return self.name
