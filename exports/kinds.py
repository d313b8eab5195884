"""What can be exported: so far the published versions of collection protocols (spec 06 §5)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson
from django.db.models import Exists, OuterRef, QuerySet

from biobank.access import Actor
from biobank.wire.dates import parse_day
from exports import definition, freeze
from exports.models import Snapshot, SnapshotBlock
from exports.registry import HEAD, ExportKind, Owner, Section, register
from sessions_auth.models import User
from sites.models import Institute
from specimens.protocol.models import CollectionProtocol, ProtocolSite, PublishedVersion
from specimens.protocol.reads import protocols_for

RETIRED_FREEZE = "The freeze is retired; publish a new one"


class CollectionProtocols(ExportKind[CollectionProtocol, PublishedVersion]):
    """A protocol belongs to the institutes of its sites and to its principal investigator."""

    slug = "collection-protocols"
    type_label = "Collection Protocol Version"

    def repository(self, owner: Owner, repository_id: str) -> CollectionProtocol | None:
        rows = CollectionProtocol.objects.exclude(activity_status="Disabled").filter(
            short_title=repository_id
        )
        if owner.type == "User":
            rows = rows.filter(principal_investigator__login_name=owner.id)
        else:
            links = ProtocolSite.objects.filter(protocol=OuterRef("pk"), site__institute__name=owner.id)
            rows = rows.filter(Exists(links))
        return rows.first()

    def version(self, repository: CollectionProtocol, version_id: str) -> PublishedVersion | None:
        return _versions().filter(protocol=repository, version=version_id).first()

    def latest(self, repository: CollectionProtocol) -> PublishedVersion | None:
        return _newest_first(repository).filter(released=True, retired=False).first()

    def versions(self, repository: CollectionProtocol) -> Sequence[PublishedVersion]:
        return list(_newest_first(repository))

    def by_key(self, key: int) -> PublishedVersion | None:
        return _versions().filter(pk=key).first()

    def key(self, version: PublishedVersion) -> int:
        return version.pk

    def can_view(
        self, actor: Actor, repository: CollectionProtocol, version: PublishedVersion | None
    ) -> bool:
        """A freeze holds people's data: only those who run the protocol see it."""
        if version is not None and version.kind == PublishedVersion.Kind.FREEZE:
            return self.can_admin(actor, repository)
        return _may(actor, repository, "Read")

    def can_admin(self, actor: Actor, repository: CollectionProtocol) -> bool:
        return _may(actor, repository, "Update")

    def is_private(self, repository: CollectionProtocol) -> bool:
        return True

    def refusal(self, version: PublishedVersion) -> str | None:
        retired = version.kind == PublishedVersion.Kind.FREEZE and version.retired
        return RETIRED_FREEZE if retired else None

    def is_snapshot_complete(self, version: PublishedVersion) -> bool:
        return Snapshot.objects.filter(version=version).exists()

    def take_snapshot(self, version: PublishedVersion) -> None:
        snapshot = Snapshot.objects.create(version=version, counts=_counts(version.definition))
        if version.kind == PublishedVersion.Kind.FREEZE:
            freeze.take(snapshot, version.protocol_id)
        snapshot.header = orjson.dumps(_header(version, snapshot.counts)).decode()
        snapshot.save(update_fields=["header"])

    def address(self, version: PublishedVersion) -> tuple[str, str, str]:
        header = self.header(version)
        return header["owner"], header["short_code"], header["id"]

    def header(self, version: PublishedVersion) -> dict[str, Any]:
        """As frozen, but for what may be switched later: released and retired."""
        frozen = Snapshot.objects.filter(version=version).values_list("header", flat=True).first()
        found = orjson.loads(frozen) if frozen else _header(version, _counts(version.definition))
        return {**found, "released": version.released, "retired": version.retired}

    def describe(self, repository: CollectionProtocol) -> dict[str, Any]:
        return {
            "type": "Collection Protocol",
            "uuid": str(repository.pk),
            "id": repository.short_title,
            "short_code": repository.short_title,
            "title": repository.title,
            **_addresses(repository, repository.short_title),
            "version": HEAD,
            "released": False,
            "retired": repository.activity_status == "Closed",
            "public_access": "None",
            "principal_investigator": repository.principal_investigator.login_name,
            "irb_id": repository.irb_id,
            "start_date": _day(repository.start_date),
            "end_date": _day(repository.end_date),
        }

    def sections(self, version: PublishedVersion) -> Sequence[Section]:
        stored = version.definition
        found = [
            Section("events", _dumped(definition.events(stored))),
            Section("specimen_requirements", _dumped(definition.specimen_requirements(stored))),
            Section("consent_tiers", _dumped(definition.consent_tiers(stored))),
            Section("forms", ()),
            Section("permissible_values", ()),
            Section("sites", _dumped(definition.sites(stored))),
        ]
        if version.kind == PublishedVersion.Kind.FREEZE:
            found += [Section(key, freeze.fragments(version.pk, key)) for key in freeze.SECTIONS]
            found.append(Section("containers", ()))
        return found

    def last_updated(self, version: PublishedVersion) -> datetime:
        return version.published_at

    def size_hint(self, version: PublishedVersion) -> int:
        return Snapshot.objects.filter(version=version).values_list("size", flat=True).first() or 0

    def forget(self, version: PublishedVersion) -> None:
        SnapshotBlock.objects.filter(snapshot__version=version).delete()
        Snapshot.objects.filter(version=version).delete()


