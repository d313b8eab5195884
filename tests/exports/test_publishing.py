"""Publishing a protocol freezes a version and starts its export (spec 02 §A11, 06 §1.9, §5)."""

from collections.abc import Callable
from typing import Any

import pytest

from exports import engine
from exports.kinds import PROTOCOLS
from exports.models import Export, Snapshot, SnapshotBlock
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol, Event, PublishedVersion
from tests import factories
from tests.client import Answer, Api, Statuses
from tests.exports import cast

ROOT = "/orgs/NORDBIO/collection-protocols/LUNG"


@pytest.fixture
def lung(db: None) -> CollectionProtocol:
    found = cast.protocol()
    Event.objects.create(protocol=found, label="Baseline", code="BASELINE", point=0, point_unit="DAYS")
    return found


@pytest.fixture
def reviewer(db: None) -> User:
    return factories.user()


@pytest.fixture
def body(reviewer: User) -> dict[str, Any]:
    return {
        "changes": "Added month 6 visit",
        "reason": "Amendment 2",
        "reviewers": [{"emailAddress": reviewer.email_address}],
    }


@pytest.fixture
def root(api: Api) -> Callable[..., Answer]:
    return lambda method, path, *body: api.call(method, path, *body, base="")


def events_of(protocol: CollectionProtocol) -> str:
    return f"/collection-protocols/{protocol.pk}/published-events"


