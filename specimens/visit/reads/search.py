"""Finding visits by name, by accession number, or as the latest of a registration (spec 03 §2.1)."""

from collections.abc import Sequence

from django.db.models import F, QuerySet

from biobank.access import Actor
from biobank.wire.errors import Refused
from specimens.participant.models import Registration
from specimens.protocol.reads import protocols_for
from specimens.visit import rules
from specimens.visit.detail import VisitDetail, VisitNamesQuery, VisitSearchQuery
from specimens.visit.models import Visit
from specimens.visit.reads.details import visible, visit_details, with_parts
from specimens.visit.reads.scopes import known_visits, visits_for


def named(query: VisitNamesQuery, actor: Actor) -> list[VisitDetail]:
    """The readable visits with these names (none given: all), by id; three queries at most."""
    rows = with_parts(visits_for(actor)).order_by("pk")
    if query.name:
        rows = rows.filter(name__in=query.name)
    found: Sequence[Visit] = query.page(rows)
    return visit_details(found, phi=visible(actor, found))


def by_name_or_number(query: VisitSearchQuery, actor: Actor) -> list[VisitDetail]:
    """Visits by name, else by accession number, masked always. Raises VISIT_NOT_FOUND for an unknown name."""
    rows = with_parts(visits_for(actor)).order_by("pk")
    if query.visit_name:
        if not _listed_visits().filter(name=query.visit_name).exists():
            raise Refused(rules.NOT_FOUND.missing(key=query.visit_name))
        rows = rows.filter(name=query.visit_name)
    elif query.spr_number:
        rows = rows.filter(surgical_pathology_number=query.spr_number)
        if not actor.is_super:
            rows = rows.filter(protocol__in=protocols_for(actor, "ParticipantPhi", "Read"))
    return visit_details(list(rows[:100]), phi=())


def _listed_visits() -> QuerySet[Visit]:
    return known_visits().exclude(protocol__specimen_centric=True)


def latest(registration: Registration) -> VisitDetail | None:
    """The newest visit of a registration, masked always."""
    rows = with_parts(_listed_visits()).filter(registration=registration)
    found = rows.order_by(F("visit_date").desc(nulls_last=True), "-pk").first()
    return None if found is None else visit_details([found], phi=())[0]
