"""CSV import of visits (spec 04 §5.12)."""

from biobank.batch.schema import Cell, Column, ImportSchema, Sub, register
from specimens.visit.detail import VisitDetail
from specimens.visit.writes import VISITS

VISIT = register(
    ImportSchema(
        name="visit",
        label="Visits",
        detail=VisitDetail,
        door=VISITS,
        columns=(
            Column("Identifier", "id"),
            Column("CP Short Title", "cpShortTitle"),
            Column("PPID", "ppid"),
            Column("Event Label", "eventLabel"),
            Column("Name", "name"),
            Column("Visit Date", "visitDate", Cell.INSTANT),
            Column("Visit Site", "site"),
            Column("Visit Status", "status"),
            Column("Clinical Diagnosis", "clinicalDiagnoses", multiple=True),
            Column("Clinical Status", "clinicalStatus"),
            Column("Cohort", "cohort"),
            Column("Path. Number", "surgicalPathologyNumber"),
            Column("Missed/Not Collected Reason", "missedReason"),
            Column("Comments", "comments"),
            Column("Activity Status", "activityStatus"),
            Column("Reason", "opComments"),
            Sub("missedBy", (Column("Email Address", "emailAddress"),), caption="Missed/Not Collected By"),
        ),
    )
)
