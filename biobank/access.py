"""Who is calling: an `Actor` is built once a request and carries what that person may do (spec 01 part D)."""

from dataclasses import dataclass, field, replace

from biobank.wire.errors import ADMIN_RIGHTS_REQUIRED, Refused

SUPER, INSTITUTE, REGULAR, CONTACT = "SUPER", "INSTITUTE", "NONE", "CONTACT"
EXPORT_IMPORT = "Export Import"  # the operation a bulk import needs besides its own

# What rights can be about, and what they can allow (spec 01 §D.4)
RESOURCES = (
    "CollectionProtocol", "ParticipantPhi", "ParticipantDeid", "Consent", "Visit", "Specimen", "PrimarySpecimen",
    "SurgicalPathologyReport", "StorageContainer", "User", "Order", "DistributionProtocol", "ScheduledJob",
    "ShippingAndTracking", "Query", "PrintRule",
)  # fmt: skip
OPERATIONS = ("Create", "Read", "Update", "Delete", "Lock", "Unlock", EXPORT_IMPORT)

IMPORT = "import"
EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Grant:
    """One flattened right: a resource and an operation, for one site or all, for one protocol or all.

    `site_id` None means every site of the user's institute; `protocol_id` None every protocol.
    """

    resource: str
    operation: str
    site_id: int | None = None
    protocol_id: int | None = None

    def within(self, other: "Grant") -> "Grant | None":
        """This right as far as the scope of the other reaches; None when they have nothing in common.

        A role's site is always one of the user's institute, so a site lies within "every site".
        """
        site, protocol = self.site_id, self.protocol_id
        if None not in (site, other.site_id) and site != other.site_id:
            return None
        if None not in (protocol, other.protocol_id) and protocol != other.protocol_id:
            return None
        return replace(
            self,
            site_id=other.site_id if site is None else site,
            protocol_id=other.protocol_id if protocol is None else protocol,
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a request, the owner of a job, or the system itself."""

    user_id: int
    login: str
    kind: str
    institute_id: int
    grants: frozenset[Grant] = frozenset()
    time_zone: str = "UTC"
    impersonated_by: int | None = None
    via: str = "rest"  # the door: rest, import, export, admin, system
    ip_address: str = field(default="", compare=False)
    token_id: int | None = field(default=None, compare=False)  # the sign-in; None for calls with a password
    reason: str | None = field(
        default=None, compare=False
    )  # why, in the caller's words: goes into the history

    @property
    def is_super(self) -> bool:
        return self.kind == SUPER

    @property
    def is_institute_admin(self) -> bool:
        return self.kind == INSTITUTE

    def grants_for(self, resource: str, *operations: str) -> list[Grant]:
        """The caller's grants of any of the operations on the resource; not meaningful for super users.

        In an import, a right to change something must go with `Export Import` on the same resource, and
        reaches as far as both do; in an export, every right (spec 04 §2.6, §6.1).
        """
        if self.is_institute_admin:
            return [Grant(resource, operations[0])]
        held = [g for g in self.grants if g.resource == resource]
        found = [g for g in held if g.operation in operations]
        if self.via != EXPORT and (self.via != IMPORT or set(operations) <= {"Read"}):
            return found
        exim = [g for g in held if g.operation == EXPORT_IMPORT]
        both = (grant.within(other) for grant in found for other in exim)
        return list(dict.fromkeys(grant for grant in both if grant is not None))

    @property
    def may_import(self) -> bool:
        """Whether the caller may bulk import anything at all (spec 04 §1.2)."""
        return (
            self.is_super or self.is_institute_admin or any(g.operation == EXPORT_IMPORT for g in self.grants)
        )

    def has_any(self, resource: str, *operations: str) -> bool:
        return self.is_super or bool(self.grants_for(resource, *operations))

    def require_super(self) -> None:
        """Raise `RBAC_ADMIN_RIGHTS_REQUIRED` unless the caller is a super administrator."""
        if not self.is_super:
            raise Refused(ADMIN_RIGHTS_REQUIRED())
