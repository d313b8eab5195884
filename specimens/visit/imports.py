"""CSV of visits: what imports read, templates show and exports write (spec 04 §5.12)."""

from biobank.batch.schema import ALL, Attachments, Cell, Column, Export, ImportSchema, Matching, Sub, register
from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Problem
from sites.rules import SITE_NOT_FOUND
from specimens.participant.rules import CP_NOT_FOUND, SPECIMEN_CENTRIC
from specimens.visit import rules
from specimens.visit.detail import VisitDetail
from specimens.visit.reads.exports import report_files, visit_batches
from specimens.visit.reads.meant import visit_keys, visits_meant
from specimens.visit.writes import VISITS
from specimens.visit.writes.reports import attach

_CODED = rules.INVALID_VALUE


def _missing(detail: VisitDetail) -> Problem:
    if detail.id is None and not detail.name:
        return rules.NAME_REQUIRED()
    return rules.NOT_FOUND(key=detail.name if detail.id is None else detail.id)


VISIT = register(
    ImportSchema(
        name="visit",
        label="Visits",
        detail=VisitDetail,
        door=VISITS,
        operations=ALL,
        matching=Matching(visits_meant, _missing, visit_keys, upserts=True),
        attachments=Attachments(
            name_of=lambda detail: detail.spr_name or None,
            missing=lambda name: rules.REPORT_NOT_SENT(name=name),
            attach=attach,
        ),
        columns=(
            Column(
                "Identifier",
                "id",
                Cell.WHOLE,
                codes=(rules.NOT_FOUND.code,),
                hint="The visit's id; blank on create",
            ),
            Column(
                "CP Short Title",
                "cpShortTitle",
                codes=(rules.CP_REQUIRED.code, CP_NOT_FOUND.code, SPECIMEN_CENTRIC.code),
                hint="The short title of the collection protocol, in any case",
            ),
            Column(
                "PPID",
                "ppid",
                codes=(rules.PPID_REQUIRED.code, rules.CPR_NOT_FOUND.code),
                hint="The participant's id in the protocol",
            ),
            Column(
                "Event Label",
                "eventLabel",
                codes=(rules.EVENT_NOT_FOUND.code, rules.EVENT_CLOSED.code, rules.INVALID_EVENT.code),
                hint="An event of the protocol; blank for an unplanned visit",
            ),
            Column(
                "Name",
                "name",
                codes=(
                    rules.NAME_REQUIRED.code,
                    rules.DUP_NAME.code,
                    rules.INVALID_NAME.code,
                    rules.MANUAL_NAME.code,
                ),
                hint="Unique among all visits; blank where the server makes the names",
            ),
            Column(
                "Visit Date", "visitDate", Cell.DATE, hint="With or without the time; blank on create: now"
            ),
            Column(
                "Visit Site",
                "site",
                codes=(SITE_NOT_FOUND.code,),
                hint="The name of a site; blank on create: the event's, else that of the participant's last visit",
            ),
            Column(
                "Visit Status",
                "status",
                codes=(rules.INVALID_STATUS.code, rules.COMPLETE_REQUIRED.code),
                hint=f"{', '.join(rules.STATUSES)}; blank on create: {rules.COMPLETE}",
            ),
            Column(
                "Clinical Diagnosis",
                "clinicalDiagnoses",
                multiple=True,
                codes=(_CODED["clinical_diagnosis"].code,),
                hint="Values of the pick list clinical_diagnosis",
            ),
            Column(
                "Clinical Status",
                "clinicalStatus",
                codes=(_CODED["clinical_status"].code,),
                hint="A value of the pick list clinical_status",
            ),
            Column(
                "Cohort", "cohort", codes=(_CODED["cohort"].code,), hint="A value of the pick list cohort"
            ),
            Column("Path. Number", "surgicalPathologyNumber"),
            Column(
                "Path Report Name",
                "sprName",
                Cell.FILE,
                codes=(rules.REPORT_LOST.code, rules.REPORT_LOCKED.code),
                hint="The name of a file in the folder files/ of the archive",
            ),
            Column(
                "Missed/Not Collected Reason",
                "missedReason",
                codes=(_CODED["missed_visit_reason"].code,),
                hint="A value of the pick list missed_visit_reason",
            ),
            Column("Comments", "comments"),
            Column(
                "Activity Status",
                "activityStatus",
                codes=(ACTIVITY_STATUS_INVALID.code, rules.CREATE_DISABLED.code, rules.IN_USE.code),
                hint="Active, Closed, or Disabled: deletes the visit and its specimens",
            ),
            Column("Reason", "opComments", hint="Why; kept in the visit's history"),
            Sub(
                "missedBy",
                (Column("Email Address", "emailAddress", codes=(rules.MISSED_USER.code,)),),
                caption="Missed/Not Collected By",
            ),
        ),
        export=Export(visit_batches, files=report_files),
        about="Visits of registered participants. A row names the protocol and the PPID; with an event label it is "
        "that planned visit, without one an unplanned visit. Updates find the visit by its id, else by its name. A "
        "pathology report comes along in an archive and is kept once the visit is saved.",
    )
)
