"""Writing institutes and sites: plan a batch, apply it (spec 01 §E.1, §E.2)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.patching import laid
from biobank.batch.update import update
from biobank.records import disable
from biobank.wire.errors import Problem, refuse_if
from sites import reads, rules
from sites.detail import BulkSites, Coordinator, InstituteDetail, SiteDetail
from sites.models import Institute, Site
from terminology.reads import Terms, load_terms

# Told the keys of the sites that were written: the rights of coordinators follow, but are kept further down
FOLLOWERS: list[Callable[[Sequence[int]], None]] = []

# --- Institutes -------------------------------------------------------------------------------------


def plan_institutes(changes: Sequence[Change[InstituteDetail]], actor: Actor) -> list[Institute | Refusal]:
    """Decide what each institute would become; rows of the batch see each other."""
    stored = reads.institutes().in_bulk([change.pk for change in changes if change.pk is not None])
    taken = {
        name: pk
        for pk, name in Institute.objects.annotate(lowered=Lower("name"))
        .filter(lowered__in={(change.detail.name or "").lower() for change in changes})
        .values_list("pk", "lowered")
    }
    in_use = {pk for pk, found in reads.institute_dependents(_deleted(changes)).items() if found}
    return [_plan_institute(change, stored, taken, in_use, actor) for change in changes]


def _deleted(changes: Sequence[Change[InstituteDetail]] | Sequence[Change[SiteDetail]]) -> list[int]:
    """The keys of the records that a batch wants to delete."""
    return [change.pk for change in changes if change.pk and change.detail.activity_status == "Disabled"]


def _plan_institute(
    change: Change[InstituteDetail],
    stored: dict[int, Institute],
    taken: dict[str, int],
    in_use: set[int],
    actor: Actor,
) -> Institute | Refusal:
    detail = change.detail
    row = Institute() if change.pk is None else stored.get(change.pk)
    if row is None:
        return Refusal((rules.INSTITUTE_NOT_FOUND.missing(key=change.pk),))
    problems = list(rules.institute_problems(detail, actor))
    name = detail.name or ""
    if not problems and taken.get(name.lower(), row.pk) != row.pk:
        problems.append(rules.INSTITUTE_DUP_NAME(name=name))
    if not problems and row.pk in in_use:
        problems.append(rules.INSTITUTE_IN_USE())
    if problems:
        return Refusal(tuple(problems))
    taken[name.lower()] = row.pk or -1
    row.name, row.activity_status = name, detail.activity_status or "Active"
    return row


def apply_institutes(plans: Sequence[Institute], actor: Actor) -> list[int]:
    """Write the planned institutes; three statements whatever their number."""
    _save(plans, ("name", "activity_status"), name=255)
    return [row.pk for row in plans]


INSTITUTES: Door[InstituteDetail, Institute] = Door("institute", plan_institutes, apply_institutes)


def delete_institutes(pks: Sequence[int], actor: Actor, *, close: bool = False) -> list[int]:
    """Delete (or close) institutes, all or none."""
    status = "Closed" if close else "Disabled"
    names = dict(Institute.objects.filter(pk__in=pks).values_list("pk", "name"))
    wanted = dict.fromkeys(pks)
    changes = [Change(InstituteDetail(name=names.get(pk, "?"), activity_status=status), pk) for pk in wanted]
    return INSTITUTES.write(changes, actor)


# --- Sites ------------------------------------------------------------------------------------------


_COLUMNS = ("name", "institute_id", "code", "type", "address", "activity_status")


@dataclass(slots=True)
class SitePlan:
    """A site as it will be; `coordinators` None leaves them as they are."""

    row: Site
    coordinators: list[int] | None = None


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch of sites: one query each."""

    stored: dict[int, Site]
    institutes: dict[str, Institute]
    terms: Terms
    names: dict[str, int]
    codes: dict[str, int]
    in_use: set[int]
    users: "_Users"
    actor: Actor