class TestPublishing:
    def test_the_version_is_kept_and_its_export_started(
        self, api: Api, lung: CollectionProtocol, body: dict[str, Any], statuses: Statuses, reviewer: User
    ) -> None:
        answer = api.post(events_of(lung), body)
        assert answer.status == statuses.created
        event = answer.json
        assert (event["cpId"], event["cpShortTitle"], event["changes"]) == (
            lung.pk,
            "LUNG",
            "Added month 6 visit",
        )
        assert [person["id"] for person in event["reviewers"]] == [reviewer.pk]
        assert api.call("head", f"{ROOT}/v1/export/", base="").status == 208
        assert api.call("post", f"{ROOT}/v1/export/", base="").status == 409

        cast.work()

        found = cast.content(api.call("get", f"{ROOT}/latest/export/", base="").body)
        assert (found["id"], found["description"], found["reason"]) == (
            "v1",
            "Added month 6 visit",
            "Amendment 2",
        )
        assert [row["id"] for row in found["events"]] == ["BASELINE"]

    def test_the_file_holds_what_was_published_not_what_came_after(
        self, api: Api, lung: CollectionProtocol, body: dict[str, Any]
    ) -> None:
        api.post(events_of(lung), body)
        lung.events.update(label="Changed", code="CHANGED")
        cast.work()
        found = cast.content(api.call("get", f"{ROOT}/v1/export/", base="").body)
        assert [(row["id"], row["label"]) for row in found["events"]] == [("BASELINE", "Baseline")]

    def test_the_people_are_told(
        self,
        api: Api,
        lung: CollectionProtocol,
        body: dict[str, Any],
        reviewer: User,
        mailoutbox: list[Any],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            api.post(events_of(lung), body)
        told = {mail.to[0] for mail in mailoutbox}
        admin = User.objects.get(login_name="admin").email_address
        assert told == {admin, reviewer.email_address, lung.principal_investigator.email_address}
        assert "LUNG v1" in mailoutbox[0].subject

    def test_what_was_published_is_listed_and_can_be_downloaded(
        self, api: Api, lung: CollectionProtocol, body: dict[str, Any]
    ) -> None:
        first = api.post(events_of(lung), body).json["id"]
        listed = api.get(events_of(lung))
        assert [event["id"] for event in listed.json] == [first]
        file = api.get(f"/collection-protocols/{lung.pk}/published-versions/{first}")
        assert file.headers["Content-Disposition"] == f'attachment;filename="CpDef_{lung.pk}.json"'
        assert (file.json["shortTitle"], file.json["id"]) == ("LUNG", lung.pk)

    @pytest.mark.parametrize(
        ("missing", "codes"),
        [
            ({"changes": " "}, ["CP_PUB_CHANGES_REQ"]),
            ({"reason": None, "reviewers": []}, ["CP_PUB_REASON_REQ", "CP_PUB_REVIEWERS_REQ"]),
            ({"reviewers": [{"emailAddress": "nobody@example.org"}]}, ["CP_PUB_INVALID_REVIEWERS"]),
        ],
    )
    def test_a_request_that_lacks_something_leaves_nothing(
        self,
        api: Api,
        lung: CollectionProtocol,
        body: dict[str, Any],
        missing: dict[str, Any],
        codes: list[str],
    ) -> None:
        answer = api.post(events_of(lung), body | missing)
        assert (answer.status, answer.codes) == (400, codes)
        assert not PublishedVersion.objects.exists()
        assert not Export.objects.exists()

    def test_nothing_new_to_publish(self, api: Api, lung: CollectionProtocol, body: dict[str, Any]) -> None:
        api.post(events_of(lung), body)
        assert api.post(events_of(lung), body).codes == ["CP_NOT_IN_DRAFT"]
        assert Export.objects.count() == 1

    def test_unknown_protocols_and_versions(
        self, api: Api, lung: CollectionProtocol, body: dict[str, Any], statuses: Statuses
    ) -> None:
        unknown = api.post("/collection-protocols/999999/published-events", body)
        assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_NOT_FOUND"])
        version = api.get(f"/collection-protocols/{lung.pk}/published-versions/999999")
        assert version.codes == ["CP_INVALID_PUB_ID"]
        other = cast.version(cast.protocol("OTHER"))
        foreign = api.get(f"/collection-protocols/{lung.pk}/published-versions/{other.pk}")
        assert (foreign.status, foreign.codes) == (400, ["COMMON_INVALID_INPUT"])

    def test_without_the_right_nothing_is_published(
        self,
        as_user: Callable[[User], Api],
        lung: CollectionProtocol,
        body: dict[str, Any],
        statuses: Statuses,
    ) -> None:
        reader = factories.user()
        site = lung.protocol_sites.get().site
        factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=lung, site=site)
        answer = as_user(reader).post(events_of(lung), body)
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
        assert not Export.objects.exists()

    def test_an_export_that_cannot_start_undoes_the_publishing(
        self, lung: CollectionProtocol, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch, api: Api
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError("no exports today")

        monkeypatch.setattr("exports.publishing.start_export", broken)
        assert api.post(events_of(lung), body).status == 500
        assert not PublishedVersion.objects.exists()


class TestVersions:
    """Protocols as repositories at the server root."""

    def test_a_protocol_and_its_versions(self, root: Callable[..., Answer], lung: CollectionProtocol) -> None:
        cast.version(lung, "v1", at=cast.PUBLISHED.replace(year=2025))
        cast.version(lung, "v2")
        repository = root("get", f"{ROOT}/").json
        assert (repository["type"], repository["id"], repository["version"]) == (
            "Collection Protocol",
            "LUNG",
            "HEAD",
        )
        assert root("get", f"{ROOT}/HEAD/").json == repository
        listed = root("get", repository["versions_url"])
        assert [row.get("version") for row in listed.json] == ["v2", "v1", "HEAD"]
        assert listed.headers["num_found"] == "3"
        newest = root("get", f"{ROOT}/latest/").json
        assert newest == listed.json[0]
        assert root("get", newest["version_url"]).json == newest
        assert root("get", newest["previous_version_url"]).json["id"] == "v1"

    def test_the_header_of_the_file_is_the_version(
        self, root: Callable[..., Answer], lung: CollectionProtocol
    ) -> None:
        cast.build(cast.version(lung, "v1"))
        header = root("get", f"{ROOT}/v1/").json
        found = cast.content(root("get", f"{ROOT}/v1/export/").body)
        assert {key: found[key] for key in header} == header

    def test_strangers_and_nobodies(
        self, lung: CollectionProtocol, as_user: Callable[[User], Api], anonymous: Api
    ) -> None:
        stranger = as_user(factories.user())
        for path in ("/", "/versions/", "/v1/", "/HEAD/"):
            cast_status = 404 if path == "/v1/" else 403
            assert stranger.call("get", ROOT + path, base="").status == cast_status
            assert anonymous.call("get", ROOT + path, base="").status == 401

    def test_a_retired_version_is_not_the_latest_and_its_file_says_so(
        self, root: Callable[..., Answer], lung: CollectionProtocol
    ) -> None:
        cast.build(cast.version(lung, "v1"))
        assert root("put", f"{ROOT}/v1/", {"retired": True}).json["retired"] is True
        assert root("get", f"{ROOT}/latest/").status == 404
        cast.work()
        assert cast.content(root("get", f"{ROOT}/v1/export/").body)["retired"] is True

    def test_only_administrators_switch(
        self, lung: CollectionProtocol, as_user: Callable[[User], Api]
    ) -> None:
        cast.version(lung, "v1")
        reader = factories.user()
        site = lung.protocol_sites.get().site
        factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=lung, site=site)
        assert as_user(reader).call("put", f"{ROOT}/v1/", {"retired": True}, base="").status == 403
        assert as_user(reader).call("post", f"{ROOT}/v1/processing/", base="").status == 403
        assert as_user(reader).call("post", f"{ROOT}/versions/", {"id": "f1"}, base="").status == 403

    def test_a_hanging_build_can_be_ended(
        self, root: Callable[..., Answer], lung: CollectionProtocol
    ) -> None:
        v1 = cast.version(lung, "v1")
        path = f"{ROOT}/v1/processing/"
        assert root("get", path).body == b"False"
        cast.ask(v1)
        job = Export.objects.get()
        assert root("get", path).body == b"True"
        assert root("get", f"{path}?debug=true").json == {"is_processing": True, "process_ids": [str(job.pk)]}
        claimed = Export.claim(job.pk)
        assert root("post", path).status == 200
        assert root("get", f"{ROOT}/v1/export/").status == 204
        assert claimed is not None
        assert not claimed.renew()
        assert root("post", f"{ROOT}/v1/export/").status == 202

    def test_a_removed_version_takes_everything_with_it(self, lung: CollectionProtocol) -> None:
        v1, v12 = cast.version(lung, "v1"), cast.version(lung, "v1.2")
        cast.build(v1), cast.build(v12)
        engine.forget(PROTOCOLS.slug, v1.pk)
        PROTOCOLS.forget(v1)
        assert engine.standing(PROTOCOLS.slug, v1.pk).phase is engine.Phase.ABSENT
        assert engine.standing(PROTOCOLS.slug, v12.pk).phase is engine.Phase.READY
        assert list(Snapshot.objects.values_list("version", flat=True)) == [v12.pk]


