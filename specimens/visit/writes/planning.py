"""Deciding what a batch of visits would become (spec 03 §2.3, §2.4, §2.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.batch.rows import Blank
from biobank.wire.errors import ACCESS_DENIED, Problem
from sessions_auth.detail import UserSummary
from sites.rules import SITE_NOT_FOUND
from specimens.participant import rules as registration_rules
from specimens.participant.models import Registration
from specimens.participant.reads import Protocols
from specimens.protocol.labels import LabelFormat, LabelValues
from specimens.protocol.models import CollectionProtocol, Event
from specimens.visit import rules
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.writes.known import Ahead, Known, VisitChange, VisitRemoval

_visit = Blank(Visit)


@dataclass(slots=True, eq=False)
class VisitPlan:
    """A visit as it will be, and what changes for the specimens below it."""

    row: Visit
    is_new: bool
    changed: frozenset[str] = frozenset()  # columns
    old_status: str | None = None
    new_event: bool = False
    new_protocol: bool = False
    gone: bool = False
    pre_printed: bool = False  # its specimens are to be labelled before they are collected
    naming: tuple[LabelFormat, LabelValues] | None = None
    reason: str | None = None


def plan_visits(
    changes: Sequence[VisitChange], actor: Actor, ahead: Ahead | None = None
) -> list[VisitPlan | Refusal]:
    """Decide what each visit would become; rows of the batch see each other.

    A change replaces the visit, but for imports: blank cells leave what is stored alone (spec 04 §3).
    """
    known = Known(changes, actor, ahead)
    return [
        plan_new(change.detail, known) if change.pk is None else plan_change(change.detail, change.pk, known)
        for change in changes
    ]


def plan_new(detail: VisitDetail, known: Known) -> VisitPlan | Refusal:
    """Field problems come first, all of them; then the name."""
    return _planned(detail, None, known)


def plan_change(detail: VisitDetail, pk: int, known: Known) -> VisitPlan | Refusal:
    """Replace a visit, or delete it."""
    row = known.stored.get(pk)
    if row is None:
        return Refusal((rules.NOT_FOUND.missing(key=pk),))
    gone = detail.activity_status == "Disabled"
    if not known.may_change(row, gone=gone):
        return Refusal((ACCESS_DENIED(),))
    protocol = known.protocols.get(row.protocol_id)
    if protocol is not None and protocol.specimen_centric:
        return Refusal((registration_rules.SPECIMEN_CENTRIC(name=protocol.short_title),))
    if gone:
        return _removal(detail, row, known)
    if known.actor.via != "import":
        return _planned(detail, row, known)
    return _planned(_laid_over(detail, row, known), row, known, siteless=_stays_siteless(detail, row))


def _removal(detail: VisitDetail, row: Visit, known: Known) -> VisitPlan | Refusal:
    """Collected specimens stand in the way; an import or a forced delete takes them along."""
    force = known.actor.via == "import" or (isinstance(detail, VisitRemoval) and detail.forced)
    if row.pk in known.collected:
        if not force:
            return Refusal((rules.IN_USE(),))
        if row.protocol_id not in known.cascadable:
            return Refusal((ACCESS_DENIED(),))
    return VisitPlan(row, is_new=False, gone=True, reason=detail.op_comments)


def _planned(
    detail: VisitDetail, row: Visit | None, known: Known, *, siteless: bool = False
) -> VisitPlan | Refusal:
    registration = known.registration(detail)
    problems = list(_registration_problems(detail, registration, known))
    protocol = known.protocols.get(registration.protocol_id) if registration is not None else None
    if protocol is not None and (
        protocol.pk not in known.writable or (registration is not None and registration.pk in known.beyond)
    ):
        return Refusal((ACCESS_DENIED(),))
    problems += rules.visit_problems(detail)
    status = detail.status or rules.COMPLETE
    event = known.event(detail)
    problems += _event_problems(detail, event, protocol, row, status)
    values, wrong = _values(detail, status, row, known)
    problems += wrong
    if problems or registration is None or protocol is None:
        return Refusal(tuple(problems))
    if row is None and detail.activity_status == "Disabled":
        return Refusal((rules.CREATE_DISABLED(),))
    if not values["site_id"] and status not in rules.UNCOLLECTED and not siteless:
        values["site_id"] = known.default_site(registration, event)
    values |= {
        "status": status,
        "registration_id": registration.pk,
        "protocol_id": protocol.pk,
        "event_id": event.pk if event else None,
    }
    naming = None
    if not detail.name or (protocol.visit_name_fmt and protocol.manual_visit_name_enabled):
        naming = _naming(values, registration, event, protocol, known)
    problems += _name_problems(detail, status, row, protocol, naming, known)
    if problems:
        return Refusal(tuple(problems))
    return _accepted(detail, row, values, naming, known)


def _registration_problems(
    detail: VisitDetail, registration: Registration | None, known: Known
) -> Iterator[Problem]:
    if registration is not None:
        protocol = known.protocols.get(registration.protocol_id)
        if protocol is None:
            yield rules.CPR_NOT_FOUND(key=registration.pk)
        elif protocol.specimen_centric:
            yield registration_rules.SPECIMEN_CENTRIC(name=protocol.short_title)
    elif detail.cpr_id is not None:
        yield rules.CPR_NOT_FOUND(key=detail.cpr_id)
    elif not detail.ppid:
        yield rules.PPID_REQUIRED()
    elif Protocols.key(detail) is None:
        yield rules.CP_REQUIRED()
    elif known.named.find(detail) is None:
        yield registration_rules.CP_NOT_FOUND(key=Protocols.key(detail))
    else:
        yield rules.CPR_NOT_FOUND(key=detail.ppid)


def _event_problems(
    detail: VisitDetail,
    event: Event | None,
    protocol: CollectionProtocol | None,
    row: Visit | None,
    status: str,
) -> Iterator[Problem]:
    if event is None:
        if detail.event_id is not None or detail.event_label:
            yield rules.EVENT_NOT_FOUND(key=detail.event_id or detail.event_label)
        return
    if protocol is not None and event.protocol_id != protocol.pk:
        yield rules.INVALID_EVENT()
    completed = row is not None and status == rules.COMPLETE and row.status != rules.COMPLETE
    if event.activity_status == "Closed" and (row is None or completed):
        yield rules.EVENT_CLOSED(label=event.label)


def _values(
    detail: VisitDetail, status: str, row: Visit | None, known: Known
) -> tuple[dict[str, Any], list[Problem]]:
    """The columns of the visit that come from the detail alone, coded values in their stored spelling.

    What the visit holds already stays allowed when the pick list has since lost it.
    """
    problems: list[Problem] = []
    held = set() if row is None else _coded_texts(row)

    def coded(attribute: str, text: str | None) -> str | None:
        found = known.terms.canonical(attribute, text) if text else None
        if found is None and (attribute, text) in held:
            return text
        if text and found is None:
            problems.append(rules.INVALID_VALUE[attribute](value=text))
        return found

    site_id = known.sites.get(detail.site.lower()) if detail.site else None
    if detail.site and site_id is None:
        problems.append(SITE_NOT_FOUND(key=detail.site))
    values: dict[str, Any] = {
        "visit_date": detail.visit_date or known.now,
        "site_id": site_id,
        "clinical_diagnoses": [
            value
            for text in dict.fromkeys(detail.clinical_diagnoses or ())
            if (value := coded("clinical_diagnosis", text))
        ],
        "clinical_status": coded("clinical_status", detail.clinical_status),
        "cohort": coded("cohort", detail.cohort),
        "surgical_pathology_number": detail.surgical_pathology_number or None,
        "comments": detail.comments or None,
        "missed_reason": None,
        "missed_by_id": None,
        "activity_status": detail.activity_status or "Active",
    }
    if status in rules.UNCOLLECTED:
        values["missed_reason"] = coded("missed_visit_reason", detail.missed_reason)
        user = known.users.find(detail.missed_by)
        if detail.missed_by is not None and user is None:
            problems.append(rules.MISSED_USER(key=detail.missed_by.id or detail.missed_by.email_address))
        values["missed_by_id"] = None if user is None else user.pk
    return values, problems


def _coded_texts(row: Visit) -> set[tuple[str, str | None]]:
    """The pick-list values a visit holds, by attribute."""
    found: set[tuple[str, str | None]] = {("clinical_diagnosis", text) for text in row.clinical_diagnoses}
    found |= {("clinical_status", row.clinical_status), ("cohort", row.cohort)}
    return found | {("missed_visit_reason", row.missed_reason)}


def _naming(
    values: dict[str, Any],
    registration: Registration,
    event: Event | None,
    protocol: CollectionProtocol,
    known: Known,
) -> tuple[LabelFormat, LabelValues]:
    """The template of the visit's name, and what its tokens may ask."""
    pv = known.terms.find("clinical_status", values["clinical_status"])
    fmt = known.format_of(protocol, planned=event is not None)
    return fmt, LabelValues(
        cp_id=protocol.pk,
        cp_code=protocol.code,
        by_label=protocol.label_sequence_key == "LABEL",
        registration_id=registration.pk,
        ppid=registration.ppid,
        visit_date=values["visit_date"],
        event_id=event.pk if event else None,
        event_label=event.label if event else None,
        event_code=event.code if event else None,
        clinical_status=values["clinical_status"],
        visit_site_code=known.site_codes.code(protocol.pk, values["site_id"])
        if fmt.uses("VISIT_SITE_CODE")
        else None,
        clinical_status_abbr=pv[0].props.get("abbreviation") if pv else None,
    )


