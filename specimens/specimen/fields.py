"""What the query language sees of specimens (spec 05 §2.5, §2.6)."""
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
from specimens.protocol.models import Requirement
from specimens.specimen.models import Specimen

_USER, _SPECIMEN, _REQUIREMENT = User._meta.db_table, Specimen._meta.db_table, Requirement._meta.db_table

_AVAILABILITY = (
    "CASE WHEN {self}.activity_status = 'Closed' THEN 'Closed'"
    " WHEN {self}.status = 'Collected' THEN 'Available' ELSE {self}.status END"
)
_ANCESTORS = f"""LATERAL (
    WITH RECURSIVE above AS (
        SELECT a.id, a.parent_id, a.requirement_id FROM {_SPECIMEN} a WHERE a.id = {{self}}.parent_id
        UNION SELECT a.id, a.parent_id, a.requirement_id FROM {_SPECIMEN} a JOIN above b ON a.id = b.parent_id)
    SELECT above.id, q.name, q.code FROM above JOIN {_REQUIREMENT} q ON q.id = above.requirement_id)"""


def _details(
    name: str, caption: str, column: str, kind: Kind = Kind.TEXT, values: str | None = None
) -> Field:
    """Collection and receipt stand on the primary specimen, also for what was made of it."""
    return Field(f"spmnCollRecvDetails.{name}", caption, kind, f"{{primary}}.{column}", values=values)


def _event(form: str, prefix: str, *more: Field) -> tuple[Field, ...]:
    """Who, when and why of an event that the specimen's own row holds."""
    path = f"extensions.{form}"
    person, time = {
        "collection": ("collector", "collection_time"),
        "received": ("receiver", "received_time"),
    }.get(prefix, ("disposal_user", "disposal_time"))
    caption = {"collection": "Collection", "received": "Received", "disposal": "Disposal"}[prefix]
    return (
        Field(f"{path}.user", f"{caption} Event# User", Kind.TEXT, full_name(person)),
        Field(f"{path}.time", f"{caption} Event# Date and Time", Kind.INSTANT, f"{{self}}.{time}"),
        Field(f"{path}.comments", f"{caption} Event# Comments", Kind.TEXT, f"{{self}}.{prefix}_comments"),
        *more,
    )


