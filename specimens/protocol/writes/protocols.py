"""Writing collection protocols: create, replace (spec 02 §A3-§A6)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import Q
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.wire.errors import ACCESS_DENIED, Problem
from sessions_auth.detail import UserSummary
from sessions_auth.reads import Users, load_users
from sites.models import Site
from sites.reads import sites_by_name
from specimens.protocol import below
from specimens.protocol.detail.protocols import ProtocolDetail, SiteLink
from specimens.protocol.models import CollectionProtocol, ProtocolSite
from specimens.protocol.reads.lookups import (
    allowed_among,
    protocols_by_id,
    protocols_by_short_title,
    sites_of,
)
from specimens.protocol.reads.scopes import CREATE, DELETE, PROTOCOL, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules import protocols as rules
from specimens.protocol.writes.deletes import disable_protocols
from specimens.protocol.writes.documents import document_problem, kept_name
from specimens.protocol.writes.filling import COLUMNS, fill
from specimens.protocol.writes.versions import mark_changed

Taken = dict[str, dict[str, int]]  # attribute -> lower-case value -> protocol id


@dataclass(slots=True)
class ProtocolPlan:
    """A protocol as it will be. `sites` maps site ids to the protocol's codes for them."""

    row: CollectionProtocol
    sites: dict[int, str | None]
    coordinators: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch: one query each."""

    actor: Actor
    stored: dict[int, CollectionProtocol]
    updatable: set[int]
    deletable: set[int]
    users: Users
    sites: dict[str, Site]
    links: dict[int, list[ProtocolSite]]
    sites_in_use: dict[int, set[int]]
    with_tiers: set[int]
    registered: dict[int, int]
    taken: Taken
    sources: dict[int | str, CollectionProtocol]


def plan_protocols(changes: Sequence[Change[ProtocolDetail]], actor: Actor) -> list[ProtocolPlan | Refusal]:
    """Decide what each protocol would become; rows of the batch see each other."""
    known = _look_up(changes, actor)
    return [_plan(change, known) for change in changes]


def _look_up(changes: Sequence[Change[ProtocolDetail]], actor: Actor) -> _Known:
    details = [change.detail for change in changes]
    stored = protocols_by_id(change.pk for change in changes)
    leaving = _leaving(changes)
    return _Known(
        actor=actor,
        stored=stored,
        updatable=allowed_among(actor, stored, PROTOCOL, UPDATE),
        deletable=allowed_among(actor, leaving, PROTOCOL, DELETE),
        users=load_users(user for detail in details for user in _people(detail)),
        sites=sites_by_name(link.site_name for detail in details for link in detail.cp_sites or ()),
        links=sites_of(stored),
        sites_in_use=_sites_in_use(stored),
        with_tiers=_with_tiers(stored),
        registered=below.counted(below.registrations(), "protocol", leaving),
        taken=_taken(details),
        sources=_sources(details),
    )


def _leaving(changes: Sequence[Change[ProtocolDetail]]) -> set[int]:
    """The protocols that the batch deletes."""
    return {change.pk for change in changes if change.pk and change.detail.activity_status == "Disabled"}


def _people(detail: ProtocolDetail) -> list[UserSummary | None]:
    return [detail.principal_investigator, *(detail.coordinators or [])]


def _sites_in_use(ids: Iterable[int]) -> dict[int, set[int]]:
    """The sites at which participants of the protocols are registered."""
    found: dict[int, set[int]] = {pk: set() for pk in ids}
    if found:
        rows = below.registrations().filter(protocol_id__in=found, site__isnull=False)
        for protocol_id, site_id in rows.order_by().values_list("protocol_id", "site_id").distinct():
            found[protocol_id].add(site_id)
    return found


def _with_tiers(ids: Iterable[int]) -> set[int]:
    wanted = list(ids)
    if not wanted:
        return set()
    rows = CollectionProtocol.objects.filter(pk__in=wanted, consent_tiers__activity_status="Active")
    return set(rows.values_list("pk", flat=True))


def _taken(details: Sequence[ProtocolDetail]) -> Taken:
    """Who has the titles, short titles and codes of the batch now."""
    titles = {(detail.title or "").lower() for detail in details} - {""}
    shorts = {(detail.short_title or "").lower() for detail in details} - {""}
    cp_codes = {detail.code for detail in details if detail.code}
    rows = CollectionProtocol.objects.annotate(
        low_title=Lower("title"), low_short=Lower("short_title")
    ).filter(Q(low_title__in=titles) | Q(low_short__in=shorts) | Q(code__in=cp_codes))
    taken: Taken = {"title": {}, "short_title": {}, "code": {}}
    for pk, title, short, code in rows.values_list("pk", "low_title", "low_short", "code"):
        taken["title"][title] = taken["short_title"][short] = pk
        if code:
            taken["code"][code] = pk
    return taken


def _sources(details: Sequence[ProtocolDetail]) -> dict[int | str, CollectionProtocol]:
    refs = [detail.consents_source for detail in details if detail.consents_source is not None]
    by_id = protocols_by_id(ref.id for ref in refs)
    by_name = protocols_by_short_title(ref.short_title for ref in refs if ref.id is None)
    return {key: row for found in (by_id, by_name) for key, row in found.items()}


# --- One protocol -----------------------------------------------------------------------------------


def _plan(change: Change[ProtocolDetail], known: _Known) -> ProtocolPlan | Refusal:
    detail = change.detail
    row = CollectionProtocol() if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((codes.CP_NOT_FOUND.missing(key=change.pk),))
    if not row._state.adding and row.pk not in _allowed(detail, known):
        return Refusal((ACCESS_DENIED(),))
    problems = _problems(detail, row, known) or list(_clashes(detail, row, known.taken))
    sites = {
        found.pk: link.code or None
        for link in detail.cp_sites or ()
        if (found := known.sites.get((link.site_name or "").lower()))
    }
    if not problems:
        problems += _site_rights(row, sites, known)
    if problems:
        return Refusal(tuple(problems))
    investigator = known.users.find(detail.principal_investigator, login_first=True)
    coordinators = [known.users.find(ref, login_first=True) for ref in detail.coordinators or ()]
    document = kept_name(detail.sop_document_name, row)
    fill(row, detail, is_new=row._state.adding)
    row.sop_document_name = document
    row.principal_investigator_id = investigator.pk if investigator else 0
    if row._state.adding and detail.consents_source is not None:
        row.consents_source = _source(detail, known)
    _reserve(row, known.taken)
    return ProtocolPlan(row, sites, [user.pk for user in coordinators if user])


def _allowed(detail: ProtocolDetail, known: _Known) -> set[int]:
    """The protocols with which the caller may do this."""
    return known.deletable if detail.activity_status == "Disabled" else known.updatable


def _problems(detail: ProtocolDetail, row: CollectionProtocol, known: _Known) -> list[Problem]:
    """Everything but uniqueness, in the documented order."""
    centric = bool(detail.specimen_centric) if row._state.adding else row.specimen_centric
    return [
        *_site_problems(detail.cp_sites or (), known.sites),
        *rules.title_problems(detail),
        *_people_problems(detail, known.users),
        *rules.own_problems(detail, specimen_centric=centric),
        *_consent_problems(detail, row, known),
        *_removal_problems(detail, row, known),
        *_document_problems(detail, row),
    ]


def _site_problems(links: Sequence[SiteLink], sites: dict[str, Site]) -> Iterator[Problem]:
    named = [link for link in links if link.site_name]
    if not named:
        yield codes.CP_REPOSITORIES_REQUIRED()
    for name in dict.fromkeys(link.site_name or "" for link in named):
        if name.lower() not in sites:
            yield codes.CP_INVALID_REPOSITORIES(value=name)
    if any(len(link.code or "") > 32 for link in named):
        yield codes.TOO_LONG(name="cpSites.code", limit=32)


def _people_problems(detail: ProtocolDetail, users: Users) -> Iterator[Problem]:
    investigator = detail.principal_investigator
    if investigator is None or not (
        investigator.id or investigator.email_address or (investigator.login_name and investigator.domain)
    ):
        yield codes.CP_PI_REQUIRED()
    elif users.find(investigator, login_first=True) is None:
        yield codes.CP_PI_NOT_FOUND()
    if any(users.find(ref, login_first=True) is None for ref in detail.coordinators or ()):
        yield codes.CP_INVALID_COORDINATORS()


def _consent_problems(detail: ProtocolDetail, row: CollectionProtocol, known: _Known) -> Iterator[Problem]:
    if row._state.adding:
        if detail.consents_source is not None and _source(detail, known) is None:
            key = detail.consents_source.id or detail.consents_source.short_title
            yield codes.CP_CONSENTS_SOURCE_NOT_FOUND(key=key)
        source = _source(detail, known)
        if source is not None and (detail.visit_level_consents or source.visit_level_consents):
            yield codes.CP_VISIT_CONSENTS_ENABLED()
        return
    waived = row.consents_waived if detail.consents_waived is None else detail.consents_waived
    if waived != row.consents_waived and row.pk in known.with_tiers:
        yield codes.CP_CONSENT_TIER_FOUND()


def _source(detail: ProtocolDetail, known: _Known) -> CollectionProtocol | None:
    ref = detail.consents_source
    if ref is None:
        return None
    return known.sources.get(ref.id if ref.id is not None else (ref.short_title or "").lower())


def _removal_problems(detail: ProtocolDetail, row: CollectionProtocol, known: _Known) -> Iterator[Problem]:
    """What stands in the way of removing sites, or of deleting through `activityStatus`."""
    if row._state.adding:
        return
    kept = {(link.site_name or "").lower() for link in detail.cp_sites or ()}
    for link in known.links[row.pk]:
        if link.site.name.lower() not in kept and link.site_id in known.sites_in_use[row.pk]:
            yield codes.CP_USED_SITES(value=link.site.name)
    if detail.activity_status == "Disabled" and row.pk in known.registered:
        yield codes.CP_REF_ENTITY_FOUND()


def _document_problems(detail: ProtocolDetail, row: CollectionProtocol) -> Iterator[Problem]:
    problem = document_problem(detail.sop_document_name, row)
    if problem is not None:
        yield problem


def _clashes(detail: ProtocolDetail, row: CollectionProtocol, taken: Taken) -> Iterator[Problem]:
    """Titles, short titles and codes that another protocol has, and codes that two of its sites share."""
    if taken["title"].get((detail.title or "").lower(), row.pk) != row.pk:
        yield codes.CP_DUP_TITLE(value=detail.title)
    if taken["short_title"].get((detail.short_title or "").lower(), row.pk) != row.pk:
        yield codes.CP_DUP_SHORT_TITLE(value=detail.short_title)
    if detail.code and taken["code"].get(detail.code, row.pk) != row.pk:
        yield codes.CP_DUP_CODE(value=detail.code)
    once = {(link.site_name or "").lower(): link.code for link in detail.cp_sites or ()}
    yield from rules.site_code_problems(once.values())


def _reserve(row: CollectionProtocol, taken: Taken) -> None:
    """Let later rows of the batch see the names of this one; -1 is nobody's id."""
    owner = row.pk or -1
    taken["title"][row.title.lower()] = taken["short_title"][row.short_title.lower()] = owner
    if row.code:
        taken["code"][row.code] = owner


