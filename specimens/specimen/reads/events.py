"""What happened to a specimen, as records of the built-in event forms (spec 03 §4.1, 08 §C.5)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from biobank.access import Actor
from biobank.wire.dates import millis
from sessions_auth.reads import summaries
from specimens.specimen.detail import EventField, EventForm, EventRecord, EventUser
from specimens.specimen.models import PoolMember, Specimen
from specimens.specimen.reads.scopes import known_specimens, sees_children
from specimens.specimen.rules import COLLECTED, NEW
from specimens.specimen.rules.forms import CHILDREN, COLLECTION, DISPOSAL, POOLED, RECEIPT, BuiltIn


class Happening(NamedTuple):
    """One event; `id` is unique among the records of its form."""

    form: BuiltIn
    id: int
    when: datetime | None
    user_id: int | None
    fields: tuple[tuple[str, str, str | None], ...]


def events_of(row: Specimen, actor: Actor) -> list[EventForm]:
    """The events of a specimen, each form with its records, oldest first. Three queries.

    Who may see primary specimens only is told of no others.
    """
    whole = bool(sees_children(actor, [row.protocol_id]))
    happened = [*_own(row), *(_children(row) if whole else ()), *_pooled(row, whole=whole)]
    users = summaries({one.user_id for one in happened})

    def record(one: Happening) -> EventRecord:
        user = users.get(one.user_id or 0)
        return EventRecord(
            id=one.id,
            record_id=one.id,
            sys_form=True,
            update_time=None if one.when is None else millis(one.when),
            user=None
            if user is None
            else EventUser(id=user.id, first_name=user.first_name, last_name=user.last_name),
            form_status="COMPLETE",
            field_values=[EventField(name=n, caption=c, value=v) for n, c, v in one.fields],
        )

    forms: dict[BuiltIn, list[Happening]] = {}
    for one in happened:
        forms.setdefault(one.form, []).append(one)
    return [
        EventForm(
            form_id=form.id,
            form_name=form.name,
            form_caption=form.name,
            form_ctxt_id=form.id,
            records=[record(one) for one in ones],
        )
        for form, ones in sorted(forms.items(), key=lambda item: item[0].id)
    ]


def _own(row: Specimen) -> Iterator[Happening]:
    """Collection, receipt and disposal, which stand in the specimen's row."""
    if row.collection_time is not None:
        yield Happening(COLLECTION, row.pk, row.collection_time, row.collector_id, (
            ("procedure", "Collection Procedure", row.collection_procedure),
            ("container", "Collection Container", row.collection_container),
            ("comments", "Comments", row.collection_comments),
        ))  # fmt: skip
    if row.received_time is not None:
        yield Happening(RECEIPT, row.pk, row.received_time, row.receiver_id, (
            ("quality", "Received Quality", row.received_quality),
            ("comments", "Comments", row.received_comments),
        ))  # fmt: skip
    if row.disposal_time is not None:
        yield Happening(DISPOSAL, row.pk, row.disposal_time, row.disposal_user_id, (
            ("reason", "Reason", row.disposal_reason),
            ("comments", "Comments", row.disposal_comments),
        ))  # fmt: skip


def _children(row: Specimen) -> Iterator[Happening]:
    """Processing: children of one lineage that were made at the same time by the same person are one event."""
    made = known_specimens().filter(parent=row, status=COLLECTED).order_by("created_on", "pk")
    groups: dict[tuple[str, datetime | None, int | None], list[tuple[int, str | None]]] = {}
    for pk, label, lineage, when, user_id in made.values_list(
        "pk", "label", "lineage", "created_on", "created_by"
    ):
        groups.setdefault((lineage, when, user_id), []).append((pk, label))
    for (kind, made_on, made_by), children in groups.items():
        yield Happening(CHILDREN, children[0][0], made_on, made_by, (
            ("lineage", "Lineage", kind),
            ("children", "Children", _joined(label for _, label in children)),
        ))  # fmt: skip


def _pooled(row: Specimen, *, whole: bool) -> Iterator[Happening]:
    """Pooling, told of the pool and of each of its members."""
    links = PoolMember.objects.filter(Q(pool=row) | Q(member=row)).select_related("pool", "member")
    links = links.exclude(pool__activity_status="Disabled").order_by("pk")
    members = [link for link in links if link.pool_id == row.pk and (whole or link.member.lineage == NEW)]
    if members:
        first = members[0]
        yield Happening(POOLED, first.pk, first.pooled_on, first.pooled_by_id, (
            ("members", "Members", _joined(link.member.label for link in members)),
        ))  # fmt: skip
    for link in links:
        if link.member_id == row.pk:
            fields = (("pool", "Pooled Specimen", link.pool.label),)
            yield Happening(POOLED, link.pk, link.pooled_on, link.pooled_by_id, fields)


def _joined(labels: Iterable[str | None]) -> str:
    return ", ".join(label for label in labels if label)


def counts(forms: Sequence[EventForm]) -> dict[int | None, int]:
    """How many records each form has."""
    return {form.form_id: len(form.records or ()) for form in forms}
