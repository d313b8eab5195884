"""The door of print rules."""

from collections.abc import Iterator, Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.insert import insert
from biobank.batch.update import update
from biobank.wire.errors import ACCESS_DENIED, ACTIVITY_STATUS_INVALID, INVALID_INPUT, Code, Problem
from sessions_auth.models import UserGroup
from sites.models import Site
from sites.rules import too_long
from specimens.printing.detail import PrintRuleDetail
from specimens.printing.models import Kind, Output, PrintRule
from specimens.printing.reads.scopes import RESOURCE
from specimens.printing.rules import tokens
from specimens.printing.rules.templates import compiled
from specimens.protocol.models import Lineage
from specimens.protocol.reads import protocols_for
from terminology.reads import Terms, load_terms

NOT_FOUND = Code("PRINT_RULE_NOT_FOUND", "There is no such print rule: {key}")
INVALID_TEMPLATE = Code("PRINT_RULE_INVALID_TEMPLATE", "The template cannot be used: {reason}")


def plan_rules(changes: Sequence[Change[PrintRuleDetail]], actor: Actor) -> list[PrintRule | Refusal]:
    """Decide what each rule would become."""
    stored = PrintRule.objects.in_bulk([change.pk for change in changes if change.pk is not None])
    details = [change.detail for change in changes]
    terms = load_terms(
        {"specimen_type": {name for d in details for name in (d.specimen_class, d.specimen_type) if name}}
    )
    allowed = _allowed(details, list(stored.values()), actor)
    sites = set(Site.objects.values_list("pk", flat=True)) if any(d.site_id for d in details) else set()
    groups = (
        set(UserGroup.objects.values_list("pk", flat=True))
        if any(d.user_group_id for d in details)
        else set()
    )
    found: list[PrintRule | Refusal] = []
    for change in changes:
        detail = change.detail
        row = PrintRule() if change.pk is None else stored.get(change.pk)
        if row is None:
            found.append(Refusal((NOT_FOUND.missing(key=change.pk),)))
            continue
        problems = list(_rights(row, detail, allowed, actor)) or [
            *_problems(detail),
            *_links(detail, terms, sites, groups),
        ]
        found.append(Refusal(tuple(problems)) if problems else _filled(row, detail, terms))
    return found


def _allowed(details: Sequence[PrintRuleDetail], rows: Sequence[PrintRule], actor: Actor) -> set[int]:
    """The protocols whose rules the caller may write, of those that are named."""
    named = {pk for pk in [d.protocol_id for d in details] + [row.protocol_id for row in rows] if pk}
    if not named:
        return set()
    reached = protocols_for(actor, RESOURCE, "Create", "Update")
    return set(reached.filter(pk__in=named).values_list("pk", flat=True))


def _rights(row: PrintRule, detail: PrintRuleDetail, allowed: set[int], actor: Actor) -> Iterator[Problem]:
    """Rules without a protocol concern everybody: super users only."""
    states = [detail.protocol_id, *([row.protocol_id] if row.pk else [])]
    if not actor.is_super and any(pk not in allowed for pk in states):
        yield ACCESS_DENIED()


def _problems(detail: PrintRuleDetail) -> Iterator[Problem]:
    if not detail.name:
        yield INVALID_INPUT(name="name", value="(none)")
    yield from too_long(name=(detail.name, 255), printer=(detail.printer, 64))
    for name, value, choices in (
        ("kind", detail.kind, Kind.values),
        ("output", detail.output, Output.values),
        ("lineage", detail.lineage or None, [None, *Lineage.values]),
    ):
        if value not in choices:
            yield INVALID_INPUT(name=name, value=value)
    if (detail.activity_status or "Active") not in ("Active", "Closed", "Disabled"):
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    if detail.position is not None and abs(detail.position) > 10**6:
        yield INVALID_INPUT(name="position", value=detail.position)
    try:
        compiled(detail.output or "", detail.template or "", tokens.OF_KIND.get(detail.kind or "", {}))
    except ValueError as error:
        yield INVALID_TEMPLATE(reason=error)


def _links(detail: PrintRuleDetail, terms: Terms, sites: set[int], groups: set[int]) -> Iterator[Problem]:
    if detail.site_id and detail.site_id not in sites:
        yield INVALID_INPUT(name="site", value=detail.site_id)
    if detail.user_group_id and detail.user_group_id not in groups:
        yield INVALID_INPUT(name="userGroup", value=detail.user_group_id)
    for name, value in (("specimenClass", detail.specimen_class), ("specimenType", detail.specimen_type)):
        if value and terms.canonical("specimen_type", value) is None:
            yield INVALID_INPUT(name=name, value=value)


def _filled(row: PrintRule, detail: PrintRuleDetail, terms: Terms) -> PrintRule:
    row.name, row.kind, row.output = detail.name or "", detail.kind or "", detail.output or ""
    row.position = 100 if detail.position is None else detail.position
    row.protocol_id, row.site_id, row.user_group_id = detail.protocol_id, detail.site_id, detail.user_group_id
    row.lineage = detail.lineage or None
    row.specimen_class = terms.canonical("specimen_type", detail.specimen_class or None)
    row.specimen_type = terms.canonical("specimen_type", detail.specimen_type or None)
    row.template, row.printer = detail.template or "", detail.printer or None
    row.activity_status = detail.activity_status or "Active"
    return row


def apply_rules(plans: Sequence[PrintRule], actor: Actor) -> list[int]:
    """Write the planned rules; two statements."""
    stored = [row for row in plans if row.pk is not None]
    insert([row for row in plans if row.pk is None])
    update(stored, [field.attname for field in PrintRule._meta.concrete_fields if not field.primary_key])
    return [row.pk for row in plans]


PRINT_RULES: Door[PrintRuleDetail, PrintRule] = Door("print rule", plan_rules, apply_rules)
