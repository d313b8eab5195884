"""How a study collects (spec 02): protocols, events, requirements, consents, counters, published versions."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from biobank.records import Record, tracked
from sites.models import Site


class Lineage(models.TextChoices):
    NEW = "New"
    DERIVED = "Derived"
    ALIQUOT = "Aliquot"


@tracked
class ProtocolGroup(Record):
    """Protocols that are configured together; a protocol is in one group at most (spec 02 §D2)."""

    name = models.CharField(max_length=255)
    workflows = models.JSONField(default=dict, blank=True)  # what its protocols get, as there

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="cp_group_name",
                violation_error_code="CP_GROUP_DUP_NAME",
                violation_error_message="A group with the same name exists already",
            )
        ]

    def __str__(self) -> str:
        return self.name


@tracked
class SystemWorkflow(models.Model):
    """One named piece of configuration that holds wherever a protocol has none of that name (spec 02 §A8)."""

    name = models.CharField(max_length=255)
    content = models.JSONField()  # {name, view, ctrl, data}

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="system_workflow_name")]

    def __str__(self) -> str:
        return self.name


@tracked
class CollectionProtocol(Record):
    title = models.CharField(max_length=255)
    short_title = models.CharField(max_length=50)
    code = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001
    principal_investigator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="led_protocols"
    )
    coordinators = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="coordinated_protocols"
    )
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True)
    irb_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    anticipated_participants_count = models.BigIntegerField(null=True, blank=True)
    description_url = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    sop_document_url = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    sop_document_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    specimen_centric = models.BooleanField(default=False)
    ppid_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    manual_ppid_enabled = models.BooleanField(default=False)
    visit_name_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    manual_visit_name_enabled = models.BooleanField(default=False)
    specimen_label_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    derivative_label_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    aliquot_label_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    additional_label_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    specimen_barcode_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    manual_spec_label_enabled = models.BooleanField(default=False)
    kit_labels_enabled = models.BooleanField(default=False)
    bulk_part_reg_enabled = models.BooleanField(default=False)
    barcoding_enabled = models.BooleanField(default=False)
    close_parent_specimens = models.BooleanField(default=False)
    set_qty_to_zero = models.BooleanField(null=True, blank=True)
    container_selection_strategy = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    aliquots_in_same_container = models.BooleanField(null=True, blank=True)
    storage_site_based_access = models.BooleanField(null=True, blank=True)
    draft_data_entry = models.BooleanField(default=False)
    label_sequence_key = models.CharField(max_length=10, default="ID")
    visit_collection_mode = models.CharField(max_length=20, default="ALL_SPMNS")
    visit_name_print_mode = models.CharField(max_length=20, default="NONE")
    visit_name_print_copies = models.IntegerField(null=True, blank=True)
    spmn_label_pre_print_mode = models.CharField(max_length=20, default="NONE")
    spmn_label_print_settings = models.JSONField(default=list, blank=True)  # [{lineage, printMode, copies}]
    consents_waived = models.BooleanField(default=False)
    visit_level_consents = models.BooleanField(null=True, blank=True)
    consents_source = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    store_spr_enabled = models.BooleanField(null=True, blank=True)
    extract_spr_text = models.BooleanField(null=True, blank=True)
    draft_mode = models.BooleanField(default=False)
    workflows = models.JSONField(default=dict, blank=True)  # name -> {name, view, ctrl, data}
    group = models.ForeignKey(ProtocolGroup, models.SET_NULL, null=True, blank=True, related_name="protocols")
    starred_by = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="starred_protocols"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("title"),
                name="cp_title",
                violation_error_code="CP_DUP_TITLE",
                violation_error_message="A collection protocol with the same title exists already",
            ),
            models.UniqueConstraint(
                Lower("short_title"),
                name="cp_short_title",
                violation_error_code="CP_DUP_SHORT_TITLE",
                violation_error_message="A collection protocol with the same short title exists already",
            ),
            models.UniqueConstraint(
                fields=["code"],
                name="cp_code",
                violation_error_code="CP_DUP_CODE",
                violation_error_message="A collection protocol with the same code exists already",
            ),
        ]

    def __str__(self) -> str:
        return self.short_title


@tracked
class ProtocolSite(models.Model):
    """A site where the protocol collects, with the protocol's own code for it."""

    protocol = models.ForeignKey(CollectionProtocol, models.CASCADE, related_name="protocol_sites")
    site = models.ForeignKey(Site, models.PROTECT, related_name="protocol_sites")
    code = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["protocol", "site"],
                name="cp_site",
                violation_error_code="CP_INVALID_REPOSITORIES",
                violation_error_message="The same site is named twice",
            ),
            models.UniqueConstraint(
                fields=["protocol", "code"],
                name="cp_site_code",
                violation_error_code="CP_DUP_CP_SITE_CODES",
                violation_error_message="Two sites of the protocol have the same code",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.protocol_id} at {self.site_id}"


