"""Writing consent statements, and what protocols ask their participants (spec 02 §A9, §D1)."""

from collections.abc import Sequence

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, Code, Kind, Refused, refuse_if
from specimens.protocol.detail.consents import StatementDetail, TierDetail
from specimens.protocol.detail.protocols import ProtocolSummary
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ConsentTier
from specimens.protocol.reads import consents as reads
from specimens.protocol.reads.lookups import allowed_among, find_protocol
from specimens.protocol.reads.protocols import protocol
from specimens.protocol.reads.scopes import PROTOCOL, READ, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.rules import consents as rules
from specimens.protocol.writes.versions import mark_changed

ADMIN_RIGHTS_REQUIRED = Code(
    "RBAC_ADMIN_RIGHTS_REQUIRED", "Only an administrator may change consent statements", Kind.FORBIDDEN
)

# --- Statements -------------------------------------------------------------------------------------


def plan_statements(
    changes: Sequence[Change[StatementDetail]], actor: Actor
) -> list[ConsentStatement | Refusal]:
    """Decide what each statement would become; rows of the batch see each other."""
    if not (actor.is_super or actor.is_institute_admin):
        return [Refusal((ADMIN_RIGHTS_REQUIRED(),)) for _ in changes]
    stored = reads.statements().in_bulk([change.pk for change in changes if change.pk is not None])
    sent = {change.detail.code for change in changes if change.detail.code}
    taken = dict(ConsentStatement.objects.filter(code__in=sent).values_list("code", "pk"))
    return [_plan_statement(change, stored, taken) for change in changes]


def _plan_statement(
    change: Change[StatementDetail], stored: dict[int, ConsentStatement], taken: dict[str, int]
) -> ConsentStatement | Refusal:
    detail = change.detail
    row = ConsentStatement() if change.pk is None else stored.get(change.pk)
    if row is None:
        return Refusal((codes.CONSENT_STATEMENT_NOT_FOUND.missing(key=change.pk),))
    problems = list(rules.statement_problems(detail))
    code = detail.code or ""
    if not problems and taken.get(code, row.pk) != row.pk:
        problems.append(codes.CONSENT_STATEMENT_DUP_CODE(value=code))
    if problems:
        return Refusal(tuple(problems))
    taken[code] = row.pk or -1
    row.code, row.statement = code, detail.statement or ""
    row.activity_status = detail.activity_status or "Active"
    return row


def apply_statements(plans: Sequence[ConsentStatement], actor: Actor) -> list[int]:
    """Write the planned statements; two statements whatever their number."""
    stored = [row for row in plans if not row._state.adding]
    insert([row for row in plans if row._state.adding])
    if stored:
        ConsentStatement.objects.bulk_update(stored, ["code", "statement", "activity_status"])
    return [row.pk for row in plans]


STATEMENTS: Door[StatementDetail, ConsentStatement] = Door(
    "consent_statement", plan_statements, apply_statements
)

# --- Tiers ------------------------------------------------------------------------------------------


def add_tiers(row: CollectionProtocol, details: Sequence[TierDetail], actor: Actor) -> list[ConsentTier]:
    """Add consent tiers to a protocol. Raises `Refused` with the codes of spec 02 §A9."""
    with transaction.atomic():
        stamp(actor)
        _require_changeable(row)
        tiers = [ConsentTier(protocol=row, statement=statement) for statement in _statements(details)]
        _refuse_repeated(row, tiers)
        insert(tiers)
        mark_changed([row.pk])
    return tiers


def add_tier(protocol_id: int, detail: TierDetail, actor: Actor) -> ConsentTier:
    """Add one consent tier to the protocol that a request addresses."""
    return add_tiers(protocol(protocol_id, actor, UPDATE), [detail], actor)[0]


def replace_tier(protocol_id: int, tier_id: int, detail: TierDetail, actor: Actor) -> ConsentTier:
    """Give a tier another statement."""
    with transaction.atomic():
        stamp(actor)
        row = protocol(protocol_id, actor, UPDATE)
        _require_changeable(row)
        tier = reads.tier(row, tier_id)
        tier.statement = _statements([detail])[0]
        _refuse_repeated(row, [tier])
        tier.save(update_fields=["statement"])
        mark_changed([row.pk])
    return tier


def remove_tier(protocol_id: int, tier_id: int, actor: Actor) -> ConsentTier:
    """Disable a tier that nobody has responded to."""
    with transaction.atomic():
        stamp(actor)
        row = protocol(protocol_id, actor, UPDATE)
        _require_changeable(row)
        tier = reads.tier(row, tier_id)
        if reads.tier_dependents(tier.pk):
            raise Refused(codes.CP_CONSENT_REF_ENTITY_FOUND())
        tier.activity_status = "Disabled"
        tier.save(update_fields=["activity_status"])
        mark_changed([row.pk])
    return tier


