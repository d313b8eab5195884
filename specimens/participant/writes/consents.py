"""Writing consents: answers are laid over the stored ones, by statement (spec 03 §1.9)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.rows import Blank
from biobank.batch.update import update
from biobank.wire.errors import ACCESS_DENIED, Problem
from sessions_auth.reads import load_users
from specimens.participant import rules
from specimens.participant.detail import ConsentResponseDetail, ConsentsDetail
from specimens.participant.models import ConsentResponse, Registration
from specimens.participant.reads.consents import tiers_of
from specimens.participant.reads.mrn_sites import beyond
from specimens.participant.reads.scopes import CONSENT, known_registrations, writable
from specimens.protocol.models import ConsentTier
from specimens.protocol.reads import protocols_by_short_title
from terminology.reads import load_terms

_response = Blank(ConsentResponse)
_PLAIN = {
    "consent_signature_date": "consent_signature_date",
    "comments": "consent_comments",
}


@dataclass(slots=True)
class ConsentPlan:
    """A registration's consents as they will be; an answer of None is taken back."""

    row: Registration
    answers: dict[int, str | None] = field(default_factory=dict)  # by tier id
    changed: frozenset[str] = frozenset()  # columns of the registration


class _Known:
    """What the database knows about a batch: one query for each kind of key."""

    def __init__(self, changes: Sequence[Change[ConsentsDetail]], actor: Actor) -> None:
        named = [change.detail for change in changes if change.pk is None]
        self._protocols = protocols_by_short_title(detail.cp_short_title for detail in named)
        rows = known_registrations().select_related("protocol").select_for_update(of=("self",)).order_by("pk")
        pks = {change.pk for change in changes if change.pk is not None}
        found = {protocol.pk for protocol in self._protocols.values()}
        self.stored = {row.pk: row for row in rows.filter(pk__in=pks)} if pks else {}
        ppids = {detail.ppid for detail in named if detail.ppid}
        pairs = rows.filter(protocol__in=found, ppid__in=ppids) if found and ppids else ()
        self._by_pair = {(row.protocol_id, row.ppid): row for row in pairs}
        held = {row.pk: row for row in (*self.stored.values(), *self._by_pair.values())}
        self.beyond_reach = beyond(actor, held, CONSENT, "Create", "Update")
        protocols = {row.protocol_id for row in held.values()}
        self.tiers = {pk: _Tiers(rows) for pk, rows in tiers_of(list(protocols)).items()}
        self.allowed = writable(actor, protocols | found, CONSENT, "Create", "Update")
        self.users = load_users(change.detail.witness for change in changes)
        responses = {answer.response for change in changes for answer in change.detail.responses or ()}
        self.terms = load_terms({"consent_response": responses})

    def registration(self, change: Change[ConsentsDetail]) -> Registration | Problem:
        """Whose consents they are: by id, in imports by protocol and PPID (spec 04 §5.11)."""
        detail = change.detail
        if change.pk is not None:
            row = self.stored.get(change.pk)
            return rules.NOT_FOUND.missing(key=change.pk) if row is None else row
        key = detail.cp_short_title
        protocol = self._protocols.get((key or "").lower())
        if protocol is None:
            return rules.CP_NOT_FOUND(key=key) if key else rules.CP_REQUIRED()
        if protocol.pk not in self.allowed:
            return ACCESS_DENIED()
        if not detail.ppid:
            return rules.PPID_REQUIRED()
        row = self._by_pair.get((protocol.pk, detail.ppid))
        return rules.NOT_FOUND(key=f"{key}:{detail.ppid}") if row is None else row


class _Tiers:
    """The statements that a protocol asks for."""

    def __init__(self, rows: Sequence[ConsentTier]) -> None:
        self._by_code = {row.statement.code.lower(): row for row in rows}
        self._by_text = {row.statement.statement: row for row in rows}

    def find(self, answer: ConsentResponseDetail) -> ConsentTier | None:
        """By code, else by the exact statement."""
        if answer.code:
            return self._by_code.get(answer.code.lower())
        return self._by_text.get(answer.statement or "")


def plan_consents(changes: Sequence[Change[ConsentsDetail]], actor: Actor) -> list[ConsentPlan | Refusal]:
    """Decide what the answers become; `Change.pk` is the registration, None: as the detail names it.

    Several rows of a batch may be about one registration: each adds to what those before it said.
    """
    known = _Known(changes, actor)
    return [_plan(change, known) for change in changes]


def _plan(change: Change[ConsentsDetail], known: _Known) -> ConsentPlan | Refusal:
    row = known.registration(change)
    if isinstance(row, Problem):
        return Refusal((row,))
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
    values = {column: getattr(detail, key) or None for key, column in _PLAIN.items() if detail.sent(key)}
    if detail.sent("witness"):
        values["consent_witness_id"] = None if witness is None else witness.pk
    plan.changed = frozenset(name for name, value in values.items() if value != getattr(row, name))
    for name in plan.changed:
        setattr(row, name, values[name])
    return plan


def _answer_problems(
    answers: Sequence[ConsentResponseDetail], plan: ConsentPlan, known: _Known
) -> list[Problem]:
    """Fill the plan's answers; an entry without the key `response` says nothing."""
    problems: list[Problem] = []
    for answer in answers:
        if not answer.sent("response"):
            continue
        if not answer.code and not answer.statement:
            problems.append(rules.STATEMENT_REQUIRED())
            continue
        tier = known.tiers[plan.row.protocol_id].find(answer)
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
    rows = {plan.row.pk: plan.row for plan in plans if plan.changed}
    update(list(rows.values()), {name for plan in plans for name in plan.changed})
    said = {(plan.row.pk, tier): response for plan in plans for tier, response in plan.answers.items()}
    stored = {
        (answer.registration_id, answer.tier_id): answer
        for answer in ConsentResponse.objects.filter(
            registration_id__in={pk for pk, _ in said}, tier_id__in={tier for _, tier in said}
        )
    }
    fresh: list[ConsentResponse] = []
    changed: list[ConsentResponse] = []
    removed: list[int] = []
    for (registration_id, tier_id), response in said.items():
        answer = stored.get((registration_id, tier_id))
        if answer is None and response:
            fresh.append(_response(registration_id=registration_id, tier_id=tier_id, response=response))
        elif answer is not None and not response:
            removed.append(answer.pk)
        elif answer is not None and answer.response != response:
            answer.response = response or ""
            changed.append(answer)
    if removed:
        ConsentResponse.objects.filter(pk__in=removed).delete()
    update(changed, ["response"])
    insert(fresh)
    return [plan.row.pk for plan in plans]


CONSENTS: Door[ConsentsDetail, ConsentPlan] = Door("consent", plan_consents, apply_consents)
