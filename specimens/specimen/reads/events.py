"""What happened to a specimen, as records of the built-in event forms (spec 03 §4.1, 08 §C.5)."""

from collections.abc import Iterator
from datetime import datetime

from biobank.wire.dates import millis
from sessions_auth.reads import summaries
from specimens.specimen.detail import EventField, EventForm, EventRecord, EventUser
from specimens.specimen.models import Specimen

_Fields = tuple[tuple[str, str, str | None], ...]


def events_of(row: Specimen) -> list[EventForm]:
    """The events of a specimen, each form with its records; a primary's own collection and receipt. One query."""
    users = summaries((row.collector_id, row.receiver_id, row.disposal_user_id))

    def record(when: datetime | None, user_id: int | None, fields: _Fields) -> EventRecord:
        user = users.get(user_id or 0)
        return EventRecord(
            id=row.pk,
            record_id=row.pk,
            sys_form=True,
            update_time=None if when is None else millis(when),
            user=None
            if user is None
            else EventUser(id=user.id, first_name=user.first_name, last_name=user.last_name),
            form_status="COMPLETE",
            field_values=[EventField(name=n, caption=c, value=v) for n, c, v in fields],
        )

    return [
        EventForm(form_caption=name, records=[record(when, user_id, fields)])
        for name, when, user_id, fields in _happened(row)
    ]


def _happened(row: Specimen) -> Iterator[tuple[str, datetime | None, int | None, _Fields]]:
    if row.collection_time is not None:
        yield "SpecimenCollectionEvent", row.collection_time, row.collector_id, (
            ("procedure", "Collection Procedure", row.collection_procedure),
            ("container", "Collection Container", row.collection_container),
            ("comments", "Comments", row.collection_comments),
        )  # fmt: skip
    if row.received_time is not None:
        yield "SpecimenReceivedEvent", row.received_time, row.receiver_id, (
            ("quality", "Received Quality", row.received_quality),
            ("comments", "Comments", row.received_comments),
        )  # fmt: skip
    if row.disposal_time is not None:
        yield "SpecimenDisposalEvent", row.disposal_time, row.disposal_user_id, (
            ("reason", "Reason", row.disposal_reason),
            ("comments", "Comments", row.disposal_comments),
        )  # fmt: skip
