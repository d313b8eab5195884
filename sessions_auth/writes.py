"""Writing users: plan a batch, apply it (spec 01 §C.2, §C.7, §C.8)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower

from biobank.access import CONTACT, INSTITUTE, REGULAR, SUPER, Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.configuration.reads import setting
from biobank.records import disable
from biobank.wire.errors import ACCESS_DENIED, INVALID_REQUEST, Problem, Refused
from sessions_auth import reads, role_writes, rules, signin, tokens
from sessions_auth.detail import UserDetail
from sessions_auth.models import AuthDomain, User
from sessions_auth.resources import LOCAL_DOMAIN
from sessions_auth.rules import Standing
from sites.models import Institute, Site
from sites.reads import institutes_by_name, sites_by_name
from terminology.reads import Terms, load_terms

PRINTERS = "label_printer_name"
_SAVED = [
    "login_name", "domain_id", "first_name", "last_name", "email_address", "type", "institute_id", "primary_site_id",
    "phone_number", "address", "manage_forms", "manage_wfs", "manage_print_jobs", "dnd", "api_user", "ip_range",
    "time_zone", "default_printer", "download_labels_print_file", "activity_status",
]  # fmt: skip


@dataclass(slots=True)
class UserPlan:
    """A user as they will be, and what they were (None: new)."""

    row: User
    was: Standing | None = None
    was_status: str = ""


@dataclass(slots=True)
class _Known:
    """What the database knows about a batch of users: one query each."""

    actor: Actor
    own_institute: Institute | None
    stored: dict[int, User]
    institutes: dict[str, Institute]
    sites: dict[str, Site]
    domains: dict[str, AuthDomain]
    printers: Terms
    emails: dict[str, int]
    logins: dict[tuple[str, int], int]
    in_use: set[int]


def plan_users(changes: Sequence[Change[UserDetail]], actor: Actor) -> list[UserPlan | Refusal]:
    """Decide what each user would become; rows of the batch see each other.

    Only the keys that a detail carries are changed (spec 01 §A.8); `whole` makes it carry all of them.
    """
    known = _load(changes, actor)
    return [_plan_user(change, known) for change in changes]


def _load(changes: Sequence[Change[UserDetail]], actor: Actor) -> _Known:
    sent = [change.detail for change in changes]
    stored = reads.known_users().in_bulk([change.pk for change in changes if change.pk is not None])
    emails = {(detail.email_address or "").lower() for detail in sent} - {""}
    logins = {(detail.login_name or "").lower() for detail in sent} - {""}
    keyed = User.objects.annotate(low_email=Lower("email_address"), low_login=Lower("login_name"))
    clashes = list(
        keyed.filter(Q(low_email__in=emails) | Q(low_login__in=logins)).values_list(
            "pk", "low_email", "low_login", "domain_id"
        )
    )
    gone = [change.pk for change in changes if change.pk and _is_delete(change.detail)]
    return _Known(
        actor=actor,
        own_institute=None if actor.is_super else Institute.objects.filter(pk=actor.institute_id).first(),
        stored=stored,
        institutes=institutes_by_name(detail.institute_name for detail in sent)
        | {user.institute.name.lower(): user.institute for user in stored.values()},
        sites=sites_by_name(detail.primary_site for detail in sent)
        | {
            user.primary_site.name.lower(): user.primary_site for user in stored.values() if user.primary_site
        },
        domains={
            domain.name.lower(): domain for domain in AuthDomain.objects.filter(activity_status="Active")
        },
        printers=load_terms({PRINTERS: [detail.default_printer for detail in sent]}),
        emails={email: pk for pk, email, _, _ in clashes},
        logins={(login, domain_id): pk for pk, _, login, domain_id in clashes},
        in_use={pk for pk, found in reads.dependents(gone).items() if found},
    )


def _is_delete(detail: UserDetail) -> bool:
    return rules.user_status(detail.activity_status) == "Disabled"


def _plan_user(change: Change[UserDetail], known: _Known) -> UserPlan | Refusal:
    if change.pk is None:
        row = User(password=make_password(None), force_password_reset=True)
    elif change.pk in known.stored:
        row = known.stored[change.pk]
    else:
        return Refusal((rules.NOT_FOUND.missing(key=change.pk),))
    was = _standing(row) if row.pk else None
    detail = change.detail
    if was is not None and was.user_id == known.actor.user_id and not rules.may_update(known.actor, was):
        if _leaves_institute(row, detail):
            return Refusal((ACCESS_DENIED(),))
        detail = _only(detail, rules.OWN_KEYS)
        wish = _wish(row, detail, known)
        denied: list[Problem] = []
    else:
        wish = _wish(row, detail, known)
        denied = list(_rights(row, was, wish, known))
    moves = was is not None and (wish.domain_name or row.domain.name).lower() != row.domain.name.lower()
    if moves and not known.actor.is_super and not denied:
        denied = [rules.DOMAIN_CHANGE_NOT_ALLOWED()]
    problems = (
        denied or [*rules.user_problems(wish), *_look_ups(wish, known)] or list(_clashes(row, wish, known))
    )
    if not problems and _is_delete(wish) and row.pk in known.in_use:
        problems = [rules.IN_USE()]
    if problems:
        return Refusal(tuple(problems))
    plan = UserPlan(row, was, row.activity_status if row.pk else "")
    _fill(row, wish, known)
    known.emails[row.email_address.lower()] = row.pk or -1
    known.logins[row.login_name.lower(), row.domain_id] = row.pk or -1
    return plan


def _leaves_institute(row: User, detail: UserDetail) -> bool:
    name = detail.institute_name if detail.sent("institute_name") else None
    return bool(name) and str(name).lower() != row.institute.name.lower()


def _wish(row: User, detail: UserDetail, known: _Known) -> UserDetail:
    """The whole user that is asked for, with canonical type and what cannot be chosen."""
    wish = detail.model_copy()
    if row.pk:
        wish = reads.detail_of(row).model_copy(
            update={name: getattr(detail, name) for name in detail.model_fields_set}
        )
    wish.type = rules.user_type(wish.type) or wish.type
    wish.activity_status = rules.user_status(wish.activity_status) or wish.activity_status
    if not row.pk and known.own_institute is not None and wish.type != CONTACT:
        wish.institute_name = known.own_institute.name
        known.institutes[known.own_institute.name.lower()] = known.own_institute
    if wish.type == CONTACT:
        wish.login_name = wish.login_name or str(uuid4())
        wish.domain_name = wish.domain_name or LOCAL_DOMAIN
        wish.manage_forms = wish.manage_wfs = wish.manage_print_jobs = wish.api_user = False
    if wish.type in (SUPER, INSTITUTE):
        wish.manage_forms = wish.manage_wfs = True
    if wish.type == SUPER:
        wish.manage_print_jobs = True
    return wish


def _rights(row: User, was: Standing | None, wish: UserDetail, known: _Known) -> Iterable[Problem]:
    institute = known.institutes.get((wish.institute_name or "").lower())
    asked = Standing(
        user_id=row.pk or 0,
        type=wish.type or "",
        institute_id=institute.pk if institute else known.actor.institute_id,
        email_address=wish.email_address or "",
        api_user=bool(wish.api_user),
    )
    operation = "Create" if was is None else "Delete" if _is_delete(wish) else "Update"
    if operation == "Delete" and row.pk == known.actor.user_id:
        return [ACCESS_DENIED()]
    return rules.right_problems(known.actor, was, asked, operation)


def _look_ups(wish: UserDetail, known: _Known) -> Iterable[Problem]:
    institute = known.institutes.get((wish.institute_name or "").lower())
    if wish.institute_name and institute is None:
        yield rules.INSTITUTE_NOT_FOUND(key=wish.institute_name)
    if wish.domain_name and wish.domain_name.lower() not in known.domains:
        yield rules.DOMAIN_NOT_FOUND(key=wish.domain_name)
    if wish.primary_site:
        site = known.sites.get(wish.primary_site.lower())
        if site is None:
            yield rules.SITE_NOT_FOUND(key=wish.primary_site)
        elif institute is not None and site.institute_id != institute.pk:
            yield rules.INVALID_SITE_INSTITUTE(key=wish.primary_site)
    if wish.default_printer and known.printers.canonical(PRINTERS, wish.default_printer) is None:
        yield rules.INVALID_PRINTER(value=wish.default_printer)


def _clashes(row: User, wish: UserDetail, known: _Known) -> Iterable[Problem]:
    domain = known.domains[(wish.domain_name or "").lower()]
    if known.emails.get((wish.email_address or "").lower(), row.pk) != row.pk:
        yield rules.DUP_EMAIL()
    if known.logins.get(((wish.login_name or "").lower(), domain.pk), row.pk) != row.pk:
        yield rules.DUP_LOGIN_NAME()


def _fill(row: User, wish: UserDetail, known: _Known) -> None:
    row.institute = known.institutes[(wish.institute_name or "").lower()]
    row.domain = known.domains[(wish.domain_name or "").lower()]
    row.primary_site = known.sites[wish.primary_site.lower()] if wish.primary_site else None
    row.default_printer = known.printers.canonical(PRINTERS, wish.default_printer)
    row.login_name, row.email_address = wish.login_name or "", wish.email_address or ""
    row.first_name, row.last_name = wish.first_name or "", wish.last_name or ""
    row.type, row.activity_status = wish.type or "", wish.activity_status or ""
    for name in ("phone_number", "address", "ip_range", "time_zone"):
        setattr(row, name, getattr(wish, name) or None)
    for name in (
        "manage_forms",
        "manage_wfs",
        "manage_print_jobs",
        "dnd",
        "api_user",
        "download_labels_print_file",
    ):
        setattr(row, name, bool(getattr(wish, name)))


def _standing(row: User) -> Standing:
    return Standing(row.pk, row.type, row.institute_id, row.email_address, row.api_user)


def changeable(pks: Sequence[int], actor: Actor) -> set[int]:
    """Those of the users that the caller may change; one query."""
    rows = reads.known_users().filter(pk__in=pks)
    return {row.pk for row in rows if rules.may_update(actor, _standing(row))}


def apply_users(plans: Sequence[UserPlan], actor: Actor) -> list[int]:
    """Write the planned users and what follows from it: roles, sessions, the count of failures."""
    rows = [plan.row for plan in plans]
    gone = [row for row in rows if row.activity_status == "Disabled"]
    disable(gone, login_name=255, email_address=255)
    insert([row for row in rows if row.pk is None])
    changed = [plan for plan in plans if plan.was is not None]
    if changed:
        update([plan.row for plan in changed], _SAVED)
    role_writes.follow_users(
        promoted=[
            p.row.pk for p in plans if p.row.type == INSTITUTE and (p.was is None or p.was.type != INSTITUTE)
        ],
        demoted=[p.row.pk for p in changed if p.was and p.was.type == INSTITUTE != p.row.type],
        moved=[p.row.pk for p in changed if p.was and p.was.institute_id != p.row.institute_id],
    )
    unlocked = [p.row.pk for p in changed if p.was_status == "Locked" and p.row.activity_status == "Active"]
    if unlocked:
        signin.restart_count(unlocked, actor.via)
    ended = [p.row.pk for p in changed if not tokens.may_call(p.row)]
    if ended:
        tokens.revoke_all(ended)
    tokens.forget(p.row.pk for p in changed)
    return [row.pk for row in rows]


USERS: Door[UserDetail, UserPlan] = Door("user", plan_users, apply_users)


def whole(detail: UserDetail) -> UserDetail:
    """The detail as a replacement: keys that were not sent are empty (spec 01 §A.8)."""
    return UserDetail.model_construct(set(UserDetail.model_fields), **dict(detail))


def _only(detail: UserDetail, keys: Iterable[str]) -> UserDetail:
    """The detail reduced to some of its keys."""
    kept = detail.model_fields_set & set(keys)
    return UserDetail.model_construct(set(kept), **{name: getattr(detail, name) for name in kept})


def change_all(pks: Sequence[int], patch: UserDetail, actor: Actor) -> list[int]:
    """The same change for several users, all or none."""
    return USERS.write([Change(patch, pk) for pk in dict.fromkeys(pks)], actor)


BULK_KEYS = frozenset(
    {"institute_name", "primary_site", "type", "manage_forms", "dnd", "time_zone", "activity_status"}
)


def bulk_patch(detail: UserDetail) -> UserDetail:
    """What a bulk update honours of a detail (spec 01 §C.4)."""
    return _only(detail, BULK_KEYS)


_APPLICANT_KEYS = frozenset(
    {
        "first_name", "last_name", "email_address", "login_name", "domain_name", "institute_name", "primary_site",
        "phone_number", "address", "time_zone",
    }
)  # fmt: skip


def applicant(detail: UserDetail) -> UserDetail:
    """Somebody who signs up: a regular user without flags, waiting for approval (spec 01 §C.9)."""
    kept = _only(detail, _APPLICANT_KEYS)
    kept.type, kept.activity_status = REGULAR, "Pending"
    kept.institute_name = setting("administrative", "sign_up_institute") or kept.institute_name
    return kept


LARGEST_UI_STATE = 1_000_000  # characters of JSON


def keep_ui_state(user_id: int, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Merge keys into what the user interface keeps for a user, one request after the other. Raises `Refused`."""
    with transaction.atomic():
        rows = User.objects.select_for_update().filter(pk=user_id)
        merged: dict[str, Any] = {**rows.values_list("ui_state", flat=True).get(), **sent}
        merged.pop("authToken", None)
        text = json.dumps(merged)
        if "\\u0000" in text or len(text) > LARGEST_UI_STATE:
            raise Refused(INVALID_REQUEST(reason="it cannot be kept"))
        rows.update(ui_state=merged)
    return merged
