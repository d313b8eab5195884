"""People, their record numbers, and their registrations to protocols (spec 03 §1)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from biobank.records import Record, tracked
from biobank.tallies import tallied
from sites.models import Site
from specimens.protocol.models import CollectionProtocol, ConsentTier


@tracked
class Participant(Record):
    source = models.CharField(max_length=64, default="OpenSpecimen")
    first_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    middle_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    last_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    email_address = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    email_opt_in = models.BooleanField(default=False)
    phone_number = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    text_opt_in = models.BooleanField(default=False)
    text_opt_in_consent = models.BooleanField(null=True, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    death_date = models.DateField(null=True, blank=True)
    gender = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    vital_status = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    sex_genotype = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    races = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    ethnicities = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    uid = models.CharField(max_length=50, null=True, blank=True)  # noqa: DJ001
    empi = models.CharField(max_length=50, null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["uid"],
                name="participant_uid",
                violation_error_code="PARTICIPANT_DUP_UID",
                violation_error_message="A participant with the same national id exists already",
            ),
            models.UniqueConstraint(
                fields=["empi"],
                name="participant_empi",
                violation_error_code="PARTICIPANT_DUP_EMPI",
                violation_error_message="A participant with the same eMPI exists already",
            ),
        ]
        indexes = [
            models.Index(Upper("last_name"), "birth_date", name="participant_name_birth"),
            GinIndex(
                *(
                    OpClass(Upper(name), name="gin_trgm_ops")
                    for name in ("first_name", "last_name", "empi", "uid")
                ),
                name="participant_text",
            ),
        ]

    def __str__(self) -> str:
        return f"participant {self.pk}"  # names are PHI and stay out of logs


@tracked
class MedicalRecord(models.Model):
    """A participant's number at a site; the number may be missing."""

    participant = models.ForeignKey(Participant, models.CASCADE, related_name="medical_records")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    mrn = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participant", "site"],
                name="mrn_site",
                violation_error_code="PARTICIPANT_DUP_MRN_SITE",
                violation_error_message="Two record numbers name the same site",
            ),
            models.UniqueConstraint(
                fields=["site", "mrn"],
                name="mrn_number",
                violation_error_code="PARTICIPANT_DUP_MRN",
                violation_error_message="Another participant has the same medical record number at this site",
            ),
        ]
        indexes = [GinIndex(OpClass(Upper("mrn"), name="gin_trgm_ops"), name="mrn_text")]

    def __str__(self) -> str:
        return f"record number of participant {self.participant_id}"


@tallied("registration", by="protocol_id", where="activity_status <> 'Disabled'")
@tracked
class Registration(Record):
    """A participant in a protocol, known there by the PPID."""

    protocol = models.ForeignKey(CollectionProtocol, models.PROTECT, related_name="registrations")
    participant = models.ForeignKey(Participant, models.PROTECT, related_name="registrations")
    ppid = models.CharField(max_length=255)
    barcode = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    registration_date = models.DateField()
    external_subject_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    data_entry_status = models.CharField(max_length=10, default="COMPLETE")
    consent_signature_date = models.DateField(null=True, blank=True)
    consent_witness = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    consent_comments = models.TextField(null=True, blank=True)  # noqa: DJ001
    consent_document_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    consent_document = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - its name on disk

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["protocol", "ppid"],
                name="cpr_ppid",
                violation_error_code="CPR_DUP_PPID",
                violation_error_message="The protocol has a registration with the same PPID already",
            ),
            models.UniqueConstraint(
                fields=["barcode"],
                name="cpr_barcode",
                violation_error_code="CPR_DUP_BARCODE",
                violation_error_message="A registration with the same barcode exists already",
            ),
            models.UniqueConstraint(
                fields=["protocol", "participant"],
                condition=~models.Q(activity_status="Disabled"),
                name="cpr_once",
                violation_error_code="CPR_DUP_REGISTRATION",
                violation_error_message="The participant is registered to this protocol already",
            ),
        ]
        indexes = [
            models.Index(fields=["protocol", "-registration_date", "-id"], name="cpr_listing"),
            GinIndex(OpClass(Upper("ppid"), name="gin_trgm_ops"), name="cpr_ppid_text"),
        ]

    def __str__(self) -> str:
        return self.ppid


@tracked
class ConsentResponse(models.Model):
    registration = models.ForeignKey(Registration, models.CASCADE, related_name="consent_responses")
    tier = models.ForeignKey(ConsentTier, models.PROTECT, related_name="responses")
    response = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["registration", "tier"], name="consent_response")]

    def __str__(self) -> str:
        return f"{self.registration_id} {self.tier_id}"