def _name_problems(
    detail: VisitDetail,
    status: str,
    row: Visit | None,
    protocol: CollectionProtocol,
    naming: tuple[LabelFormat, LabelValues] | None,
    known: Known,
) -> Iterator[Problem]:
    """The rules of names; a name that does not change is not checked again."""
    name = detail.name
    if row is not None and name == row.name:
        return
    has_format, manual = bool(protocol.visit_name_fmt), protocol.manual_visit_name_enabled
    fits = not name or naming is None or naming[0].matches(name, naming[1])
    problem = rules.name_problem(name, status=status, has_format=has_format, manual=manual, fits=fits)
    if problem is not None:
        yield problem
    elif name and known.names.get((0, name), row.pk if row else None) != (row.pk if row else None):
        yield rules.DUP_NAME(name=name)


def _accepted(
    detail: VisitDetail,
    row: Visit | None,
    values: dict[str, Any],
    naming: tuple[LabelFormat, LabelValues] | None,
    known: Known,
) -> VisitPlan:
    values["name"] = detail.name or ""
    if row is None:
        if values["surgical_pathology_number"] == rules.MASK:
            values["surgical_pathology_number"] = None
        plan = VisitPlan(_visit(**values), is_new=True)
    else:
        plan = VisitPlan(row, is_new=False, old_status=row.status)
        plan.new_event = row.event_id != values["event_id"]
        plan.new_protocol = row.protocol_id != values["protocol_id"]
        if values["surgical_pathology_number"] == rules.MASK:  # what callers without PHI rights read
            del values["surgical_pathology_number"]
        values = {name: value for name, value in values.items() if value != getattr(row, name)}
        plan.changed = frozenset(values)
        for name, value in values.items():
            setattr(row, name, value)
    plan.pre_printed = is_pre_printed(known.protocols[plan.row.protocol_id])
    plan.reason = detail.op_comments
    if detail.name:
        known.names[0, detail.name] = row.pk if row is not None else -1
    else:
        plan.naming = naming
    known.note_site(plan.row)
    return plan


