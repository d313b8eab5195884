"""What the query language sees of visits (spec 05 §2.5)."""
# ruff: noqa: S608 - names come from the catalogue, values are always parameters

from biobank.catalogue import Field, Form, Join, Kind, Link, full_name, history_fields, register, unnested
from sessions_auth.models import User
from sites.models import Site
from specimens.protocol.models import Event
from specimens.visit.models import Visit
from terminology.models import PermissibleValue

_CODE = (
    f"(SELECT p.concept_code FROM {PermissibleValue._meta.db_table} p"
    " WHERE p.attribute = 'clinical_diagnosis' AND lower(p.value) = lower({diagnosis}.value) LIMIT 1)"
)

VISIT = register(
    Form(
        name="SpecimenCollectionGroup",
        caption="Visit",
        table=Visit._meta.db_table,
        order=3,
        link=Link("Participant", "{self}.registration_id = {parent}.id"),
        reaches=("Participant", "CollectionProtocol"),
        joins=(
            Join("site", Site._meta.db_table, "{site}.id = {self}.site_id"),
            Join("event", Event._meta.db_table, "{event}.id = {self}.event_id"),
            Join("missed_by", User._meta.db_table, "{missed_by}.id = {self}.missed_by_id"),
            unnested("diagnosis", "{self}.clinical_diagnoses"),
        ),
        fields=(
            Field("id", "ID", Kind.WHOLE, "{self}.id"),
            Field("name", "Name", Kind.TEXT, "{self}.name"),
            Field(
                "activityStatus",
                "Activity Status",
                Kind.TEXT,
                "{self}.activity_status",
                values=("Active", "Closed"),
            ),
            Field("site", "Site", Kind.TEXT, "{site}.name"),
            Field("site.name", "Site", Kind.TEXT, "{site}.name", hidden=True),
            Field(
                "collectionStatus",
                "Visit Status",
                Kind.TEXT,
                "{self}.status",
                values=("Pending", "Complete", "Not Collected", "Missed Collection"),
            ),
            Field("collectionDate", "Visit Date", Kind.INSTANT_DAY, "{self}.visit_date"),
            Field("collectionProtocolEvent.collectionPointLabel", "Event Label", Kind.TEXT, "{event}.label"),
            Field("collectionProtocolEvent.eventCode", "Event Code", Kind.TEXT, "{event}.code"),
            Field("collectionProtocolEvent.eventPoint", "Event Point", Kind.WHOLE, "{event}.point"),
            Field(
                "collectionProtocolEvent.eventPointUnit",
                "Event Point Unit",
                Kind.TEXT,
                "{event}.point_unit",
                values=("DAYS", "WEEKS", "MONTHS", "YEARS"),
            ),
            Field(
                "missedReason",
                "Missed Reason",
                Kind.TEXT,
                "{self}.missed_reason",
                values="missed_visit_reason",
            ),
            Field("missedBy", "Missed By", Kind.TEXT, full_name("missed_by")),
            Field(
                "clinicalDiagnoses.value",
                "Clinical Diagnosis",
                Kind.TEXT,
                "{diagnosis}.value",
                values="clinical_diagnosis",
            ),
            Field("clinicalDiagnoses.code", "Clinical Diagnosis Code", Kind.TEXT, _CODE),
            Field(
                "clinicalDiagnosis",
                "Clinical Diagnosis",
                Kind.TEXT,
                "{diagnosis}.value",
                values="clinical_diagnosis",
                hidden=True,
            ),
            Field(
                "clinicalStatus",
                "Clinical Status",
                Kind.TEXT,
                "{self}.clinical_status",
                values="clinical_status",
            ),
            Field("cohort", "Cohort", Kind.TEXT, "{self}.cohort", values="cohort"),
            Field(
                "surgicalPathologyNo",
                "Surgical Pathology Number",
                Kind.TEXT,
                "{self}.surgical_pathology_number",
                phi=True,
            ),
            Field("spr", "Path. Report Name", Kind.TEXT, "{self}.spr_name"),
            Field("comments", "Comments", Kind.TEXT, "{self}.comments"),
            *history_fields(Visit._meta.db_table, User._meta.db_table),
        ),
    )
)
