"""The same few records at every place of the matrix, and the calls, imports and queries that touch them."""

from collections.abc import Callable
from typing import Any

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.batch.door import Change
from biobank.wire.errors import Refused
from sessions_auth.actor import actor_of
from sessions_auth.models import Role, SubjectRole, User
from sessions_auth.tokens import issue
from sites.models import Site
from specimens.participant.models import Registration
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Answer, Api
from tests.queries.asking import rows
from tests.rights.matrix import CREATE, DELETE, PLACES, READ, SCOPES, UPDATE, Caller

DENIALS = {"RBAC_ACCESS_DENIED", "CP_CREATOR_DOES_NOT_BELONG_CP_REPOS"}
DOORS = {"protocol": "cp", "registration": "cpr", "visit": "visit", "primary specimen": "specimen"}
PATHS = {
    "protocol": "/collection-protocols",
    "registration": "/collection-protocol-registrations",
    "visit": "/visits",
    "primary specimen": "/specimens",
    "aliquot": "/specimens",
}


class Place:
    """One protocol at one site, with two registrations; the second is there to be deleted."""

    def __init__(self, site: Site, title: str) -> None:
        self.site = site
        self.protocol = studies.protocol(f"{title} {factories.number()}", at=[site])
        self.empty = studies.protocol(f"{title} {factories.number()}", at=[site])
        self.kept, self.doomed = studies.registration(self.protocol), studies.registration(self.protocol)
        self.kept.participant.last_name = "Quist"
        self.kept.participant.save()
        self.visit, self.doomed_visit = studies.visit(self.kept), studies.visit(self.kept)
        self.tube = self._specimen()
        self.aliquot = self._specimen(parent=self.tube, primary=self.tube, lineage="Aliquot")
        self.doomed_tube = self._specimen()
        self.doomed_aliquot = self._specimen(parent=self.tube, primary=self.tube, lineage="Aliquot")

    def _specimen(self, **more: Any) -> Specimen:
        return Specimen.objects.create(
            visit=self.visit, protocol=self.protocol, label=f"M{factories.number()}", specimen_class="Fluid",
            type="Plasma", available_qty=5, initial_qty=5, **more,
        )  # fmt: skip

    def record(self, kind: str, *, doomed: bool = False) -> Any:
        return {
            "protocol": self.empty if doomed else self.protocol,
            "registration": self.doomed if doomed else self.kept,
            "consents": self.kept,
            "visit": self.doomed_visit if doomed else self.visit,
            "primary specimen": self.doomed_tube if doomed else self.tube,
            "aliquot": self.doomed_aliquot if doomed else self.aliquot,
        }[kind]

    def body(self, kind: str, *, new: bool) -> dict[str, Any]:
        """What a client sends to create a record here, or to change the one that is kept."""
        n = factories.number()
        if kind == "protocol":
            row = self.protocol
            return {
                "title": f"New study {n}" if new else row.title,
                "shortTitle": f"NEW {n}" if new else row.short_title,
                "principalInvestigator": {"id": 2},
                "cpSites": [{"siteName": self.site.name}],
                "irbId": f"IRB {n}",
            }
        if kind == "registration":
            person = {} if new else {"id": self.kept.participant_id}
            body = studies.registration_body(self.protocol, f"N-{n}" if new else self.kept.ppid)
            return {**body, "participant": person, "externalSubjectId": f"E{n}"}
        if kind == "visit":
            name = f"N{n}" if new else self.visit.name
            return {
                "cprId": self.kept.pk,
                "name": name,
                "visitDate": "2024-03-12T09:15:00Z",
                "comments": f"c{n}",
            }
        if kind == "aliquot":
            return {"comments": f"c{n}"}
        more = {"label": f"N{n}", "initialQty": 10} if new else {"comments": f"c{n}"}
        return {"visitId": self.visit.pk, "specimenClass": "Fluid", "type": "Plasma", **more}