def is_pre_printed(protocol: CollectionProtocol) -> bool:
    """Whether the protocol labels specimens before they are collected, at the latest with the visit (§2.3)."""
    mode = protocol.spmn_label_pre_print_mode
    return mode in ("ON_REGISTRATION", "ON_VISIT") and not protocol.manual_spec_label_enabled


_COLUMNS = (
    "name", "status", "visit_date", "clinical_diagnoses", "clinical_status", "cohort", "surgical_pathology_number",
    "comments", "missed_reason", "activity_status",
)  # fmt: skip


def _same_minute(said: datetime | None, stored: datetime | None) -> bool:
    return stored is not None and said == stored.replace(second=0, microsecond=0)


def _stays_siteless(detail: VisitDetail, row: Visit) -> bool:
    """Whether a visit without site needs none still: the row of the file says nothing of where it was."""
    return row.site_id is None and not detail.sent("site") and detail.status in (None, "", row.status)


def _laid_over(detail: VisitDetail, row: Visit, known: Known) -> VisitDetail:
    """The stored visit with the keys that were sent laid over it."""
    sent = detail.model_fields_set
    full = detail.model_copy()
    for name in _COLUMNS:
        if name not in sent:
            setattr(full, name, getattr(row, name))
    if _same_minute(detail.visit_date, row.visit_date):  # files do not show the seconds
        full.visit_date = row.visit_date
    if known.registration(detail) is None and not ({"cpr_id", "ppid"} & sent):
        full.cpr_id = row.registration_id
    if not ({"event_id", "event_label"} & sent):
        full.event_id = row.event_id
    if "missed_by" not in sent and row.missed_by_id is not None:
        full.missed_by = UserSummary(id=row.missed_by_id)
    if "site" not in sent:
        full.site = row.site.name if row.site else None
    return full
