"""The wire shapes of published versions and of the definition file (spec 02 §A7, §A11)."""

from biobank.wire.detail import Instant, SparseDetail, Text, Whole
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary
from specimens.protocol.detail.consents import TierDetail
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.detail.protocols import ProtocolDetail, Workflow
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.detail.units import UnitDetail


class PublishDetail(SparseDetail):
    """One publishing of a protocol; `changes`, `reason` and `reviewers` are read."""

    cp_id: Whole = None
    cp_title: Text = None
    cp_short_title: Text = None
    changes: Text = None
    reason: Text = None
    published_by: UserSummary | None = None
    publication_date: Instant = None
    reviewers: list[UserSummary] | None = None


class PublishQuery(Paged):
    pass


class EventDefinition(ProtocolEventDetail):
    specimen_requirements: list[RequirementDetail] | None = None


class Definition(ProtocolDetail):
    """A protocol with all that belongs to it, as exported and imported."""

    consents: list[TierDetail] | None = None
    events: list[EventDefinition] | None = None
    workflows: dict[str, Workflow] | None = None
    units: list[UnitDetail] | None = None