def _require_changeable(row: CollectionProtocol) -> None:
    sourced = row.consents_source_id is not None
    refuse_if(rules.tiers_are_fixed(waived=row.consents_waived, sourced=sourced))


def _statements(details: Sequence[TierDetail]) -> list[ConsentStatement]:
    """The statements meant: by id, else by code, else by their text; one query."""
    known = list(_named(details))
    found = [_meant(detail, known) for detail in details]
    return [row for row in found if row is not None]


def _named(details: Sequence[TierDetail]) -> Sequence[ConsentStatement]:
    rows = reads.statements().order_by("pk")
    ids = [detail.statement_id for detail in details if detail.statement_id is not None]
    texts = [text for detail in details for text in (detail.statement_code, detail.statement) if text]
    return [*rows.filter(pk__in=ids), *rows.filter(code__in=texts), *rows.filter(statement__in=texts)]


def _meant(detail: TierDetail, known: Sequence[ConsentStatement]) -> ConsentStatement:
    if detail.statement_id is not None:
        attribute, key = "pk", str(detail.statement_id)
    elif detail.statement_code:
        attribute, key = "code", detail.statement_code
    elif detail.statement:
        attribute, key = "statement", detail.statement
    else:
        raise Refused(codes.CONSENT_STATEMENT_CODE_REQUIRED())
    found = next((row for row in known if str(getattr(row, attribute)) == key), None)
    if found is None:
        raise Refused(codes.CONSENT_STATEMENT_NOT_FOUND(key=key))
    return found


def _refuse_repeated(row: CollectionProtocol, tiers: Sequence[ConsentTier]) -> None:
    present = ConsentTier.objects.filter(protocol=row, activity_status="Active")
    others = present.exclude(pk__in=[tier.pk for tier in tiers if tier.pk is not None])
    taken = set(others.values_list("statement_id", flat=True))
    for tier in tiers:
        if tier.statement_id in taken:
            raise Refused(codes.CP_DUP_CONSENT(value=tier.statement.code))
        taken.add(tier.statement_id)


# --- Waiver and source ------------------------------------------------------------------------------


def set_waiver(protocol_id: int, waived: bool, actor: Actor) -> None:
    """Waive consents, or ask for them again. Raises `Refused`: CP_NOT_FOUND, CP_CONSENT_TIER_FOUND."""
    with transaction.atomic():
        stamp(actor)
        row = protocol(protocol_id, actor, UPDATE)
        if row.consents_waived != waived:
            _refuse_with_tiers(row)
            row.consents_waived = waived
            row.save(update_fields=["consents_waived"])
            mark_changed([row.pk])


def set_source(protocol_id: int, source: ProtocolSummary, actor: Actor) -> None:
    """Take the tiers from another protocol; an empty reference ends that.

    Raises `Refused`: CP_NOT_FOUND, CP_CONSENT_TIER_FOUND, CP_CONSENTS_SOURCE_NOT_FOUND,
    CP_VISIT_CONSENTS_ENABLED, RBAC_ACCESS_DENIED.
    """
    with transaction.atomic():
        stamp(actor)
        row = protocol(protocol_id, actor, UPDATE)
        found = _source(source)
        if found is not None:
            if found.pk == row.pk:
                raise Refused(codes.CP_CONSENTS_SOURCE_NOT_FOUND(key=row.short_title))
            if not allowed_among(actor, [found.pk], PROTOCOL, READ):
                raise Refused(ACCESS_DENIED())
            _refuse_with_tiers(row)
            if row.visit_level_consents or found.visit_level_consents:
                raise Refused(codes.CP_VISIT_CONSENTS_ENABLED())
        row.consents_source = found
        row.save(update_fields=["consents_source"])
        mark_changed([row.pk])


def _source(source: ProtocolSummary) -> CollectionProtocol | None:
    if source.id is None and not source.short_title:
        return None
    found = find_protocol(source.id, short_title=source.short_title)
    if found is None:
        raise Refused(codes.CP_CONSENTS_SOURCE_NOT_FOUND(key=source.id or source.short_title))
    return found


def _refuse_with_tiers(row: CollectionProtocol) -> None:
    if ConsentTier.objects.filter(protocol=row, activity_status="Active").exists():
        raise Refused(codes.CP_CONSENT_TIER_FOUND())
