"""Permissible values: what a coded field may hold (spec 01 part F)."""

from django.db import models
from django.db.models.functions import Lower

from biobank.records import Record, tracked


@tracked
class PermissibleValue(Record):
    """One value of a pick list; records store the value's text in its canonical spelling."""

    attribute = models.CharField(max_length=100)
    value = models.CharField(max_length=255)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    concept_code = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    sort_order = models.IntegerField(null=True, blank=True)
    props = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "attribute",
                Lower("value"),
                "parent",
                name="pv_value",
                nulls_distinct=False,
                violation_error_code="PV_DUP_VALUE",
                violation_error_message="This value is on the list already",
            )
        ]
        indexes = [models.Index("attribute", "sort_order", "value", name="pv_listing")]

    def __str__(self) -> str:
        return self.value
