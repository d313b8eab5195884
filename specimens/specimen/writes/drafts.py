"""What a batch of specimens is made of: nodes come in, drafts are decided, drafts are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from django.db.models.base import ModelState

from biobank.batch.door import Change
from specimens.protocol.labels import LabelFormat
from specimens.protocol.models import Requirement
from specimens.specimen.detail import SpecimenDetail, SpecimenStatusChange
from specimens.specimen.models import Specimen

_COLUMNS = [field.attname for field in Specimen._meta.concrete_fields]
_BLANK = {name: value for name, value in Specimen().__dict__.items() if name != "_state"}


@dataclass(frozen=True, slots=True, eq=False)
class Node(Change[SpecimenDetail]):
    """A change that knows more than its detail: where it hangs in the batch, and how it is meant.

    `parent` is a node that stands before it; `collecting` follows the rules of collect trees (spec 03 §3.8);
    `adopting` takes whatever specimen of the visit the requirement has already (§2.8); nodes of one `request`
    thaw a parent once; `disposal` says why it is closed, and with `amends` corrects what was said when it was;
    `force` deletes the sub-tree; `restoring` puts an exported specimen back as it was, so that it takes nothing of
    its parent once more (spec 04 §6); `closing` closes the parent that it names.
    """

    parent: "Node | None" = None
    collecting: bool = False
    adopting: bool = False
    request: int | None = None
    disposal: SpecimenStatusChange | None = None
    amends: bool = False
    force: bool = False
    restoring: bool = False
    closing: bool = False


class VisitFacts(NamedTuple):
    """What a specimen takes from its visit."""

    id: int
    name: str
    status: str
    visit_date: datetime | None
    protocol_id: int
    event_id: int | None
    registration_id: int
    ppid: str


class Batch(Protocol):
    """What storing needs of the batch that planned the drafts: names for them, and the reason for the history."""

    reason: str | None

    def generate(self, drafts: "Sequence[Draft]") -> None:
        """Make labels and barcodes; the keys are known."""


class Draft:
    """A specimen as it will be: its row, what it hangs on, and what else its coming about does."""

    __slots__ = (
        "additional", "additional_format", "barcode_format", "batch", "counted", "draw", "label_format", "new",
        "original", "parent", "pool", "print_label", "requirement", "row", "thaw", "visit",
    )  # fmt: skip

    def __init__(self, row: Specimen, visit: VisitFacts, *, new: bool) -> None:
        self.row = row
        self.visit = visit
        self.new = new
        self.parent: Draft | None = None
        self.requirement: Requirement | None = None
        self.original: dict[str, Any] | None = None  # the stored values, once something touches them
        self.label_format: LabelFormat | None = None  # names the specimen when it is written
        self.additional_format: LabelFormat | None = None
        self.barcode_format: LabelFormat | None = None
        self.counted = False  # is named after its parent, with a number
        self.draw: Decimal | None = None  # what it takes out of its parent
        self.thaw: tuple[int, int] | None = None  # (request, cycles) added to its parent
        self.pool: list[Draft] = []  # what goes into it
        self.print_label = False
        self.additional: list[Draft] | None = None  # others that are written with it
        self.batch: Batch | None = None

    @staticmethod
    def fresh(visit: VisitFacts) -> "Draft":
        """A specimen that is not stored yet, all defaults."""
        row = Specimen.__new__(Specimen)
        row.__dict__.update(
            _BLANK,
            _state=ModelState(),
            biohazards=[],
            external_ids=[],
            visit_id=visit.id,
            protocol_id=visit.protocol_id,
        )
        return Draft(row, visit, new=True)

    @property
    def root(self) -> "Draft":
        """The primary specimen of the tree, as far as it is loaded."""
        found = self
        while found.parent is not None:
            found = found.parent
        return found

    def changed(self) -> list[str]:
        """The columns in which a stored specimen differs from what is stored."""
        if self.new or self.original is None:
            return []
        now, then = self.row.__dict__, self.original
        if now == then:
            return []
        return [name for name in _COLUMNS if now[name] != then[name]]

    def with_others(self) -> "Iterator[Draft]":
        """The draft and all that is written because of it."""
        yield self
        for other in self.additional or ():
            yield from other.with_others()

    def bring(self, other: "Draft") -> None:
        """Write `other` whenever this one is written."""
        if self.additional is None:
            self.additional = []
        self.additional.append(other)


class Before(NamedTuple):
    """A draft before the row that is being planned touched it."""

    draft: Draft
    values: dict[str, Any]
    others: int
    visit: VisitFacts
    requirement: Requirement | None

    def restore(self) -> None:
        draft = self.draft
        draft.row.__dict__.update(self.values)
        draft.visit, draft.requirement = self.visit, self.requirement
        del (draft.additional or [])[self.others :]


def all_of(drafts: Sequence[Draft]) -> Iterator[Draft]:
    """Every specimen a batch writes, each once, parents before their children."""
    seen: set[int] = set()
    for draft in drafts:
        for one in draft.with_others():
            if id(one) not in seen:
                seen.add(id(one))
                yield one