def _site_rights(row: CollectionProtocol, sites: dict[int, str | None], known: _Known) -> list[Problem]:
    """Ordinary users need every site in their institute, and to create, the right at every site."""
    actor = known.actor
    if actor.is_super:
        return []
    chosen = [site for site in known.sites.values() if site.pk in sites]
    if any(site.institute_id != actor.institute_id for site in chosen):
        return [codes.CP_CREATOR_DOES_NOT_BELONG_CP_REPOS()]
    if not row._state.adding:
        return []
    grants = [grant for grant in actor.grants_for(PROTOCOL, CREATE) if grant.protocol_id is None]
    reached = {grant.site_id for grant in grants}
    allowed = None in reached or all(site.pk in reached for site in chosen)
    return [] if grants and allowed else [ACCESS_DENIED()]


# --- Writing ----------------------------------------------------------------------------------------


def apply_protocols(plans: Sequence[ProtocolPlan], actor: Actor) -> list[int]:
    """Write the planned protocols, their sites and coordinators; a fixed number of statements."""
    rows = [plan.row for plan in plans]
    stored = [row for row in rows if not row._state.adding]
    insert([row for row in rows if row._state.adding])
    if stored:
        update(stored, [*COLUMNS, "principal_investigator_id"])
        mark_changed(row.pk for row in stored)
    _save_sites(plans)
    _save_coordinators(plans)
    disable_protocols([row.pk for row in rows if row.activity_status == "Disabled"])
    return [row.pk for row in rows]


