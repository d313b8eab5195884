"""Registrations of a protocol, and their visits, by an identifier (spec 03 §2.1)."""

from collections.abc import Sequence

from django.db.models import Q

from biobank.access import Actor
from biobank.wire.errors import INVALID_INPUT, Refused
from specimens.participant.models import MedicalRecord
from specimens.participant.reads import registration_details, registrations_for
from specimens.participant.reads import with_parts as with_person
from specimens.visit.detail import VisitDetail, VisitMatch, VisitMatchQuery
from specimens.visit.models import Visit
from specimens.visit.reads.details import visible, visit_details, with_parts
from specimens.visit.reads.scopes import visits_for

EMPI_MRN, ACCESSION_NO = "EMPI_MRN", "ACCESSION_NO"


def visit_matches(query: VisitMatchQuery, actor: Actor) -> list[VisitMatch]:
    """Registrations whose participant has this eMPI or record number, with all their visits, or with a visit of
    this accession number, with these visits. Only where the caller has PHI rights; oldest first.

    Raises COMMON_INVALID_INPUT for another attribute.
    """
    if query.attr not in (EMPI_MRN, ACCESSION_NO):
        raise Refused(INVALID_INPUT(name="attr", value=query.attr))
    if not query.value:
        return []
    visits = visits_for(actor).order_by("visit_date", "pk")
    rows = with_person(registrations_for(actor, "Read"))  # naming an operation asks for PHI rights
    if query.cp_id not in (None, -1):
        rows = rows.filter(protocol=query.cp_id)
    if query.attr == ACCESSION_NO:
        visits = visits.filter(surgical_pathology_number=query.value)
        rows = rows.filter(pk__in=visits.order_by().values("registration"))
    else:
        numbered = MedicalRecord.objects.filter(mrn=query.value).values("participant")
        rows = rows.filter(Q(participant__empi=query.value) | Q(participant__in=numbered))
    found = list(rows.order_by("pk")[:100])
    by_registration: dict[int | None, list[VisitDetail]] = {}
    held: Sequence[Visit] = list(with_parts(visits).filter(registration__in=[row.pk for row in found]))
    for detail in visit_details(held, phi=visible(actor, held)):
        by_registration.setdefault(detail.cpr_id, []).append(detail)
    return [
        VisitMatch(cpr=detail, visits=by_registration.get(detail.id, []))
        for detail in registration_details(found)
    ]
