"""What the query language sees of participants: one row for each registration (spec 05 §2.5)."""
# ruff: noqa: S608 - names come from the catalogue, values are always parameters

from biobank.catalogue import (
    Field,
    Fold,
    Form,
    Join,
    Kind,
    Link,
    full_name,
    history_fields,
    register,
    unnested,
)
from sessions_auth.models import User
from sites.models import Site
from specimens.participant.models import ConsentResponse, MedicalRecord, Participant, Registration
from specimens.protocol.models import ConsentStatement, ConsentTier, Event, Requirement

_USER, _SITE = User._meta.db_table, Site._meta.db_table
_ACTIVE = ("Active", "Closed")

_EXPECTED = f"""LATERAL (
    SELECT r.*, e.code AS event_code, e.label AS event_label, e.clinical_diagnosis, e.clinical_status,
        ({{self}}.registration_date + make_interval(
            years => CASE e.point_unit WHEN 'YEARS' THEN e.point ELSE 0 END,
            months => CASE e.point_unit WHEN 'MONTHS' THEN e.point ELSE 0 END,
            weeks => CASE e.point_unit WHEN 'WEEKS' THEN e.point ELSE 0 END,
            days => CASE WHEN e.point_unit IN ('YEARS', 'MONTHS', 'WEEKS') THEN 0 ELSE coalesce(e.point, 0) END
        ))::date AS event_date
    FROM {Requirement._meta.db_table} r JOIN {Event._meta.db_table} e ON e.id = r.event_id
    WHERE e.protocol_id = {{self}}.protocol_id
        AND r.activity_status = 'Active' AND e.activity_status = 'Active')"""


def _count(name: str, caption: str, table: str, status: str) -> Field:
    """How many visits or specimens of the registration have a status."""
    owner = (
        "x.registration_id = {self}.id"
        if table == "visit_visit"
        else "x.visit_id IN (SELECT v.id FROM visit_visit v WHERE v.registration_id = {self}.id)"
    )
    rows = f"x.status = '{status}' AND x.activity_status <> 'Disabled'"
    return Field(name, caption, Kind.WHOLE, f"(SELECT count(*) FROM {table} x WHERE {owner} AND {rows})")


def _expected(
    name: str, caption: str, column: str, kind: Kind = Kind.TEXT, values: str | None = None
) -> Field:
    return Field(f"anticipatedSpmns.{name}", caption, kind, f"{{expected}}.{column}", values=values)