class _Users:
    def __init__(self, references: Iterable[Coordinator]) -> None:
        wanted = list(references)
        condition = Q(pk__in=[ref.id for ref in wanted if ref.id])
        emails = [ref.email_address.lower() for ref in wanted if ref.email_address]
        people = (
            get_user_model().objects.exclude(activity_status="Disabled").annotate(low=Lower("email_address"))
        )
        rows: list[Any] = list(people.filter(condition | Q(low__in=emails))) if wanted else []
        self._by_id = {row.pk: row for row in rows}
        self._by_email = {row.email_address.lower(): row for row in rows}

    def find(self, ref: Coordinator) -> Any:
        return self._by_id.get(ref.id) if ref.id else self._by_email.get((ref.email_address or "").lower())


def plan_sites(changes: Sequence[Change[SiteDetail]], actor: Actor) -> list[SitePlan | Refusal]:
    """Decide what each site would become; rows of the batch see each other."""
    details = [change.detail for change in changes]
    names = {(detail.name or "").lower() for detail in details}
    codes = {(detail.code or "").lower() for detail in details} - {""}
    sites = Site.objects.annotate(low_name=Lower("name"), low_code=Lower("code"))
    clashes = list(
        sites.filter(Q(low_name__in=names) | Q(low_code__in=codes)).values_list("pk", "low_name", "low_code")
    )
    known = _Known(
        stored=reads.sites().in_bulk([change.pk for change in changes if change.pk is not None]),
        institutes=reads.institutes_by_name(detail.institute_name for detail in details),
        terms=load_terms({"site_type": [detail.type for detail in details]}),
        names={name: pk for pk, name, _ in clashes},
        codes={code: pk for pk, _, code in clashes if code},
        in_use={pk for pk, found in reads.site_dependents(_deleted(changes)).items() if found},
        users=_Users(ref for detail in details for ref in detail.coordinators or []),
        actor=actor,
    )
    return [_plan_site(change, known) for change in changes]


def _plan_site(change: Change[SiteDetail], known: _Known) -> SitePlan | Refusal:
    detail = change.detail
    row = Site() if change.pk is None else known.stored.get(change.pk)
    if row is None:
        return Refusal((rules.SITE_NOT_FOUND.missing(key=change.pk),))
    institute = known.institutes.get((detail.institute_name or "").lower())
    if denied := _rights(row, institute, known.actor):
        return Refusal((denied,))
    problems = list(rules.site_problems(detail))
    if institute is None and detail.institute_name:
        problems.append(rules.INSTITUTE_NOT_FOUND(key=detail.institute_name))
    kind = known.terms.canonical("site_type", detail.type)
    if kind is None and detail.type:
        problems.append(rules.SITE_INVALID_TYPE(type=detail.type))
    coordinators, wrong = _coordinators(detail, institute, known.users)
    problems += wrong
    problems = problems or list(_clashes(detail, row, known))
    if not problems and row.pk in known.in_use:
        problems.append(rules.SITE_IN_USE())
    if problems or institute is None or kind is None:
        return Refusal(tuple(problems))
    row.name, row.code, row.type, row.address = (
        detail.name or "",
        detail.code or None,
        kind,
        detail.address or None,
    )
    row.institute, row.activity_status = institute, detail.activity_status or "Active"
    known.names[row.name.lower()] = row.pk or -1
    if row.code:
        known.codes[row.code.lower()] = row.pk or -1
    return SitePlan(row, coordinators)


def _rights(row: Site, institute: Institute | None, actor: Actor) -> Problem | None:
    """The caller must administer the institute the site is in, and the one it moves to."""
    ids = {institute.pk if institute is not None else actor.institute_id}
    ids |= {row.institute_id} if row.pk else set()
    found = (rules.may_change_site(actor, pk) for pk in sorted(ids))
    return next((problem for problem in found if problem is not None), None)


