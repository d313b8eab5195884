"""Specimens of every lineage (spec 03 §3)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Upper

from biobank.records import Record, tracked
from biobank.tallies import tallied
from specimens.protocol.models import CollectionProtocol, Lineage, Requirement
from specimens.visit.models import Visit


class CollectionStatus(models.TextChoices):
    COLLECTED = "Collected"
    PENDING = "Pending"
    MISSED = "Missed Collection"
    NOT_COLLECTED = "Not Collected"


def _scope(per_protocol: str) -> Case:
    """Where a name is unique: in the protocol, or (0) everywhere."""
    return Case(When(**{per_protocol: True}, then=F("protocol_id")), default=Value(0))


@tallied("specimen", by="protocol_id", where="status = 'Collected' AND activity_status <> 'Disabled'")
@tracked
class Specimen(Record):
    """`primary` is the root of the tree (null for primaries); `protocol` repeats the visit's.

    A name is unique among all specimens, or, where the settings said so when it was given, in its protocol only:
    `..._per_cp` keeps what was the rule. Each index of names covers both, so either rule holds whoever writes at
    the same time, and changing the setting rewrites nothing.
    """

    protocol = models.ForeignKey(CollectionProtocol, models.PROTECT, related_name="+", db_index=False)
    visit = models.ForeignKey(Visit, models.PROTECT, related_name="specimens")
    requirement = models.ForeignKey(
        Requirement, models.PROTECT, null=True, blank=True, related_name="specimens"
    )
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    primary = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="descendants")
    lineage = models.CharField(max_length=10, choices=Lineage, default=Lineage.NEW)
    label = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    additional_label = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    barcode = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    label_per_cp = models.BooleanField(default=False)
    additional_label_per_cp = models.BooleanField(default=False)
    barcode_per_cp = models.BooleanField(default=False)
    specimen_class = models.CharField(max_length=255)
    type = models.CharField(max_length=255)
    anatomic_site = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    laterality = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    pathology = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    status = models.CharField(max_length=20, choices=CollectionStatus, default=CollectionStatus.COLLECTED)
    initial_qty = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    available_qty = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    concentration = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    freeze_thaw_cycles = models.IntegerField(null=True, blank=True)
    created_on = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    image_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    biohazards = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    external_ids = models.JSONField(default=list, blank=True)  # [{"name": ..., "value": ...}]
    comments = models.TextField(null=True, blank=True)  # noqa: DJ001
    # Collection and receipt: filled for primaries only
    collection_time = models.DateTimeField(null=True, blank=True)
    collector = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    collection_procedure = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    collection_container = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    collection_comments = models.TextField(null=True, blank=True)  # noqa: DJ001
    received_time = models.DateTimeField(null=True, blank=True)
    receiver = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    received_quality = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    received_comments = models.TextField(null=True, blank=True)  # noqa: DJ001
    # Disposal: filled when closed
    disposal_time = models.DateTimeField(null=True, blank=True)
    disposal_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    disposal_reason = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    disposal_comments = models.TextField(null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                F("label"),
                _scope("label_per_cp"),
                name="specimen_label",
                violation_error_code="SPECIMEN_DUP_LABEL",
                violation_error_message="A specimen with the same label exists already",
            ),
            models.UniqueConstraint(
                F("additional_label"),
                _scope("additional_label_per_cp"),
                condition=models.Q(additional_label__isnull=False),
                name="specimen_additional_label",
                violation_error_code="SPECIMEN_DUP_ADDL_LABEL",
                violation_error_message="A specimen with the same additional label exists already",
            ),
            models.UniqueConstraint(
                F("barcode"),
                _scope("barcode_per_cp"),
                condition=models.Q(barcode__isnull=False),
                name="specimen_barcode",
                violation_error_code="SPECIMEN_DUP_BARCODE",
                violation_error_message="A specimen with the same barcode exists already",
            ),
            models.CheckConstraint(
                condition=models.Q(initial_qty__gte=0) & models.Q(available_qty__gte=0),
                name="specimen_quantities",
                violation_error_code="SPECIMEN_INVALID_QTY",
                violation_error_message="Quantities cannot be negative",
            ),
        ]
        indexes = [
            models.Index(fields=["protocol", "id"], name="specimen_by_protocol"),
            models.Index(fields=["protocol", "label"], name="specimen_by_protocol_label"),
            # Parts of names, whatever their case
            GinIndex(OpClass(Upper("label"), name="gin_trgm_ops"), name="specimen_label_text"),
            GinIndex(OpClass(Upper("barcode"), name="gin_trgm_ops"), name="specimen_barcode_text"),
            GinIndex(
                OpClass(Upper("additional_label"), name="gin_trgm_ops"), name="specimen_addl_label_text"
            ),
            # Filters and orders of searches
            models.Index(Upper("type"), "id", name="specimen_by_type"),
            models.Index(Upper("anatomic_site"), "id", name="specimen_by_site"),
            models.Index(F("created_on").asc(nulls_first=True), "id", name="specimen_by_creation"),
            # What few specimens are
            models.Index(fields=["id"], condition=models.Q(available_qty=0), name="specimen_used_up"),
            models.Index(
                fields=["id"],
                condition=models.Q(received_quality="To be Received"),
                name="specimen_to_receive",
            ),
        ]

    def __str__(self) -> str:
        return self.label or f"specimen {self.pk}"


@tracked
class PoolMember(models.Model):
    """A specimen that went into a pooled one (spec 03 §3.10)."""

    pool = models.ForeignKey(Specimen, models.PROTECT, related_name="members")
    member = models.ForeignKey(Specimen, models.PROTECT, related_name="pools", db_index=False)
    pooled_on = models.DateTimeField()
    pooled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "pool"],
                name="specimen_pool_member",
                violation_error_code="COMMON_INVALID_INPUT",
                violation_error_message="A specimen is in a pool once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.pool_id}"
