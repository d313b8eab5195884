"""Who is calling: an `Actor` is built once a request and carries what that person may do (spec 01 part D)."""

from dataclasses import dataclass, field

from biobank.wire.errors import ADMIN_RIGHTS_REQUIRED, Refused

SUPER, INSTITUTE, REGULAR, CONTACT = "SUPER", "INSTITUTE", "NONE", "CONTACT"


@dataclass(frozen=True, slots=True)
class Grant:
    """One flattened right: a resource and an operation, for one site or all, for one protocol or all.

    `site_id` None means every site of the user's institute; `protocol_id` None every protocol.
    """

    resource: str
    operation: str
    site_id: int | None = None
    protocol_id: int | None = None


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
    via: str = "rest"  # the door: rest, import, admin, system
    ip_address: str = field(default="", compare=False)

    @property
    def is_super(self) -> bool:
        return self.kind == SUPER

    @property
    def is_institute_admin(self) -> bool:
        return self.kind == INSTITUTE

    def grants_for(self, resource: str, *operations: str) -> list[Grant]:
        """The caller's grants of any of the operations on the resource; not meaningful for super users."""
        if self.is_institute_admin:
            return [Grant(resource, operations[0])]
        return [g for g in self.grants if g.resource == resource and g.operation in operations]

    def has_any(self, resource: str, *operations: str) -> bool:
        return self.is_super or bool(self.grants_for(resource, *operations))

    def require_super(self) -> None:
        """Raise `RBAC_ADMIN_RIGHTS_REQUIRED` unless the caller is a super administrator."""
        if not self.is_super:
            raise Refused(ADMIN_RIGHTS_REQUIRED())
