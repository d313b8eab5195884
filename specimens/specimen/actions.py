"""Quick actions on specimens and on the specimens of a visit, for the admin's pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldBooleanWidget

from biobank.access import Actor
from biobank.admin import plain
from biobank.batch.door import Change
from biobank.quick import Done, QuickForm, bulk, midday, one_of, page_of, quick, remark, text, whole
from biobank.quick import day as day_field
from specimens.participant.admin import listed
from specimens.protocol.models import Requirement
from specimens.specimen import writes
from specimens.specimen.detail import AliquotSpec, CollectionEvent, SpecimenDetail, SpecimenStatusChange
from specimens.specimen.models import Specimen
from specimens.specimen.rules import ACTIVE, CLOSED, COLLECTED, MISSED, NEW
from specimens.visit import reads as visit_reads
from specimens.visit.models import Visit
from specimens.visit.rules import COMPLETE
from specimens.visit.rules import PENDING as VISIT_PENDING

MOST_PLANNED = 40  # specimens that one dialog asks for


def reasons() -> list[str]:
    return listed("specimen_dispose_reason")


class CloseForm(QuickForm):
    reason = one_of("Reason", reasons)
    date = day_field("Date", help_text="Blank: now")
    comments = remark()


class CollectForm(QuickForm):
    label = text("Label", help_text="Blank: as it is, or made by the protocol's format")
    initial_qty = forms.DecimalField(label="Quantity", required=False, min_value=0)
    date = day_field("Collected on", help_text="Blank: now")


class AliquotForm(QuickForm):
    number = whole(
        "How many",
        min_value=1,
        required=False,
        help_text="Blank: as many as the quantity gives, or the labels",
    )
    quantity = forms.DecimalField(label="Quantity of each", required=False, min_value=0)
    labels = text("Labels", help_text="Separated by commas; blank: made by the protocol's format")
    type = text("Type", help_text="Blank: the parent's; another type makes a derivative first")
    close_parent = forms.BooleanField(label="Close the parent", required=False, widget=UnfoldBooleanWidget)
    comments = remark()


def change_activity(pks: Sequence[int], status: str, given: dict[str, Any], actor: Actor) -> None:
    """Close or reopen specimens in one call, all or none."""
    change = SpecimenStatusChange(
        status=status,
        reason=given.get("reason"),
        date=midday(given.get("date")),
        comments=given.get("comments"),
    )
    writes.change_status([change] * len(pks), pks, actor)


def is_open(row: Any) -> bool:
    return bool(row.activity_status == ACTIVE)


def is_collected(row: Any) -> bool:
    return is_open(row) and bool(row.status == COLLECTED)


class SpecimenActions:
    """What can be done with a specimen on its page, and with several in the list."""

    @quick(
        "Close", icon="block", form=CloseForm, when=is_open, submit="Close",
        ask="Closes the specimen: disposed of, used up, lost. It can be opened again.",
    )  # fmt: skip
    def close(self, row: Specimen, given: dict[str, Any], actor: Actor) -> Done:
        change_activity([row.pk], CLOSED, given, actor)
        return Done(f"{row} is closed")

    @quick(
        "Reopen", icon="lock_open", when=lambda row: row.activity_status == CLOSED,
        ask="Makes the specimen active again. Its quantity and its place do not come back.",
    )  # fmt: skip
    def reopen(self, row: Specimen, given: dict[str, Any], actor: Actor) -> Done:
        change_activity([row.pk], ACTIVE, given, actor)
        return Done(f"{row} is open again")

    @quick(
        "Create aliquots", icon="call_split", form=AliquotForm, when=is_collected, submit="Create",
        ask="Takes the quantity from this specimen.",
    )  # fmt: skip
    def aliquots(self, row: Specimen, given: dict[str, Any], actor: Actor) -> Done:
        spec = AliquotSpec(
            parent_id=row.pk,
            no_of_aliquots=given["number"],
            qty_per_aliquot=given["quantity"],
            labels=given["labels"],
            type=given["type"],
            close_parent=given["close_parent"] or None,
            comments=given["comments"],
        )
        writes.ALIQUOTS.write_one(spec, actor)
        return Done(f"The aliquots of {row} are made")

    @quick(
        "Collect", icon="colorize", form=CollectForm, submit="Collect",
        when=lambda row: is_open(row) and row.status != COLLECTED,
    )  # fmt: skip
    def collect(self, row: Specimen, given: dict[str, Any], actor: Actor) -> Done:
        sent: dict[str, Any] = {"status": COLLECTED}
        sent |= {name: given[name] for name in ("label", "initial_qty") if given[name] is not None}
        if given["date"] is not None:
            at = midday(given["date"])
            sent |= (
                {"collection_event": CollectionEvent(time=at)} if row.lineage == NEW else {"created_on": at}
            )
        writes.SPECIMENS.write_one(SpecimenDetail(**sent), actor, row.pk)
        return Done(f"{row} is collected")

    @bulk("Close the chosen specimens", form=CloseForm, submit="Close", ask="They can be opened again.")
    def close_all(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        change_activity(pks, CLOSED, given, actor)
        return Done(f"{len(pks):,} specimens are closed")

    @bulk("Reopen the chosen specimens", submit="Reopen")
    def reopen_all(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        change_activity(pks, ACTIVE, given, actor)
        return Done(f"{len(pks):,} specimens are open again")

    @bulk("Collection was missed", submit="Missed", ask="For planned specimens that could not be collected.")
    def miss_all(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        writes.SPECIMENS.write([Change(SpecimenDetail(status=MISSED), pk) for pk in pks], actor)
        return Done(f"The collection of {len(pks):,} specimens was missed")


# --- Visits ----------------------------------------------------------------------------------------------


def planned(visit: Visit) -> list[tuple[Requirement, Specimen | None]]:
    """The primary specimens that a visit's event asks for and that are not collected yet, in order; two queries."""
    if visit.event_id is None:
        return []
    wanted = Requirement.objects.filter(event=visit.event_id, lineage=NEW, activity_status=ACTIVE)
    known = Specimen.objects.filter(visit=visit, lineage=NEW, requirement__isnull=False)
    there = {row.requirement_id: row for row in known.exclude(activity_status="Disabled")}
    rows = [(one, there.get(one.pk)) for one in wanted.order_by("sort_order", "pk")]
    return [(one, row) for one, row in rows if row is None or row.status == "Pending"][:MOST_PLANNED]