SPECIMEN = register(
    Form(
        name="Specimen",
        caption="Specimen",
        table=_SPECIMEN,
        order=4,
        link=Link("SpecimenCollectionGroup", "{self}.visit_id = {parent}.id"),
        reaches=("SpecimenCollectionGroup", "Participant", "CollectionProtocol"),
        tree="parent_id",
        joins=(
            Join("parent_specimen", _SPECIMEN, "{parent_specimen}.id = {self}.parent_id"),
            Join("primary", _SPECIMEN, "{primary}.id = coalesce({self}.primary_id, {self}.id)"),
            Join("created_by", _USER, "{created_by}.id = {self}.created_by_id"),
            Join("requirement", _REQUIREMENT, "{requirement}.id = {self}.requirement_id"),
            Join("ancestor", _ANCESTORS, fold=Fold.RECORDS),
            Join("primary_collector", _USER, "{primary_collector}.id = {primary}.collector_id"),
            Join("primary_receiver", _USER, "{primary_receiver}.id = {primary}.receiver_id"),
            Join("collector", _USER, "{collector}.id = {self}.collector_id"),
            Join("receiver", _USER, "{receiver}.id = {self}.receiver_id"),
            Join("disposal_user", _USER, "{disposal_user}.id = {self}.disposal_user_id"),
            unnested("biohazard", "{self}.biohazards"),
            Join(
                "external_id",
                "LATERAL jsonb_array_elements({self}.external_ids) WITH ORDINALITY",
                fold=Fold.RECORDS,
                columns="(item, id)",
            ),
        ),
        fields=(
            Field("id", "ID", Kind.WHOLE, "{self}.id"),
            Field("label", "Label", Kind.TEXT, "{self}.label"),
            Field("barcode", "Barcode", Kind.TEXT, "{self}.barcode"),
            Field("additionalLabel", "Additional Label", Kind.TEXT, "{self}.additional_label"),
            Field("lineage", "Lineage", Kind.TEXT, "{self}.lineage", values=("New", "Derived", "Aliquot")),
            Field("class", "Class", Kind.TEXT, "{self}.specimen_class", values="specimen_type"),
            Field("type", "Type", Kind.TEXT, "{self}.type", values="specimen_type"),
            Field("tissueSite", "Anatomic Site", Kind.TEXT, "{self}.anatomic_site", values="anatomic_site"),
            Field("tissueSide", "Laterality", Kind.TEXT, "{self}.laterality", values="laterality"),
            Field(
                "pathologicalStatus",
                "Pathology Status",
                Kind.TEXT,
                "{self}.pathology",
                values="pathology_status",
            ),
            Field("parentSpecimen.parentId", "Parent ID", Kind.TEXT, "{parent_specimen}.id::text"),
            Field("parentSpecimen.parentLabel", "Parent Label", Kind.TEXT, "{parent_specimen}.label"),
            Field("createdOn", "Created On", Kind.INSTANT, "{self}.created_on"),
            Field("creationEvent.createdBy", "Created By", Kind.TEXT, full_name("created_by")),
            Field("initialQty", "Initial Quantity", Kind.QUANTITY, "{self}.initial_qty"),
            Field("availableQty", "Available Quantity", Kind.QUANTITY, "{self}.available_qty"),
            Field("concentration", "Concentration", Kind.QUANTITY, "{self}.concentration"),
            Field("biohazards", "Biohazards", Kind.TEXT, "{biohazard}.value", values="specimen_biohazard"),
            Field(
                "collectionStatus",
                "Collection Status",
                Kind.TEXT,
                "{self}.status",
                values=("Pending", "Collected", "Not Collected", "Missed Collection"),
            ),
            Field(
                "activityStatus",
                "Activity Status",
                Kind.TEXT,
                "{self}.activity_status",
                values=("Active", "Closed"),
            ),
            Field("availabilityStatus", "Availability Status", Kind.TEXT, _AVAILABILITY),
            Field("freezeThawCycles", "Freeze/Thaw Cycles", Kind.WHOLE, "{self}.freeze_thaw_cycles"),
            Field("comments", "Comments", Kind.TEXT, "{self}.comments"),
            Field("externalIds.name", "External ID Name", Kind.TEXT, "{external_id}.item ->> 'name'"),
            Field("externalIds.value", "External ID Value", Kind.TEXT, "{external_id}.item ->> 'value'"),
            Field("requirement.name", "Requirement Name", Kind.TEXT, "{requirement}.name"),
            Field("requirement.code", "Requirement Code", Kind.TEXT, "{requirement}.code"),
            Field("ancestorReqs.name", "Ancestor Requirement Name", Kind.TEXT, "{ancestor}.name"),
            Field("ancestorReqs.code", "Ancestor Requirement Code", Kind.TEXT, "{ancestor}.code"),
            _details(
                "collContainer",
                "Collection Container",
                "collection_container",
                values="collection_container",
            ),
            _details(
                "collProcedure",
                "Collection Procedure",
                "collection_procedure",
                values="collection_procedure",
            ),
            Field("spmnCollRecvDetails.collector", "Collector", Kind.TEXT, full_name("primary_collector")),
            _details("collTime", "Collection Time", "collection_time", Kind.INSTANT),
            _details("collComments", "Collection Comments", "collection_comments"),
            _details("recvQuality", "Received Quality", "received_quality", values="receive_quality"),
            Field("spmnCollRecvDetails.receiver", "Receiver", Kind.TEXT, full_name("primary_receiver")),
            _details("recvTime", "Received Time", "received_time", Kind.INSTANT),
            _details("recvComments", "Receive Comments", "received_comments"),
            *_event(
                "SpecimenCollectionEvent",
                "collection",
                Field(
                    "extensions.SpecimenCollectionEvent.procedure",
                    "Collection Event# Procedure",
                    Kind.TEXT,
                    "{self}.collection_procedure",
                    values="collection_procedure",
                ),
                Field(
                    "extensions.SpecimenCollectionEvent.container",
                    "Collection Event# Container",
                    Kind.TEXT,
                    "{self}.collection_container",
                    values="collection_container",
                ),
            ),
            *_event(
                "SpecimenReceivedEvent",
                "received",
                Field(
                    "extensions.SpecimenReceivedEvent.quality",
                    "Received Event# Quality",
                    Kind.TEXT,
                    "{self}.received_quality",
                    values="receive_quality",
                ),
            ),
            *_event(
                "SpecimenDisposalEvent",
                "disposal",
                Field(
                    "extensions.SpecimenDisposalEvent.reason",
                    "Disposal Event# Reason",
                    Kind.TEXT,
                    "{self}.disposal_reason",
                ),
            ),
            *history_fields(Specimen._meta.db_table, User._meta.db_table),
        ),
    )
)
