"""Who may do what where, as one table: the tests of the rights derive every expectation from it (spec 01 part D).

`ROLES` are the shipped roles as the specification words them, `SCOPES` what a role can be given for, `PLACES` where
a record can lie, and `NEEDED` which rights an operation on a record asks for. Nothing here looks at the code.
"""

from dataclasses import dataclass

READ, CREATE, UPDATE, DELETE = OPERATIONS = ("Read", "Create", "Update", "Delete")
ALL = frozenset({*OPERATIONS, "Export Import", "Lock", "Unlock"})
KEEP = frozenset(OPERATIONS)
WORK = KEEP | {"Export Import"}
SEE = frozenset({READ})

Rights = dict[str, frozenset[str]]

STUDY = (
    "ParticipantPhi", "Consent", "Visit", "Specimen", "SurgicalPathologyReport", "StorageContainer", "Order",
    "ShippingAndTracking", "Query", "ScheduledJob",
)  # fmt: skip
EVERYTHING = (
    *STUDY,
    "CollectionProtocol",
    "ParticipantDeid",
    "PrimarySpecimen",
    "User",
    "DistributionProtocol",
)

ROLES: dict[str, Rights] = {
    "Administrator": dict.fromkeys(EVERYTHING, ALL),
    "Coordinator": dict.fromkeys((*STUDY, "CollectionProtocol"), ALL) | {"DistributionProtocol": SEE},
    "Tissue Banker": dict.fromkeys(STUDY, ALL) | {"CollectionProtocol": SEE, "DistributionProtocol": SEE},
    "Principal Investigator": dict.fromkeys((*STUDY, "CollectionProtocol", "DistributionProtocol"), SEE),
    "Researcher": dict.fromkeys(("CollectionProtocol", "ParticipantDeid", "Visit", "Specimen", "Query"), SEE),
    "Technician": dict.fromkeys(("Visit", "Specimen", "Order", "Query", "ShippingAndTracking"), WORK)
    | dict.fromkeys(
        ("CollectionProtocol", "ParticipantDeid", "DistributionProtocol", "StorageContainer"), SEE
    ),
    "Clinician": dict.fromkeys(("Visit", "PrimarySpecimen"), WORK)
    | dict.fromkeys(("ShippingAndTracking", "ParticipantPhi", "Consent"), KEEP)
    | {"CollectionProtocol": SEE},
    "Consent Collector": dict.fromkeys(("ParticipantPhi", "Consent", "Query"), ALL),
}

# Where a record can lie: (site, protocol). The caller is of institute A, which has the sites "own" and "sister".
PLACES: dict[str, tuple[str, str]] = {
    "own site": ("own", "LUNG"),
    "other protocol at the own site": ("own", "SKIN"),
    "other site of the institute": ("sister", "BRAIN"),
    "site of another institute": ("foreign", "LIVER"),
}

# What a role can be given for: (site or None, protocol or None); None is all sites of the institute, all protocols
SCOPES: dict[str, tuple[str | None, str | None]] = {
    "one protocol at one site": ("own", "LUNG"),
    "one site": ("own", None),
    "one protocol": (None, "LUNG"),
    "the institute": (None, None),
}

# What an operation on a record needs: one of the (resource, operation) pairs
NEEDED: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "protocol": {op: (("CollectionProtocol", op),) for op in OPERATIONS},
    "registration": {op: (("ParticipantPhi", op),) for op in OPERATIONS}
    | {READ: (("ParticipantPhi", READ), ("ParticipantDeid", READ))},
    "consents": {
        READ: (("Consent", READ),),
        UPDATE: (("Consent", CREATE), ("Consent", UPDATE)),
    },
    "visit": {
        READ: (("Visit", READ),),
        CREATE: (("Visit", CREATE), ("Visit", UPDATE)),
        UPDATE: (("Visit", CREATE), ("Visit", UPDATE)),
        DELETE: (("Visit", DELETE),),
    },
    "primary specimen": {
        READ: (("Specimen", READ), ("PrimarySpecimen", READ)),
        CREATE: tuple((kind, op) for kind in ("Specimen", "PrimarySpecimen") for op in (CREATE, UPDATE)),
        UPDATE: tuple((kind, op) for kind in ("Specimen", "PrimarySpecimen") for op in (CREATE, UPDATE)),
        DELETE: (("Specimen", DELETE), ("PrimarySpecimen", DELETE)),
    },
    "aliquot": {
        READ: (("Specimen", READ),),
        UPDATE: (("Specimen", CREATE), ("Specimen", UPDATE)),
        DELETE: (("Specimen", DELETE),),
    },
}