class PlannedForm(QuickForm):
    """For each planned specimen: whether it was collected, its label, its quantity."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = planned(self.row)
        for one, row in self.asked:
            name = f"{one.name or one.type} ({plain(one.initial_qty) or '?'})"
            self.fields[f"take_{one.pk}"] = forms.BooleanField(
                label=f"Collected: {name}", required=False, initial=True, widget=UnfoldBooleanWidget
            )
            self.fields[f"label_{one.pk}"] = text(
                "Label", initial=row.label if row else "", help_text="Blank: made by the protocol's format"
            )


class VisitActions:
    """What can be done with the specimens of a visit on its page."""

    @quick(
        "Collect specimens", icon="colorize", form=PlannedForm, submit="Collect",
        ask="The primary specimens that are planned for this visit and not collected yet.",
        when=lambda row: row.event_id is not None and is_open(row) and row.status in (COMPLETE, VISIT_PENDING),
    )  # fmt: skip
    def collect_planned(self, row: Visit, given: dict[str, Any], actor: Actor) -> Done:
        trees = []
        for one, there in planned(row):
            if not given.get(f"take_{one.pk}"):
                continue
            sent: dict[str, Any] = {"visit_id": row.pk, "req_id": one.pk, "lineage": NEW, "status": COLLECTED}
            if there is not None:
                sent["id"] = there.pk
            if given.get(f"label_{one.pk}"):
                sent["label"] = given[f"label_{one.pk}"]
            trees.append(SpecimenDetail(**sent))
        if not trees:
            return Done("Nothing was chosen, and nothing collected")
        if row.status == COMPLETE:
            writes.collect(trees, actor)
        else:  # the visit took place
            visit = visit_reads.shown(actor, [row.pk])[0]
            visit.status, visit.visit_date = COMPLETE, visit.visit_date or timezone.now()
            writes.collect_visit(visit, trees, actor)
        return Done(f"{len(trees)} specimens are collected", page_of("visit_visit", row.pk))
