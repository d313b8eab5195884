"""What label tokens know of a record: plain values, filled by whoever writes the record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from specimens.protocol.models import CollectionProtocol


@dataclass(slots=True, eq=False)
class LabelValues:
    """One registration, visit or specimen, as its label's tokens see it. What is not known stays None.

    `ppid`, `visit_name` and `label` are inputs of tokens and outputs of `make_labels`. `type_id` and
    `pathology_id` are ids of permissible values; `coded` gives the properties of coded fields to `PV_PROP`,
    such as `{"specimenType": {"value": "Plasma", "abbreviation": "PL"}}`.
    """

    # protocol
    cp_id: int | None = None
    cp_code: str | None = None
    by_label: bool = False  # counters marked ◆ are kept by label rather than by id
    # registration
    registration_id: int | None = None
    ppid: str | None = None
    mrn_site_code: str | None = None  # the site's own code, of the first record number
    cp_site_code: str | None = None  # the protocol's code for that site
    reg_site_code: str | None = None
    external_subject_id: str | None = None
    # visit
    visit_id: int | None = None
    visit_name: str | None = None
    visit_date: datetime | None = None
    event_id: int | None = None
    event_label: str | None = None
    event_code: str | None = None
    clinical_status: str | None = None
    clinical_status_abbr: str | None = None
    visit_site_code: str | None = None  # the protocol's code for the visit's site, else the site's own
    # specimen
    specimen_id: int | None = None
    label: str | None = None
    requirement_code: str | None = None
    type_id: int | None = None
    type_abbr: str | None = None
    pathology_id: int | None = None
    pathology_abbr: str | None = None
    collected_at: datetime | None = None
    created_at: datetime | None = None
    parent: "LabelValues | None" = None
    primary: "LabelValues | None" = None  # the root of the tree; None: found through `parent`
    coded: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    today: date | None = None  # None: now, in the server's zone

    @staticmethod
    def of_protocol(protocol: CollectionProtocol) -> dict[str, Any]:
        """The keyword arguments that all records of a protocol share."""
        return {
            "cp_id": protocol.pk,
            "cp_code": protocol.code,
            "by_label": protocol.label_sequence_key == "LABEL",
        }

    @property
    def root(self) -> "LabelValues":
        """The primary specimen of the tree; a primary is its own."""
        if self.primary is not None:
            return self.primary
        return self if self.parent is None else self.parent.root

    def above(self) -> Iterator["LabelValues"]:
        """The specimens that must be named before this one."""
        if self.parent is not None:
            yield self.parent
        if self.primary is not None and self.primary is not self:
            yield self.primary
