"""Institutes and their sites (spec 01 §E.1, §E.2)."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from biobank.records import Record, tracked


@tracked
class Institute(Record):
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="institute_name",
                violation_error_code="INSTITUTE_DUP_NAME",
                violation_error_message="An institute with the same name exists already",
            )
        ]

    def __str__(self) -> str:
        return self.name


@tracked
class Site(Record):
    name = models.CharField(max_length=255)
    institute = models.ForeignKey(Institute, models.PROTECT, related_name="sites")
    code = models.CharField(max_length=50, null=True, blank=True)  # noqa: DJ001
    type = models.CharField(max_length=255)
    address = models.TextField(null=True, blank=True)  # noqa: DJ001
    coordinators = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="coordinated_sites"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="site_name",
                violation_error_code="SITE_DUP_NAME",
                violation_error_message="A site with the same name exists already",
            ),
            models.UniqueConstraint(
                Lower("code"),
                name="site_code",
                violation_error_code="SITE_DUP_CODE",
                violation_error_message="A site with the same code exists already",
            ),
        ]

    def __str__(self) -> str:
        return self.name