def _versions() -> QuerySet[PublishedVersion]:
    return PublishedVersion.objects.select_related("protocol", "published_by")


def _newest_first(repository: CollectionProtocol) -> QuerySet[PublishedVersion]:
    return _versions().filter(protocol=repository).order_by("-published_at", "-pk")


def _may(actor: Actor, protocol: CollectionProtocol, operation: str) -> bool:
    """Super users, the investigator and the coordinators may all; others what their roles say."""
    if actor.is_super or actor.user_id == protocol.principal_investigator_id:
        return True
    if protocols_for(actor, "CollectionProtocol", operation).filter(pk=protocol.pk).exists():
        return True
    return protocol.coordinators.filter(pk=actor.user_id).exists()


def owning_institute(protocol: CollectionProtocol) -> str:
    """Name of the institute a protocol is filed under: the investigator's when one of the sites is of it, else the
    first of the sites' institutes by name.
    """
    leads = User.objects.filter(pk=protocol.principal_investigator_id, institute=OuterRef("pk"))
    found = Institute.objects.filter(sites__protocol_sites__protocol=protocol).annotate(leads=Exists(leads))
    return found.order_by("-leads", "name").values_list("name", flat=True).first() or ""


def _header(version: PublishedVersion, counts: dict[str, int]) -> dict[str, Any]:
    stored, protocol = version.definition, version.protocol
    short_title = str(stored.get("shortTitle") or protocol.short_title)
    addresses = _addresses(protocol, short_title)
    url = addresses["url"]
    before = _newest_first(protocol).filter(pk__lt=version.pk).values_list("version", flat=True).first()
    return {
        "type": CollectionProtocols.type_label,
        "uuid": str(version.pk),
        "id": version.version,
        "short_code": short_title,
        "kind": version.kind,
        "title": stored.get("title", protocol.title),
        **addresses,
        "version_url": f"{url}{quote(version.version)}/",
        "previous_version_url": None if before is None else f"{url}{quote(before)}/",
        "version": version.version,
        "released": version.released,
        "retired": version.retired,
        "public_access": "None",
        "description": version.changes,
        "reason": version.reason,
        "published_on": _instant(version.published_at),
        "published_by": version.published_by.login_name,
        "principal_investigator": (stored.get("principalInvestigator") or {}).get("loginName"),
        "irb_id": stored.get("irbId"),
        "start_date": _day(stored.get("startDate")),
        "end_date": _day(stored.get("endDate")),
        "terminology": [],
        "counts": counts,
    }


def _addresses(protocol: CollectionProtocol, short_title: str) -> dict[str, str]:
    owner = owning_institute(protocol)
    owner_url = f"/orgs/{quote(owner)}/"
    url = f"{owner_url}{CollectionProtocols.slug}/{quote(short_title)}/"
    return {
        "owner": owner,
        "owner_type": "Organization",
        "owner_url": owner_url,
        "url": url,
        "versions_url": f"{url}versions/",
    }


def _counts(stored: dict[str, Any]) -> dict[str, int]:
    return {
        "events": sum(1 for _ in definition.events(stored)),
        "specimen_requirements": sum(1 for _ in definition.specimen_requirements(stored)),
        "consent_tiers": sum(1 for _ in definition.consent_tiers(stored)),
    }


def _dumped(rows: Iterator[Any]) -> Iterator[bytes]:
    return map(orjson.dumps, rows)


def _day(value: object) -> str | None:
    found = parse_day(value)
    return None if found is None else found.isoformat()


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


PROTOCOLS = CollectionProtocols()
register(PROTOCOLS)