@tracked
class Event(Record):
    """A planned visit of the protocol (spec 02 part B)."""

    protocol = models.ForeignKey(CollectionProtocol, models.CASCADE, related_name="events")
    label = models.CharField(max_length=255)
    code = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001
    point = models.IntegerField(null=True, blank=True)
    point_unit = models.CharField(max_length=10, null=True, blank=True)  # noqa: DJ001
    default_site = models.ForeignKey(Site, models.SET_NULL, null=True, blank=True, related_name="+")
    clinical_diagnosis = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    clinical_status = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    visit_name_print_mode = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001
    visit_name_print_copies = models.IntegerField(null=True, blank=True)
    sort_order = models.IntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "protocol",
                Lower("label"),
                name="cpe_label",
                violation_error_code="CPE_DUP_LABEL",
                violation_error_message="An event with the same label exists already in the protocol",
            ),
            models.UniqueConstraint(
                fields=["protocol", "code"],
                name="cpe_code",
                violation_error_code="CPE_DUP_CODE",
                violation_error_message="An event with the same code exists already in the protocol",
            ),
        ]

    def __str__(self) -> str:
        return self.label


@tracked
class Requirement(Record):
    """A specimen an event asks for, or what is to be made of it (spec 02 part C)."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="requirements")
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    lineage = models.CharField(max_length=10, choices=Lineage, default=Lineage.NEW)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    code = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001
    specimen_class = models.CharField(max_length=255)
    type = models.CharField(max_length=255)
    anatomic_site = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    laterality = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    pathology = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    storage_type = models.CharField(max_length=255)
    initial_qty = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    concentration = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    collection_procedure = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    collection_container = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    collector = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    receiver = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    label_fmt = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    label_auto_print_mode = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001
    label_print_copies = models.IntegerField(null=True, blank=True)
    sort_order = models.IntegerField(null=True, blank=True)
    pre_barcoded_tube = models.BooleanField(default=False)
    default_custom_field_values = models.JSONField(null=True, blank=True)
    # What the file that brought the requirement calls it: later rows name their parent by it (spec 04 §5.8)
    file_uid = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "code"],
                name="sr_code",
                violation_error_code="SR_DUP_CODE",
                violation_error_message="A requirement with the same code exists already in the event",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.code or f"{self.type} ({self.lineage})"


@tracked
class SpecimenTypeUnit(models.Model):
    """The units of a class or type of specimens, in one protocol or (`protocol` null) in all (spec 02 §D3)."""

    protocol = models.ForeignKey(
        CollectionProtocol, models.CASCADE, null=True, blank=True, related_name="type_units"
    )
    specimen_class = models.CharField(max_length=255)
    type = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    quantity_unit = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    concentration_unit = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["protocol", "specimen_class", "type"],
                nulls_distinct=False,
                name="specimen_type_unit",
                violation_error_code="SPECIMEN_TYPE_UNIT_DUP",
                violation_error_message="The class or type has units already",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type or self.specimen_class}: {self.quantity_unit}, {self.concentration_unit}"


@tracked
class ConsentStatement(Record):
    code = models.CharField(max_length=32)
    statement = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                name="consent_statement_code",
                violation_error_code="CONSENT_STATEMENTDUP_CODE",
                violation_error_message="A consent statement with the same code exists already",
            )
        ]

    def __str__(self) -> str:
        return self.code


@tracked
class ConsentTier(Record):
    protocol = models.ForeignKey(CollectionProtocol, models.CASCADE, related_name="consent_tiers")
    statement = models.ForeignKey(ConsentStatement, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["protocol", "statement"],
                condition=models.Q(activity_status="Active"),
                name="consent_tier",
                violation_error_code="CP_DUP_CONSENT",
                violation_error_message="The protocol has this consent statement already",
            )
        ]

    def __str__(self) -> str:
        return f"{self.protocol_id} {self.statement_id}"


class KeySequence(models.Model):
    """A counter of label tokens; numbers are never given twice and never reset (spec 02 §P3)."""

    key_type = models.CharField(max_length=64)
    key_id = models.CharField(max_length=512)
    last = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key_type", "key_id"], name="key_sequence")]

    def __str__(self) -> str:
        return f"{self.key_type} {self.key_id}: {self.last}"


@tracked
class PublishedVersion(models.Model):
    """A frozen state of a protocol (spec 02 §A11, 06 §5)."""

    class Kind(models.TextChoices):
        DEFINITION = "definition"
        FREEZE = "freeze"

    protocol = models.ForeignKey(CollectionProtocol, models.PROTECT, related_name="versions")
    version = models.CharField(max_length=64)  # the id in paths, such as v3
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.DEFINITION)
    changes = models.TextField()
    reason = models.TextField()
    reviewers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    published_at = models.DateTimeField(default=timezone.now)
    definition = models.JSONField()
    released = models.BooleanField(default=True)
    retired = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["protocol", "version"], name="cp_version")]

    def __str__(self) -> str:
        return f"{self.protocol_id} {self.version}"
