"""Deleted specimens come back (spec 03 §3.9)."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import Q

from biobank.access import Actor
from biobank.batch.update import update
from biobank.records import stamp
from biobank.wire.constraints import problem_of
from biobank.wire.errors import Code, Problem, Refused
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenUndelete
from specimens.specimen.models import Specimen
from specimens.specimen.reads.scopes import known_specimens
from specimens.specimen.rules import ACTIVE, CLOSED, DISABLED
from specimens.specimen.writes.store import raise_dup_in_cp

_NAMES: tuple[tuple[str, str, Code, Code], ...] = (
    ("label", "label_per_cp", rules.DUP_LABEL, rules.DUP_LABEL_IN_CP),
    (
        "additional_label", "additional_label_per_cp", rules.DUP_ADDITIONAL_LABEL,
        rules.DUP_ADDITIONAL_LABEL_IN_CP,
    ),
    ("barcode", "barcode_per_cp", rules.DUP_BARCODE, rules.DUP_BARCODE_IN_CP),
)  # fmt: skip


def undelete(body: SpecimenUndelete, actor: Actor) -> int:
    """Bring a deleted specimen back, with all deleted ones below it if wished; answers its id.

    Names lose what deleting appended; a closed specimen is closed again. Raises RBAC_ADMIN_RIGHTS_REQUIRED,
    SPECIMEN_ID_REQUIRED, SPECIMEN_DEL_NOT_FOUND, VISIT_NOT_FOUND, SPECIMEN_PARENT_DELETED, SPECIMEN_DUP_*.
    """
    actor.require_super()
    if body.id is None:
        raise Refused(rules.ID_REQUIRED())
    try:
        with transaction.atomic():
            stamp(actor, **({"reason": body.reason} if body.reason else {}))
            rows = _deleted(body.id, with_children=bool(body.include_children))
            for row in rows:
                row.activity_status = CLOSED if row.disposal_time is not None else ACTIVE
                for name, *_ in _NAMES:
                    setattr(row, name, rules.unfreed(getattr(row, name)))
            problems = [problem for name in _NAMES for problem in _taken(rows, *name)]
            if problems:
                raise Refused(*problems)
            try:
                update(rows, ["activity_status", *(name for name, *_ in _NAMES)])
            except IntegrityError as error:
                raise_dup_in_cp(error, rows)
                raise
    except IntegrityError as error:
        found = problem_of(error)
        if found is None:
            raise
        raise Refused(found) from error
    return body.id


def _deleted(pk: int, *, with_children: bool) -> list[Specimen]:
    """The rows to bring back, locked, the wanted one first."""
    disabled = Specimen.objects.filter(activity_status=DISABLED).order_by("pk").select_for_update(no_key=True)
    top = disabled.filter(pk=pk).first()
    if top is None:
        raise Refused(rules.DELETED_NOT_FOUND(key=pk))
    if top.visit.activity_status == DISABLED:
        raise Refused(rules.VISIT_NOT_FOUND(key=top.visit.name))
    if top.parent is not None and top.parent.activity_status == DISABLED:
        raise Refused(rules.PARENT_DELETED())
    found = {top.pk: top}
    if with_children:
        for row in disabled.filter(primary=top.primary_id or top.pk):  # parents have smaller keys
            if row.parent_id in found:
                found[row.pk] = row
    return list(found.values())


def _taken(rows: Sequence[Specimen], name: str, flag: str, everywhere: Code, in_cp: Code) -> list[Problem]:
    """Names that somebody else has taken meanwhile; one query."""
    wanted = {getattr(row, name) for row in rows if getattr(row, name)}
    owners: dict[str, list[tuple[int, int]]] = {}
    others = known_specimens().filter(Q(**{f"{name}__in": wanted}))
    for pk, protocol_id, text in others.values_list("pk", "protocol_id", name) if wanted else ():
        owners.setdefault(text, []).append((protocol_id, pk))
    problems = []
    for row in rows:
        text, per_cp = getattr(row, name), getattr(row, flag)
        if rules.taken(owners.get(text, ()), row.pk, row.protocol_id, per_cp=per_cp):
            problems.append((in_cp if per_cp else everywhere)(label=text, barcode=text))
    return problems