@dataclass(frozen=True)
class Caller:
    """Somebody with one role in one scope; `kind` SUPER and INSTITUTE need none.

    `everywhere`: it is the scope that is tried, so a few calls at every place rather than all at the own site.
    """

    kind: str = "NONE"
    role: str | None = None
    scope: str = "the institute"
    everywhere: bool = False

    def __str__(self) -> str:
        where = " everywhere" if self.everywhere else ""
        return f"{self.role} for {self.scope}{where}" if self.role else self.kind

    def reaches(self, place: str) -> bool:
        """Whether the scope of the caller's rights covers the place."""
        site, protocol = PLACES[place]
        if self.kind == "SUPER":
            return True
        if site == "foreign":
            return False
        if self.kind == "INSTITUTE":
            return True
        at, of = SCOPES[self.scope]
        return self.role is not None and at in (None, site) and of in (None, protocol)

    def holds(self, resource: str, operation: str) -> bool:
        """Whether the caller has the right at all."""
        if self.kind in ("SUPER", "INSTITUTE"):
            return True
        return operation in ROLES.get(self.role or "", {}).get(resource, ())

    def may(self, record: str, operation: str, place: str) -> bool:
        """What REST must answer."""
        needed = NEEDED[record].get(operation, ())
        if record == "protocol" and operation == CREATE and not self._all_protocols():
            return False
        return self.reaches(place) and any(self.holds(*right) for right in needed)

    def may_import(self, record: str, operation: str, place: str) -> bool:
        """What an import must do: the same, with `Export Import` on the resource that gives the right."""
        needed = NEEDED[record].get(operation, ())
        if not self.may(record, operation, place):
            return False
        return any(self.holds(kind, op) and self.holds(kind, "Export Import") for kind, op in needed)

    def may_query(self, place: str) -> bool:
        """Whether a query shows rows of the place: it asks for the participants' protocol (spec 05 §3.9)."""
        return self.holds("Query", READ) and self.may("registration", READ, place)

    def sees_names(self, place: str) -> bool:
        """Whether identifiers of participants are shown unmasked."""
        return self.reaches(place) and self.holds("ParticipantPhi", READ)

    def _all_protocols(self) -> bool:
        return self.kind in ("SUPER", "INSTITUTE") or (
            self.role is not None and SCOPES[self.scope][1] is None
        )


# Role and scope are independent of each other: each role is tried at the caller's own site, each scope at every place
CALLERS = (
    Caller("SUPER"),
    Caller("INSTITUTE"),
    Caller("NONE"),
    *(Caller(role=role, scope="one protocol at one site") for role in ROLES),
    *(Caller(role="Coordinator", scope=scope, everywhere=True) for scope in SCOPES),
)


def places_of(caller: Caller) -> list[str]:
    """The places where the caller's REST calls are tried; imports and queries always cover all of them."""
    if caller.kind == "INSTITUTE":
        return ["own site", "site of another institute"]
    return list(PLACES) if caller.everywhere else ["own site"]


def records_of(caller: Caller) -> dict[str, list[str]]:
    """The records and operations of the caller's REST calls: all for a role, a few for a scope."""
    if caller.everywhere:
        return {record: [READ, UPDATE, DELETE] for record in ("protocol", "registration", "aliquot")}
    return {record: list(operations) for record, operations in NEEDED.items()}