class World:
    """The records at all places, and one caller."""

    def __init__(self, caller: Caller) -> None:
        home = factories.institute()
        sites = {
            "own": factories.site(of=home),
            "sister": factories.site(of=home),
            "foreign": factories.site(of=factories.institute()),
        }
        self.places = {name: Place(sites[site], title) for name, (site, title) in PLACES.items()}
        user = factories.user(caller.kind, of=home)
        if caller.role is not None:
            at, of = SCOPES[caller.scope]
            role, place = Role.objects.get(name=caller.role), self.places["own site"]
            site = sites[at] if at else None
            for study in (place.protocol, place.empty) if of else (None,):
                SubjectRole.objects.create(user=user, role=role, site=site, protocol=study)
        self.user: User = user
        self.api = Api(issue(user))

    @property
    def importer(self) -> Actor:
        """The caller as the owner of an import job."""
        return actor_of(self.user, via="import")

    def call(self, kind: str, operation: str, place: Place) -> Answer:
        """The REST call for an operation on a record at a place."""
        target = place.record(kind, doomed=operation == DELETE)
        if kind == "consents":
            path = f"/collection-protocol-registrations/{target.pk}/consents"
            return self.api.get(path) if operation == READ else self.api.put(path, {"comments": "Heard"})
        one = f"{PATHS[kind]}/{target.pk}"
        calls: dict[str, Callable[[], Answer]] = {
            READ: lambda: self.api.get(one),
            CREATE: lambda: self.api.post(PATHS[kind], place.body(kind, new=True)),
            UPDATE: lambda: self.api.put(one, place.body(kind, new=False)),
            DELETE: lambda: self.api.delete(one),
        }
        return calls[operation]()

    def import_everywhere(self, kind: str, operation: str) -> dict[str, bool]:
        """Whether a row of an import goes through, by place; all places are rows of one batch."""
        schema = schemas.find(DOORS[kind])
        assert schema is not None and schema.door is not None
        changes = [
            Change(
                schema.detail.parse(place.body(kind, new=operation == CREATE)),
                place.record(kind).pk if operation == UPDATE else None,
            )
            for place in self.places.values()
        ]
        outcomes = schema.door.write_each(changes, self.importer)
        wrong = {problem.code for outcome in outcomes for problem in outcome.problems} - DENIALS
        assert not wrong, f"{kind} {operation}: {wrong}"
        return {name: outcome.ok for name, outcome in zip(self.places, outcomes, strict=True)}

    def listed(self, kind: str, place: Place) -> bool:
        """Whether the list of the place shows the record."""
        target = place.record(kind)
        lists: dict[str, Callable[[], Answer]] = {
            "protocol": lambda: self.api.get(f"{PATHS[kind]}?maxResults=1000"),
            "registration": lambda: self.api.post(f"{PATHS[kind]}/list", {"cpId": place.protocol.pk}),
            "visit": lambda: self.api.get(f"{PATHS[kind]}?cprId={place.kept.pk}"),
            "primary specimen": lambda: self.api.get(f"{PATHS[kind]}?cpId={place.protocol.pk}"),
            "aliquot": lambda: self.api.get(f"{PATHS[kind]}?label={place.aliquot.label}"),
        }
        answer = lists[kind]()
        if answer.status != 200:
            assert set(answer.codes) <= DENIALS, answer.json
            return False
        return target.pk in _ids(answer.json)

    def asked(self, field: str) -> dict[str, list[str | None]]:
        """What a query tells of a field's value and the last name, by place."""
        aql = f"select {field}, Participant.lastName where {field} exists"
        try:
            found = rows(aql, actor_of(self.user))
        except Refused as refused:
            assert {problem.code for problem in refused.problems} <= DENIALS
            found = []
        told = {str(value): name for value, name in found}
        column = {
            "Participant.ppid": "kept",
            "SpecimenCollectionGroup.name": "visit",
            "Specimen.label": "tube",
        }
        answers: dict[str, list[str | None]] = {}
        for name, place in self.places.items():
            record = getattr(place, column[field])
            value = str(getattr(record, field.rpartition(".")[2]))
            answers[name] = [told[value]] if value in told else []
        return answers


def _ids(found: Any) -> set[int]:
    """Every id in an answer; specimens come as trees."""
    if isinstance(found, list):
        return {pk for item in found for pk in _ids(item)}
    if not isinstance(found, dict):
        return set()
    own = {found[key] for key in ("id", "cprId") if isinstance(found.get(key), int)}
    return own | {pk for key in ("children", "specimensPool") for pk in _ids(found.get(key) or [])}


def alive(row: Any) -> bool:
    """Whether a record is there still."""
    kept: type[Any] = type(row)
    assert kept in (CollectionProtocol, Registration, Visit, Specimen)
    return bool(kept.objects.filter(pk=row.pk).exclude(activity_status="Disabled").exists())
