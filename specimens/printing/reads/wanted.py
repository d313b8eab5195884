"""Whose labels a caller means, and may read (spec 03 §4.5)."""

from collections.abc import Sequence

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.participant.reads import known_registrations
from specimens.participant.rules import NOT_FOUND as REGISTRATION_NOT_FOUND
from specimens.printing.detail import SpecimenPrint, VisitPrint
from specimens.specimen.models import Specimen
from specimens.specimen.reads import known_specimens, specimens_for
from specimens.specimen.rules import NOT_FOUND as SPECIMEN_NOT_FOUND
from specimens.visit.models import Visit
from specimens.visit.reads import known_visits, visits_for
from specimens.visit.rules import NOT_FOUND as VISIT_NOT_FOUND


def specimens(wanted: SpecimenPrint, actor: Actor) -> list[int]:
    """The ids that the first selector names, in its order; trees with parents first.

    Raises SPECIMEN_NOT_FOUND, VISIT_NOT_FOUND, CPR_M_NOT_FOUND, then RBAC_ACCESS_DENIED.
    """
    if wanted.specimen_ids:
        ids = list(dict.fromkeys(wanted.specimen_ids))
        known = set(known_specimens().filter(pk__in=ids).values_list("pk", flat=True))
        return _readable([pk if pk in known else None for pk in ids], ids, actor)
    if wanted.specimen_labels:
        labels = list(dict.fromkeys(wanted.specimen_labels))
        pairs = known_specimens().filter(label__in=labels).order_by("pk").values_list("label", "pk")
        by_label: dict[str | None, list[int | None]] = {}
        for label, pk in pairs:  # a label may be used in several protocols
            by_label.setdefault(label, []).append(pk)
        found = [(pk, label) for label in labels for pk in by_label.get(label, [None])]
        return _readable([pk for pk, _ in found], [label for _, label in found], actor)
    trees = _trees(wanted)
    if trees is None:
        return []
    ids = list(_in_order(trees))
    readable = set(specimens_for(actor).filter(pk__in=ids).values_list("pk", flat=True))
    if ids and not readable:
        raise Refused(ACCESS_DENIED())
    return [pk for pk in ids if pk in readable]


def _readable(found: Sequence[int | None], keys: Sequence[object], actor: Actor) -> list[int]:
    missing = [key for pk, key in zip(found, keys, strict=True) if pk is None]
    if missing:
        raise Refused(*(SPECIMEN_NOT_FOUND(key=key) for key in missing[:10]))
    ids = [pk for pk in found if pk is not None]
    if not actor.is_super and specimens_for(actor).filter(pk__in=ids).count() < len(ids):
        raise Refused(ACCESS_DENIED())
    return ids


def _trees(wanted: SpecimenPrint) -> QuerySet[Specimen] | None:
    """All specimens of the visit, or of the registration; None when nothing is named."""
    if wanted.visit_id is not None or wanted.visit_name:
        visits = known_visits()
        named = visits.filter(pk=wanted.visit_id) if wanted.visit_id is not None else None
        visit = (named if named is not None else visits.filter(name=wanted.visit_name)).first()
        if visit is None:
            raise Refused(VISIT_NOT_FOUND(key=wanted.visit_id or wanted.visit_name))
        return known_specimens().filter(visit=visit)
    rows = known_registrations()
    if wanted.cpr_id is not None:
        rows = rows.filter(pk=wanted.cpr_id)
    elif wanted.ppid and wanted.cp_short_title:
        rows = rows.filter(ppid=wanted.ppid, protocol__short_title__iexact=wanted.cp_short_title)
    else:
        return None
    registration = rows.first()
    if registration is None:
        raise Refused(REGISTRATION_NOT_FOUND(key=wanted.cpr_id or wanted.ppid))
    return known_specimens().filter(
        visit__registration=registration, visit__in=known_visits().filter(registration=registration)
    )


def _in_order(rows: QuerySet[Specimen]) -> QuerySet[Specimen, int]:
    tree = Coalesce("primary", "pk")
    order = (F("visit__visit_date").asc(nulls_last=True), "visit", tree, "pk")
    return rows.order_by(*order).values_list("pk", flat=True)


def visits(wanted: VisitPrint, actor: Actor) -> list[int]:
    """The ids of the visits that are named. Raises VISIT_NOT_FOUND, then RBAC_ACCESS_DENIED."""
    keys: list[int] | list[str] = list(dict.fromkeys(wanted.visit_ids or ()))
    attribute = "pk"
    if not keys:
        keys, attribute = list(dict.fromkeys(wanted.visit_names or ())), "name"
    rows: QuerySet[Visit] = known_visits().filter(**{f"{attribute}__in": keys})
    found: dict[object, int] = {key: pk for key, pk in rows.values_list(attribute, "pk")} if keys else {}
    missing = [key for key in keys if key not in found]
    if missing:
        raise Refused(*(VISIT_NOT_FOUND(key=key) for key in missing[:10]))
    ids = [found[key] for key in keys]
    if ids and not actor.is_super and visits_for(actor).filter(pk__in=ids).count() < len(ids):
        raise Refused(ACCESS_DENIED())
    return ids