PARTICIPANT = register(
    Form(
        name="Participant",
        caption="Participant",
        table=Registration._meta.db_table,
        order=2,
        link=Link("CollectionProtocol", "{self}.protocol_id = {parent}.id"),
        reaches=("CollectionProtocol", "SpecimenCollectionGroup", "Specimen", "SpecimenKit"),
        joins=(
            Join(
                "person",
                Participant._meta.db_table,
                "{person}.id = {self}.participant_id AND {person}.activity_status <> 'Disabled'",
            ),
            Join("site", _SITE, "{site}.id = {self}.site_id"),
            unnested("race", "{person}.races"),
            unnested("ethnicity", "{person}.ethnicities"),
            Join(
                "mrn",
                MedicalRecord._meta.db_table,
                "{mrn}.participant_id = {self}.participant_id",
                fold=Fold.RECORDS,
            ),
            Join("mrn_site", _SITE, "{mrn_site}.id = {mrn}.site_id"),
            Join(
                "consent",
                ConsentResponse._meta.db_table,
                "{consent}.registration_id = {self}.id",
                fold=Fold.RECORDS,
            ),
            Join("tier", ConsentTier._meta.db_table, "{tier}.id = {consent}.tier_id"),
            Join("statement", ConsentStatement._meta.db_table, "{statement}.id = {tier}.statement_id"),
            Join("witness", _USER, "{witness}.id = {self}.consent_witness_id"),
            Join("expected", _EXPECTED, fold=Fold.RECORDS),
        ),
        fields=(
            Field("id", "ID", Kind.WHOLE, "{self}.id"),
            Field("participantId", "Participant ID", Kind.WHOLE, "{self}.participant_id"),
            Field("ppid", "PPID", Kind.TEXT, "{self}.ppid"),
            Field("barcode", "Barcode", Kind.TEXT, "{self}.barcode"),
            Field("externalSubjectId", "External Subject ID", Kind.TEXT, "{self}.external_subject_id"),
            Field("regDate", "Registration Date", Kind.DAY, "{self}.registration_date"),
            Field("site", "Registration Site", Kind.TEXT, "{site}.name"),
            Field("firstName", "First Name", Kind.TEXT, "{person}.first_name", phi=True),
            Field("middleName", "Middle Name", Kind.TEXT, "{person}.middle_name", phi=True),
            Field("lastName", "Last Name", Kind.TEXT, "{person}.last_name", phi=True),
            Field("emailAddress", "Email Address", Kind.TEXT, "{person}.email_address", phi=True),
            Field("phoneNumber", "Phone Number", Kind.TEXT, "{person}.phone_number", phi=True),
            Field("emailOptIn", "Email Opt-in", Kind.FLAG, "{person}.email_opt_in"),
            Field("textOptIn", "Text Opt-in", Kind.FLAG, "{person}.text_opt_in"),
            Field("textOptInConsent", "Text Opt-in Consent", Kind.FLAG, "{person}.text_opt_in_consent"),
            Field("dateOfBirth", "Date of Birth", Kind.DAY, "{person}.birth_date", phi=True),
            Field("deathDate", "Death Date", Kind.DAY, "{person}.death_date", phi=True),
            Field("ssn", "Social Security Number", Kind.TEXT, "{person}.uid", phi=True),
            Field("empi", "eMPI", Kind.TEXT, "{person}.empi", phi=True),
            Field("vitalStatus", "Vital Status", Kind.TEXT, "{person}.vital_status", values="vital_status"),
            Field("gender", "Gender", Kind.TEXT, "{person}.gender", values="gender"),
            Field("race", "Race", Kind.TEXT, "{race}.value", values="race"),
            Field("ethnicity", "Ethnicity", Kind.TEXT, "{ethnicity}.value", values="ethnicity"),
            Field("activityStatus", "Activity Status", Kind.TEXT, "{self}.activity_status", values=_ACTIVE),
            Field(
                "dataEntryStatus",
                "Data Entry Status",
                Kind.TEXT,
                "{self}.data_entry_status",
                values=("COMPLETE", "DRAFT"),
            ),
            Field("medicalRecord.mrnSiteId", "MRN Site ID", Kind.WHOLE, "{mrn}.site_id"),
            Field("medicalRecord.mrnSiteName", "MRN Site", Kind.TEXT, "{mrn_site}.name"),
            Field("medicalRecord.medicalRecordNumber", "MRN", Kind.TEXT, "{mrn}.mrn", phi=True),
            *history_fields(Registration._meta.db_table, User._meta.db_table),
            Field(
                "consentTier.consentTierStatement", "Consent Statement", Kind.TEXT, "{statement}.statement"
            ),
            Field("consentTier.statementCode", "Consent Code", Kind.TEXT, "{statement}.code"),
            Field(
                "consentTier.consentResponseStatement",
                "Consent Response",
                Kind.TEXT,
                "{consent}.response",
                values="consent_response",
            ),
            Field("consentDocumentName", "Consent Document", Kind.TEXT, "{self}.consent_document_name"),
            Field("consentSignDate", "Consent Date", Kind.DAY, "{self}.consent_signature_date"),
            Field("consentWitness", "Consent Witness", Kind.TEXT, full_name("witness")),
            Field("consentComments", "Consent Comments", Kind.TEXT, "{self}.consent_comments"),
            _count("visitCount.completedVisits", "Completed Visits", "visit_visit", "Complete"),
            _count("visitCount.missedVisits", "Missed Visits", "visit_visit", "Missed Collection"),
            _count("visitCount.notCollectedVisits", "Not Collected Visits", "visit_visit", "Not Collected"),
            _count("visitCount.pendingVisits", "Pending Visits", "visit_visit", "Pending"),
            _count(
                "specimenCount.collectedSpecimens", "Collected Specimens", "specimen_specimen", "Collected"
            ),
            _count(
                "specimenCount.missedSpecimens", "Missed Specimens", "specimen_specimen", "Missed Collection"
            ),
            _count(
                "specimenCount.notCollectedSpecimens",
                "Not Collected Specimens",
                "specimen_specimen",
                "Not Collected",
            ),
            _count("specimenCount.pendingSpecimens", "Pending Specimens", "specimen_specimen", "Pending"),
            _expected("reqId", "Requirement ID", "id", Kind.WHOLE),
            _expected("eventCode", "Event Code", "event_code"),
            _expected("eventLabel", "Event Label", "event_label"),
            _expected("eventDate", "Event Date", "event_date", Kind.DAY),
            _expected("clinicalStatus", "Clinical Status", "clinical_status", values="clinical_status"),
            _expected(
                "clinicalDiagnosis", "Clinical Diagnosis", "clinical_diagnosis", values="clinical_diagnosis"
            ),
            _expected("reqCode", "Requirement Code", "code"),
            _expected("reqName", "Requirement Name", "name"),
            _expected("lineage", "Lineage", "lineage"),
            _expected("specimenClass", "Class", "specimen_class", values="specimen_type"),
            _expected("specimenType", "Type", "type", values="specimen_type"),
            _expected("anatomicSite", "Anatomic Site", "anatomic_site", values="anatomic_site"),
            _expected("laterality", "Laterality", "laterality", values="laterality"),
            _expected("quantity", "Quantity", "initial_qty", Kind.QUANTITY),
            _expected("concentration", "Concentration", "concentration", Kind.QUANTITY),
            _expected("pathStatus", "Pathology Status", "pathology", values="pathology_status"),
            _expected(
                "collectionContainer",
                "Collection Container",
                "collection_container",
                values="collection_container",
            ),
            _expected(
                "collectionProcedure",
                "Collection Procedure",
                "collection_procedure",
                values="collection_procedure",
            ),
        ),
    )
)