def _save_sites(plans: Sequence[ProtocolPlan]) -> None:
    """Links are matched by site: those that stay keep their id."""
    present = sites_of(plan.row.pk for plan in plans)
    gone: list[int] = []
    recoded: list[ProtocolSite] = []
    fresh: list[ProtocolSite] = []
    for plan in plans:
        links = {link.site_id: link for link in present[plan.row.pk]}
        gone += [link.pk for site_id, link in links.items() if site_id not in plan.sites]
        for site_id, code in plan.sites.items():
            link = links.get(site_id)
            if link is None:
                fresh.append(ProtocolSite(protocol_id=plan.row.pk, site_id=site_id, code=code))
            elif link.code != code:
                recoded.append(link)
                link.code = code
    if gone:
        ProtocolSite.objects.filter(pk__in=gone).delete()
    if recoded:
        ProtocolSite.objects.filter(pk__in=[link.pk for link in recoded]).update(code=None)
        ProtocolSite.objects.bulk_update(recoded, ["code"])
    insert(fresh)


def _save_coordinators(plans: Sequence[ProtocolPlan]) -> None:
    link = CollectionProtocol.coordinators.through
    wanted = {(plan.row.pk, user_id) for plan in plans for user_id in plan.coordinators}
    rows = link._default_manager.filter(collectionprotocol_id__in=[plan.row.pk for plan in plans])
    present = {(row.collectionprotocol_id, row.user_id): row.pk for row in rows}
    gone = [pk for pair, pk in present.items() if pair not in wanted]
    if gone:
        link._default_manager.filter(pk__in=gone).delete()
    fresh = [pair for pair in sorted(wanted) if pair not in present]
    link._default_manager.bulk_create([link(collectionprotocol_id=cp, user_id=user) for cp, user in fresh])


PROTOCOLS: Door[ProtocolDetail, ProtocolPlan] = Door("collection_protocol", plan_protocols, apply_protocols)