class TestNewFreezes:
    def test_a_freeze_is_made_and_built(self, root: Callable[..., Answer], lung: CollectionProtocol) -> None:
        answer = root(
            "post", f"{ROOT}/versions/", {"id": "f1", "kind": "freeze", "description": "For paper 3"}
        )
        assert answer.status == 201
        assert answer.headers["Location"] == f"{ROOT}/f1/"
        assert (answer.json["id"], answer.json["kind"], answer.json["description"]) == (
            "f1",
            "freeze",
            "For paper 3",
        )
        cast.work()
        assert root("get", f"{ROOT}/f1/export/").status == 200

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"kind": "freeze"}, 400),
            ({"kind": "freeze", "id": " "}, 400),
            ({"kind": "freeze", "id": "a/b"}, 400),
            ({"kind": "freeze", "id": "x" * 65}, 400),
            ({"kind": "freeze", "id": "HEAD"}, 400),
            ({"kind": "freeze", "id": "latest"}, 400),
            ({"kind": "freeze", "id": {}}, 400),
            ({"kind": "definition", "id": "v9"}, 400),
            ({"id": "v9"}, 400),
            ([], 400),
            (b"{", 400),
            ({"kind": "freeze", "id": "v1"}, 409),
        ],
    )
    def test_what_is_no_freeze(
        self, body: Any, status: int, root: Callable[..., Answer], lung: CollectionProtocol
    ) -> None:
        cast.version(lung, "v1")
        answer = root("post", f"{ROOT}/versions/", body)
        assert answer.status == status
        assert list(answer.json) == ["detail"]
        assert PublishedVersion.objects.count() == 1

    def test_a_retired_freeze_is_gone_for_good(
        self, root: Callable[..., Answer], lung: CollectionProtocol
    ) -> None:
        root("post", f"{ROOT}/versions/", {"id": "f1", "kind": "freeze"})
        cast.work()
        assert root("put", f"{ROOT}/f1/", {"retired": True}).status == 200
        assert root("get", f"{ROOT}/f1/export/").status == 204
        answer = root("post", f"{ROOT}/f1/export/")
        assert (answer.status, answer.json) == (409, {"detail": "The freeze is retired; publish a new one"})
        assert not SnapshotBlock.objects.exists()
