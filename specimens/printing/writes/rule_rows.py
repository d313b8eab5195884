"""Print rules as files have them: names become ids, then they go through the door of rules (spec 04 §5.24)."""

from collections.abc import Iterator, Mapping, Sequence

from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.errors import Problem
from sessions_auth.groups.reads import groups
from sessions_auth.groups.rules import NOT_FOUND as GROUP_NOT_FOUND
from sites.reads import sites_by_name
from sites.rules import SITE_NOT_FOUND
from specimens.printing.detail import PrintRuleDetail, PrintRuleRow
from specimens.printing.models import Kind, PrintRule
from specimens.printing.writes.rules import PRINT_RULES
from specimens.protocol.reads import protocols_by_short_title
from specimens.protocol.rules.codes import CP_NOT_FOUND

_Ids = Mapping[str, int]  # by lower-case name


def row_door(kind: Kind) -> Door[PrintRuleRow, PrintRule]:
    """The door of rules of one kind, for whole details that name protocols, sites and user groups."""

    def plan(changes: Sequence[Change[PrintRuleRow]], actor: Actor) -> list[PrintRule | Refusal]:
        rows = [change.detail for change in changes]
        protocols = protocols_by_short_title(row.cp_short_title for row in rows)
        places = (
            ("cp_short_title", "protocol_id", CP_NOT_FOUND, {key: one.pk for key, one in protocols.items()}),
            ("site_name", "site_id", SITE_NOT_FOUND, _ids_of_sites(rows)),
            ("user_group", "user_group_id", GROUP_NOT_FOUND, _ids_of_groups(rows)),
        )
        found: list[PrintRuleDetail | Refusal] = []
        for row in rows:
            detail = PrintRuleDetail(**{name: getattr(row, name) for name in PrintRuleDetail.model_fields})
            detail.kind, detail.output = kind, row.output or "CSV"
            problems: list[Problem] = []
            for name, target, unknown, ids in places:
                text = getattr(row, name)
                setattr(detail, target, ids.get(text.lower()) if text else None)
                if text and text.lower() not in ids:
                    problems.append(unknown(key=text))
            found.append(Refusal(tuple(problems)) if problems else detail)
        sent = [
            Change(detail, change.pk)
            for change, detail in zip(changes, found, strict=True)
            if not isinstance(detail, Refusal)
        ]
        planned = iter(PRINT_RULES.plan(sent, actor) if sent else ())
        return [detail if isinstance(detail, Refusal) else next(planned) for detail in found]

    return Door(PRINT_RULES.name, plan, PRINT_RULES.apply)


def _ids_of_sites(rows: Sequence[PrintRuleRow]) -> _Ids:
    return {name: site.pk for name, site in sites_by_name(row.site_name for row in rows).items()}


def _ids_of_groups(rows: Sequence[PrintRuleRow]) -> _Ids:
    wanted = set(_lowered(row.user_group for row in rows))
    if not wanted:
        return {}
    found = groups().annotate(low=Lower("name")).filter(low__in=wanted)
    return dict(found.values_list("low", "pk"))


def _lowered(texts: Iterator[str | None]) -> Iterator[str]:
    return (text.lower() for text in texts if text)
