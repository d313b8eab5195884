"""Reading institutes and sites: lists, single records, look-ups for batches, and who sees which site."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Lower

from biobank.access import OPERATIONS, RESOURCES, Actor
from biobank.wire.errors import ACCESS_DENIED, Problem, Refused, refuse_if
from sites.detail import (
    Coordinator,
    Dependents,
    InstituteDetail,
    InstituteQuery,
    SiteDetail,
    SiteQuery,
    SiteSummary,
)
from sites.filters import NameFilter, SiteFilter
from sites.models import Institute, Site
from sites.rules import INSTITUTE_NOT_FOUND, OPERATION_NOT_FOUND, RESOURCE_NOT_FOUND, SITE_NOT_FOUND


def institutes() -> QuerySet[Institute]:
    """Institutes that have not been deleted."""
    return Institute.objects.exclude(activity_status="Disabled")


def listed_institutes(query: InstituteQuery) -> QuerySet[Institute]:
    rows = institutes().exclude(activity_status="Closed")
    if query.id:
        rows = rows.filter(pk__in=query.id)
    found: QuerySet[Institute] = NameFilter(query.model_dump(), rows).qs
    return found.order_by(Lower("name"), "pk")


def institute_details(rows: Sequence[Institute], *, stats: bool = False) -> list[InstituteDetail]:
    """Details in the order given; two queries at most."""
    users: dict[int, int] = {}
    if stats:
        counted = Institute.objects.filter(pk__in=[row.pk for row in rows]).annotate(
            n=Count("users", filter=~Q(users__activity_status="Disabled"))
        )
        users = dict(counted.values_list("pk", "n"))
    return [
        InstituteDetail.model_construct(
            id=row.pk, name=row.name, activity_status=row.activity_status, users_count=users.get(row.pk, 0)
        )
        for row in rows
    ]


def institute(*, pk: int | None = None, name: str | None = None) -> Institute:
    """The institute addressed by a request. Raises INSTITUTE_NOT_FOUND."""
    found = institutes().filter(Q(pk=pk) if pk is not None else Q(name__iexact=name or "")).first()
    if found is None:
        raise Refused(INSTITUTE_NOT_FOUND.missing(key=name if pk is None else pk))
    return found


def institutes_known(pks: Sequence[int]) -> dict[int, InstituteDetail]:
    """Institutes that were not deleted, in full, by key; one query."""
    return {row.pk: institute_details([row])[0] for row in institutes().in_bulk(list(pks)).values()}


def institutes_by_name(names: Iterable[str | None]) -> dict[str, Institute]:
    """Institutes by lower-case name, one query."""
    wanted = {name.lower() for name in names if name}
    if not wanted:
        return {}
    rows = institutes().annotate(lowered=Lower("name")).filter(lowered__in=wanted)
    return {row.name.lower(): row for row in rows}


def institute_dependents(pks: Iterable[int]) -> dict[int, list[Dependents]]:
    """What keeps institutes from being deleted, by institute: sites, users, user groups; one query a kind."""
    references = [(name, relation, "institute", None) for name, relation in _OF_INSTITUTES]
    return _dependents(references, pks)


_OF_INSTITUTES = (
    ("site", "sites.Site"),
    ("user", settings.AUTH_USER_MODEL),
    ("user_group", "sessions_auth.UserGroup"),
)


def _dependents(
    references: Iterable[tuple[str, str, str, str | None]], pks: Iterable[int]
) -> dict[int, list[Dependents]]:
    """Counts by what is referred to: (name to tell, model, its reference, relation to the record it lives with)."""
    wanted = list(pks)
    found: dict[int, list[Dependents]] = {pk: [] for pk in wanted}
    if not wanted:
        return found
    for name, model, reference, lives_with in references:
        rows = apps.get_model(model)._default_manager.filter(**{f"{reference}__in": wanted})
        holder = f"{lives_with}__activity_status" if lives_with else "activity_status"
        counted = rows.exclude(**{holder: "Disabled"}).order_by().values(reference).annotate(n=Count("pk"))
        for pk, count in counted.values_list(reference, "n"):
            found[pk].append(Dependents(name=name, count=count))
    return found


def sites() -> QuerySet[Site]:
    """Sites that have not been deleted."""
    return Site.objects.exclude(activity_status="Disabled")


def sites_for(actor: Actor, resource: str | None = None, *operations: str) -> QuerySet[Site]:
    """The sites an actor may see, or where they hold a right (spec 01 §E.2, §D.7)."""
    rows = sites()
    if actor.is_super:
        return rows
    if actor.is_institute_admin:
        return rows.filter(institute=actor.institute_id)
    grants = actor.grants_for(resource, *operations) if resource else actor.grants
    named = {grant.site_id for grant in grants if grant.site_id is not None}
    condition = Q(pk__in=named)
    if any(grant.site_id is None for grant in grants):
        condition |= Q(institute=actor.institute_id)
    return rows.filter(condition)


def listed_sites(query: SiteQuery, actor: Actor) -> QuerySet[Site]:
    widened = query.list_all and any(
        actor.has_any(resource, "Create", "Update")
        for resource in ("ParticipantPhi", "Order", "ShippingAndTracking")
    )
    refuse_if(_unknown_words(query))
    rows = sites() if widened else sites_for(actor, query.resource, query.operation or "Read")
    rows = rows.exclude(activity_status="Closed").select_related("institute")
    found: QuerySet[Site] = SiteFilter(query.model_dump(), rows).qs
    rows = found
    if query.include_type:
        rows = rows.filter(type__in=query.include_type)
    if query.exclude_type:
        rows = rows.exclude(type__in=query.exclude_type)
    if query.include_stats:
        links = Site.protocol_sites.rel.related_model._default_manager.filter(site=OuterRef("pk"))
        counted = (
            links.exclude(protocol__activity_status="Disabled")
            .order_by()
            .values("site")
            .annotate(n=Count("pk"))
        )
        rows = rows.annotate(
            cp_total=Coalesce(Subquery(counted.values("n")), Value(0), output_field=IntegerField())
        )
    return rows.order_by(Lower("name"), "pk")


def _unknown_words(query: SiteQuery) -> Iterator[Problem]:
    """Resource or operation of the query that nobody knows, neither the server nor the installation."""
    given = {"resource": query.resource, "operation": query.operation}
    shipped = {"resource": RESOURCES, "operation": OPERATIONS}
    strange = {kind: name for kind, name in given.items() if name and name not in shipped[kind]}
    if not strange:
        return
    words = apps.get_model("sessions_auth.RightWord")._default_manager.filter(name__in=strange.values())
    added = set(words.values_list("kind", "name"))
    for kind, name in strange.items():
        if (kind, name) not in added:
            yield (RESOURCE_NOT_FOUND if kind == "resource" else OPERATION_NOT_FOUND)(key=name)


def count_sites(query: SiteQuery) -> int:
    """How many sites match by name and institute, whoever asks (spec 01 §E.2)."""
    rows = sites().exclude(activity_status="Closed")
    return int(SiteFilter(query.model_dump(), rows).qs.count())


def site_summaries(rows: Iterable[Site]) -> list[SiteSummary]:
    """Summaries in the order given; the institutes must be loaded."""
    return [SiteSummary.model_construct(**_common(row)) for row in rows]


def _common(row: Site) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "institute_name": row.institute.name,
        "code": row.code,
        "type": row.type,
        "activity_status": row.activity_status,
        "cp_count": getattr(row, "cp_total", 0),
    }


def site_details(pks: Sequence[int]) -> list[SiteDetail]:
    """Details in the order of `pks`, two queries; deleted sites too (a delete answers the renamed record)."""
    users = get_user_model().objects.select_related("domain", "institute").order_by("pk")
    rows = Site.objects.select_related("institute").prefetch_related(Prefetch("coordinators", queryset=users))
    found = rows.in_bulk(list(pks))
    return [
        SiteDetail.model_construct(
            **_common(row),
            address=row.address,
            coordinators=[_coordinator(user) for user in row.coordinators.all()],
            extension_detail=None,
            op_comments=None,
        )
        for row in (found[pk] for pk in pks)
    ]


def sites_known(pks: Sequence[int]) -> dict[int, SiteDetail]:
    """Sites that were not deleted, in full, by key; three queries."""
    there = set(sites().filter(pk__in=pks).values_list("pk", flat=True))
    return {pk: detail for pk, detail in zip(there, site_details(list(there)), strict=True)}


def administered(pks: Sequence[int], actor: Actor) -> set[int]:
    """Those of the sites that the caller may change (see `rules.may_change_site`); no query for super users."""
    if actor.is_super:
        return set(pks)
    if not actor.is_institute_admin:
        return set()
    rows = sites().filter(pk__in=pks, institute=actor.institute_id)
    return set(rows.values_list("pk", flat=True))


def _coordinator(user: object) -> Coordinator:
    return Coordinator.model_construct(
        id=user.pk,  # type: ignore[attr-defined]
        domain=user.domain.name,  # type: ignore[attr-defined]
        institute_name=user.institute.name,  # type: ignore[attr-defined]
        **{
            name: getattr(user, name)
            for name in (
                "type", "first_name", "last_name", "login_name", "email_address", "institute_id", "activity_status",
            )
        },
    )  # fmt: skip


def site(actor: Actor, *, pk: int | None = None, name: str | None = None) -> SiteDetail:
    """The site addressed by a request. Raises SITE_NOT_FOUND, then RBAC_ACCESS_DENIED (existence first)."""
    found = sites().filter(Q(pk=pk) if pk is not None else Q(name__iexact=name or "")).first()
    if found is None:
        raise Refused(SITE_NOT_FOUND.missing(key=name if pk is None else pk))
    may_ship = actor.has_any("ShippingAndTracking", "Create")
    if not may_ship and not sites_for(actor).filter(pk=found.pk).exists():
        raise Refused(ACCESS_DENIED())
    return site_details([found.pk])[0]


def sites_by_name(names: Iterable[str | None]) -> dict[str, Site]:
    """Sites that were not deleted, by lower-case name, one query."""
    wanted = {name.lower() for name in names if name}
    if not wanted:
        return {}
    rows = sites().annotate(lowered=Lower("name")).filter(lowered__in=wanted)
    return {row.name.lower(): row for row in rows.select_related("institute")}


def keys_by_name(rows: QuerySet[Site], names: Iterable[str]) -> dict[str, int]:
    """The keys of those of the sites that have one of the names, by lower-case name; one query."""
    found = rows.annotate(lowered=Lower("name")).filter(lowered__in=set(names))
    return dict(found.values_list("lowered", "pk"))


# What refers to a site: name to tell (spec 01 §E.2), model, its reference, relation to the record it lives with
_OF_SITES = (
    ("visit", "visit.Visit", "site", None),
    ("collection_protocol", "protocol.ProtocolSite", "site", "protocol"),
    ("participant", "participant.MedicalRecord", "site", "participant"),
    ("collection_protocol_event", "protocol.Event", "default_site", None),
)


def site_dependents(pks: Iterable[int]) -> dict[int, list[Dependents]]:
    """What keeps sites from being deleted, by site; one query a kind."""
    return _dependents(_OF_SITES, pks)
