"""Which operations mean something on which resource, and the roles a new server has (spec 01 §D.4, §D.6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from biobank.access import OPERATIONS, RESOURCES

LOCAL_DOMAIN = "openspecimen"

ADMINISTRATOR = "Administrator"

_READ = ("Read",)
_KEEP = ("Create", "Read", "Update", "Delete")
_WORK = (*_KEEP, "Export Import")
_LOCKABLE = frozenset({"SurgicalPathologyReport", "Consent"})


@dataclass(frozen=True, slots=True)
class DefaultRole:
    """A role as shipped; `rights` maps resources to operations."""

    name: str
    description: str
    rights: Mapping[str, tuple[str, ...]]


def operations_of(resource: str) -> tuple[str, ...]:
    """Every operation that means something on the resource."""
    return OPERATIONS if resource in _LOCKABLE else _WORK


def _all(*resources: str) -> dict[str, tuple[str, ...]]:
    return {resource: operations_of(resource) for resource in resources}


_STUDY = (
    "ParticipantPhi", "Consent", "Visit", "Specimen", "SurgicalPathologyReport", "StorageContainer", "Order",
    "ShippingAndTracking", "Query", "ScheduledJob",
)  # fmt: skip

DEFAULT_ROLES = (
    DefaultRole(ADMINISTRATOR, "Every right, for the sites and protocols it is given for", _all(*RESOURCES)),
    DefaultRole(
        "Coordinator",
        "Runs a study: protocol, participants, visits, specimens",
        {**_all("CollectionProtocol", *_STUDY), "DistributionProtocol": _READ},
    ),
    DefaultRole(
        "Tissue Banker",
        "Keeps the samples of a study",
        {**_all(*_STUDY), "CollectionProtocol": _READ, "DistributionProtocol": _READ},
    ),
    DefaultRole(
        "Principal Investigator",
        "Reads everything of a study, identifiers included",
        dict.fromkeys(("CollectionProtocol", *_STUDY, "DistributionProtocol"), _READ),
    ),
    DefaultRole(
        "Researcher",
        "Reads a study without identifiers",
        dict.fromkeys(("CollectionProtocol", "ParticipantDeid", "Visit", "Specimen", "Query"), _READ),
    ),
    DefaultRole(
        "Technician",
        "Works with visits and specimens, without identifiers",
        {
            **dict.fromkeys(("Visit", "Specimen", "Order", "Query", "ShippingAndTracking"), _WORK),
            **dict.fromkeys(
                ("CollectionProtocol", "ParticipantDeid", "DistributionProtocol", "StorageContainer"), _READ
            ),
        },
    ),
    DefaultRole(
        "Clinician",
        "Registers participants and collects primary specimens",
        {
            "CollectionProtocol": _READ,
            **dict.fromkeys(("Visit", "PrimarySpecimen"), _WORK),
            **dict.fromkeys(("ShippingAndTracking", "ParticipantPhi", "Consent"), _KEEP),
        },
    ),
    DefaultRole(
        "Consent Collector",
        "Registers participants and records their consents",
        _all("ParticipantPhi", "Consent", "Query"),
    ),
)
