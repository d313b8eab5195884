"""Writing consents: answers are laid over the stored ones, by statement (spec 03 §1.9)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.wire.errors import ACCESS_DENIED, Problem
from sessions_auth.reads import Users, load_users
from specimens.participant import rules
from specimens.participant.detail import ConsentResponseDetail, ConsentsDetail
from specimens.participant.models import ConsentResponse, Registration
from specimens.participant.reads.consents import tiers_of
from specimens.participant.reads.mrn_sites import beyond
from specimens.participant.reads.scopes import CONSENT, known_registrations, writable
from specimens.protocol.models import ConsentTier
from terminology.reads import Terms, load_terms

_PLAIN = {
    "consent_signature_date": "consent_signature_date",
    "comments": "consent_comments",
}


@dataclass(slots=True)
class ConsentPlan:
    """A registration's consents as they will be; an answer of None is taken back."""

    row: Registration
    answers: dict[int, str | None] = field(default_factory=dict)  # by tier id


@dataclass(slots=True)
class _Known:
    stored: dict[int, Registration]
    beyond_reach: set[int]
    tiers: dict[int, list[ConsentTier]]
    allowed: set[int]
    users: Users
    terms: Terms


def plan_consents(changes: Sequence[Change[ConsentsDetail]], actor: Actor) -> list[ConsentPlan | Refusal]:
    """Decide what the answers become; `Change.pk` is the registration."""
    pks = [change.pk for change in changes if change.pk is not None]
    rows = known_registrations().select_related("protocol").select_for_update(of=("self",))
    stored = {row.pk: row for row in rows.filter(pk__in=pks)}
    beyond_reach = beyond(actor, stored, CONSENT, "Create", "Update")
    protocols = {row.protocol_id for row in stored.values()}
    answers = [answer for change in changes for answer in change.detail.responses or []]
    known = _Known(
        stored,
        beyond_reach,
        tiers_of(list(protocols)),
        writable(actor, protocols, CONSENT, "Create", "Update"),
        load_users(change.detail.witness for change in changes),
        load_terms({"consent_response": [answer.response for answer in answers]}),
    )
    return [_plan(change, known) for change in changes]


def _plan(change: Change[ConsentsDetail], known: _Known) -> ConsentPlan | Refusal:
    row = known.stored.get(change.pk or 0)
    if row is None:
        return Refusal((rules.NOT_FOUND.missing(key=change.pk),))
    if row.protocol_id not in known.allowed or row.pk in known.beyond_reach:
        return Refusal((ACCESS_DENIED(),))
    if row.protocol.specimen_centric:
        return Refusal((rules.SPECIMEN_CENTRIC(name=row.protocol.short_title),))
    if row.protocol.consents_source_id is not None:
        return Refusal((rules.CONSENTS_SOURCED(),))
    detail, plan = change.detail, ConsentPlan(row)
    problems = list(_answer_problems(detail.responses or [], plan, known))
    witness = known.users.find(detail.witness)
    if detail.witness is not None and witness is None:
        problems.append(rules.WITNESS_NOT_FOUND(key=detail.witness.id or detail.witness.email_address))
    if problems:
        return Refusal(tuple(problems))
    for key, column in _PLAIN.items():
        if detail.sent(key):
            setattr(row, column, getattr(detail, key) or None)
    if detail.sent("witness"):
        row.consent_witness_id = None if witness is None else witness.pk
    return plan


def _answer_problems(
    answers: Sequence[ConsentResponseDetail], plan: ConsentPlan, known: _Known
) -> list[Problem]:
    """Fill the plan's answers; an entry without the key `response` says nothing."""
    problems: list[Problem] = []
    tiers = known.tiers[plan.row.protocol_id]
    by_code = {tier.statement.code.lower(): tier for tier in tiers}
    by_text = {tier.statement.statement: tier for tier in tiers}
    for answer in answers:
        if not answer.sent("response"):
            continue
        if not answer.code and not answer.statement:
            problems.append(rules.STATEMENT_REQUIRED())
            continue
        tier = by_code.get(answer.code.lower()) if answer.code else by_text.get(answer.statement or "")
        if tier is None:
            problems.append(rules.INVALID_STATEMENT(key=answer.code or answer.statement))
            continue
        value = known.terms.canonical("consent_response", answer.response)
        if answer.response and value is None:
            problems.append(rules.INVALID_RESPONSE(value=answer.response))
        plan.answers[tier.pk] = value
    return problems


def apply_consents(plans: Sequence[ConsentPlan], actor: Actor) -> list[int]:
    """Write the planned answers; a fixed number of statements."""
    rows = {plan.row.pk: plan.row for plan in plans}
    update(list(rows.values()), [*_PLAIN.values(), "consent_witness_id"])
    touched = [(plan.row.pk, tier) for plan in plans for tier in plan.answers]
    stored = {
        (answer.registration_id, answer.tier_id): answer
        for answer in ConsentResponse.objects.filter(
            registration_id__in={pk for pk, _ in touched}, tier_id__in={tier for _, tier in touched}
        )
    }
    fresh: list[ConsentResponse] = []
    changed: list[ConsentResponse] = []
    removed: list[int] = []
    for plan in plans:
        for tier_id, response in plan.answers.items():
            answer = stored.get((plan.row.pk, tier_id))
            if answer is None and response:
                fresh.append(ConsentResponse(registration=plan.row, tier_id=tier_id, response=response))
            elif answer is not None and not response:
                removed.append(answer.pk)
            elif answer is not None and answer.response != response:
                answer.response = response or ""
                changed.append(answer)
    ConsentResponse.objects.filter(pk__in=removed).delete()
    update(changed, ["response"])
    insert(fresh)
    return [plan.row.pk for plan in plans]


CONSENTS: Door[ConsentsDetail, ConsentPlan] = Door("consent", plan_consents, apply_consents)