def _coordinators(
    detail: SiteDetail, institute: Institute | None, users: _Users
) -> tuple[list[int] | None, list[Problem]]:
    if not detail.sent("coordinators") or detail.coordinators is None:
        return ([] if not detail.sent("coordinators") else None), []
    found: list[int] = []
    problems: list[Problem] = []
    for ref in detail.coordinators:
        if not ref.id and not ref.email_address:
            continue
        user = users.find(ref)
        if user is None:
            problems.append(rules.COORDINATOR_NOT_FOUND(key=ref.id or ref.email_address))
        elif institute is not None and user.institute_id != institute.pk:
            problems.append(rules.SITE_INVALID_COORDINATOR())
        else:
            found.append(user.pk)
    return found, problems


def _clashes(detail: SiteDetail, row: Site, known: _Known) -> Iterable[Problem]:
    if known.names.get((detail.name or "").lower(), row.pk) != row.pk:
        yield rules.SITE_DUP_NAME(name=detail.name)
    if detail.code and known.codes.get(detail.code.lower(), row.pk) != row.pk:
        yield rules.SITE_DUP_CODE(code=detail.code)


def apply_sites(plans: Sequence[SitePlan], actor: Actor) -> list[int]:
    """Write the planned sites and their coordinators; a fixed number of statements."""
    rows = [plan.row for plan in plans]
    _save(rows, _COLUMNS, name=255, code=50)
    _save_coordinators(plans)
    for follow in FOLLOWERS:
        follow([row.pk for row in rows])
    return [row.pk for row in rows]


def _save_coordinators(plans: Sequence[SitePlan]) -> None:
    link = Site.coordinators.through
    changed = [plan for plan in plans if plan.coordinators is not None]
    link._default_manager.filter(site_id__in=[plan.row.pk for plan in changed]).delete()
    link._default_manager.bulk_create(
        [
            link(site_id=plan.row.pk, user_id=user)
            for plan in changed
            for user in dict.fromkeys(plan.coordinators or [])
        ]
    )


SITES: Door[SiteDetail, SitePlan] = Door("site", plan_sites, apply_sites)


def change_sites(pks: Sequence[int], patch: SiteDetail, actor: Actor) -> list[int]:
    """Lay the keys that were sent over each stored site, all or none (spec 01 §A.8). Raises `Refused`."""
    wanted = list(dict.fromkeys(pks))
    there = set(reads.sites().filter(pk__in=wanted).values_list("pk", flat=True))
    refuse_if(rules.SITE_NOT_FOUND.missing(key=pk) for pk in wanted if pk not in there)
    stored = reads.site_details(wanted)
    return SITES.write([Change(laid(patch, full), full.id) for full in stored], actor)


def delete_sites(pks: Sequence[int], actor: Actor, *, close: bool = False) -> list[int]:
    """Delete (or close) sites, all or none."""
    return change_sites(pks, SiteDetail(activity_status="Closed" if close else "Disabled"), actor)


BULK_KEYS = frozenset({"institute_name", "coordinators", "type", "activity_status"})


def bulk_update(body: BulkSites, actor: Actor) -> list[int]:
    """The same change for sites named by id or name; other keys are ignored (spec 01 §E.2)."""
    named = reads.sites_by_name(body.names or [])
    names = body.names or []
    refuse_if(rules.SITE_NOT_FOUND.missing(key=name) for name in names if name.lower() not in named)
    honoured = BULK_KEYS & body.detail.model_fields_set
    patch = SiteDetail.model_construct(
        _fields_set=set(honoured), **{name: getattr(body.detail, name) for name in honoured}
    )
    return change_sites([*(body.ids or []), *(named[name.lower()].pk for name in names)], patch, actor)


# --- Both -------------------------------------------------------------------------------------------


def _save(rows: Sequence[Institute] | Sequence[Site], columns: Iterable[str], **lengths: int) -> None:
    """Insert new rows, update the others; the deleted ones free their unique texts."""
    gone = [row for row in rows if row.activity_status == "Disabled"]
    disable(gone, **lengths)
    stored = [row for row in rows if row.pk is not None]
    insert([row for row in rows if row.pk is None])
    update(stored, columns)
